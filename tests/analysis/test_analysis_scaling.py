"""Scaling studies: times from the record, the table, and the model's constants from tables made with known ones."""

import math

import numpy as np
import pandas as pd
import pytest
from recorded_runs import Shape, write_run
from scipy import stats

from autosampling import scaling
from autosampling.cli import main
from autosampling.scaling import SHARES, Model

KNOWN = Model(member=1.0, sharing=0.002, jitter=0.07, latency=0.003, bandwidth=4e8, fixed=0.01, row=2e-5)


def made_line(model, ranks, members, host, state, draw_bytes):
    """A line as `summarise` gives it, with the times that the module's description of the model says."""
    holding = min(ranks, members)  # ranks that have members
    host_ranks, most, mean = min(ranks, host), -(-members // holding), members / holding
    one = model.member + model.sharing * host_ranks
    a_member = scaling.OUTCOME_BYTES + draw_bytes if ranks > 1 else 0
    received = state + a_member * members if ranks > 1 else 0.0
    doublings = math.ceil(math.log2(ranks))
    messages = model.latency * doublings + received * max(doublings, host_ranks) / model.bandwidth
    rest = model.fixed + model.row * members
    line = {"ranks": ranks, "members": members, "host_ranks": host_ranks, "received": received}
    line["received_a_member"] = a_member
    line |= {"training": 0.9 * mean * one, "reward": 0.1 * mean * one, "exchange": 0.7 * messages}
    line |= {"gather": 0.3 * messages, "record": 0.5 * rest, "other": 0.5 * rest}
    # The largest of normal numbers, by its quantiles.
    largest = stats.norm.ppf(np.linspace(0, 1, 2_000_001)[1::2] ** (1 / holding)).mean()
    line["waiting"] = model.jitter * math.sqrt(mean) * largest + (most - mean) * one
    return line | {"efficiency": 1.0, "interval": np.nan}


def made_table(model, ranks, members=None, host=8, state=1e6, noise=0.0, draw_bytes=0):
    """Of a member a rank, or of so many members in all, of each of which so many bytes of draws are learned from."""
    table = pd.DataFrame([made_line(model, n, members or n, host, state, draw_bytes) for n in ranks])
    random = np.random.default_rng(1)
    for name in SHARES:
        table[name] *= 1 + noise * random.standard_normal(len(table))
    table["cycle"] = sum(table[name] for name in SHARES)
    return table


def test_expected_maximum_has_its_known_values():
    known = [0, 1 / math.sqrt(math.pi), 1.5 / math.sqrt(math.pi), 1.53875273083517, 3.24143577]
    assert scaling.expected_maximum([1, 2, 3, 10, 1000]) == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize("members", [None, 96])
def test_fit_recovers_the_constants_of_a_made_up_table(members):
    model = scaling.fit(made_table(KNOWN, [1, 2, 4, 8, 16, 64, 96], members))
    for name, value in vars(KNOWN).items():
        if members and name in ("fixed", "row"):  # the same members everywhere: only their sum is known
            continue
        assert getattr(model, name) == pytest.approx(value, rel=1e-3), name
    assert model.fixed + 96 * model.row == pytest.approx(KNOWN.fixed + 96 * KNOWN.row, rel=1e-3)


def test_twice_the_ranks_are_foreseen():
    said, error = scaling.check(made_table(KNOWN, [2, 4, 8, 16, 32, 64, 128, 256], noise=0.02))
    truth = made_table(KNOWN, [256])["cycle"].iloc[0]
    assert said == pytest.approx(truth, rel=0.03) and abs(error) < 0.06


def test_ranks_that_are_checked_are_not_fitted():
    table = made_table(KNOWN, [2, 4, 8, 16])
    for name in ("cycle", "gather"):
        table.loc[3, name] += 5
    said, error = scaling.check(table)
    assert said == pytest.approx(made_table(KNOWN, [16])["cycle"].iloc[0], rel=1e-4) and error < -0.7


def test_projection_goes_to_4096_ranks_or_to_a_member_a_rank():
    for draw_bytes in (0, 10_240):
        more = scaling.project(made_table(KNOWN, [2, 4, 8, 16], draw_bytes=draw_bytes), KNOWN)
        assert list(more["ranks"]) == [32, 64, 128, 256, 512, 1024, 2048, 4096]
        assert list(more["host_ranks"]) == [8] * 8 and list(more["members"]) == list(more["ranks"])
        truth = made_table(KNOWN, list(more["ranks"]), draw_bytes=draw_bytes)["cycle"]
        assert list(more["cycle"]) == pytest.approx(list(truth), rel=1e-4)
    more = scaling.project(made_table(KNOWN, [2, 4, 8, 16], members=96), KNOWN)
    assert list(more["ranks"]) == [32, 64] and list(more["members"]) == [96, 96]
    one_host = scaling.project(made_table(KNOWN, [2, 4], host=99), KNOWN)
    assert list(one_host["host_ranks"][:2]) == [8, 16]


def make_series(folder, kind="weak", ranks=(1, 2, 4), repeats=2, cycle=1.0, **shape):
    """Runs whose cycles take `cycle` seconds and 0.1 more a rank, and as much again in the second repeat."""
    for n in ranks:
        for repeat in range(1, repeats + 1):
            by_cycle, first = ("cycle",), np.r_[50.0, np.zeros(23)]  # the first one is to be left out
            more = {
                "seconds_cycle": (by_cycle, first + cycle + 0.1 * n * repeat),
                "seconds_gather": (by_cycle, first + 0.25),
                "seconds_exchange": (by_cycle, first + 0.03),
                "seconds_record": (by_cycle, first + 0.02),
            }
            run = Shape(members=max(n, 2), slots=1, ranks=n, credit="winner", **shape)
            write_run(folder / f"{kind}-{n:05}-{repeat}", run, more)
    return folder


def test_times_of_a_run_add_up_to_its_cycle(tmp_path):
    run = scaling.measure(make_series(tmp_path, ranks=[4]) / "weak-00004-1")
    assert sum(run[name] for name in SHARES) == pytest.approx(run["cycle"]) == pytest.approx(1.4)
    # Members train for 0.5 s; one evaluates for 0.4 s, the others for 0.3 s.
    expected = {"training": 0.5, "reward": 0.325, "waiting": 0.2, "gather": 0.05, "exchange": 0.03, "record": 0.02}
    assert {name: run[name] for name in expected} == pytest.approx(expected)
    assert run["host_ranks"] == 4 and run["received"] == 4 * scaling.OUTCOME_BYTES + 4 * 10
    assert run["received_a_member"] == scaling.OUTCOME_BYTES


def test_several_members_of_a_rank_take_turns(tmp_path):
    run = scaling.measure(make_series(tmp_path, ranks=[1]) / "weak-00001-1")
    assert run["training"] == pytest.approx(1.0) and run["received"] == 0


def test_summary_has_the_interval_over_repeats_and_the_efficiency(tmp_path):
    table = scaling.summarise(scaling.read_series(make_series(tmp_path, ranks=(2, 4), repeats=3)))
    assert list(table["cycle"]) == pytest.approx([1.4, 1.8])
    assert table["interval"].iloc[0] == pytest.approx(4.302653 * 0.2 / math.sqrt(3))
    assert list(table["efficiency"]) == pytest.approx([1, 1.4 / 1.8])
    (tmp_path / "once").mkdir()
    once = scaling.summarise(scaling.read_series(make_series(tmp_path / "once", ranks=[2], repeats=1)))
    assert np.isnan(once["interval"].iloc[0])


def test_command_prints_both_kinds_and_draws_them(tmp_path, capsys):
    make_series(tmp_path, ranks=(1, 2, 4, 8)), make_series(tmp_path, "strong", ranks=(2, 4))
    (tmp_path / "notes").mkdir()
    assert main(["scaling", str(tmp_path), "--csv", str(tmp_path / "runs.csv")]) == 0
    out = capsys.readouterr().out
    assert "weak scaling" in out and "strong scaling" in out and "\n  4096" in out
    assert "fitted on up to 4 ranks it says" in out
    assert (tmp_path / "scaling.png").stat().st_size > 10_000
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 12


def test_what_is_no_series_is_refused(tmp_path, capsys):
    assert main(["scaling", str(tmp_path)]) == 3
    assert "has no finished run" in capsys.readouterr().err
    write_run(tmp_path / "weak-00002-1", Shape(slots=1))
    assert main(["scaling", str(tmp_path)]) == 3
    assert "doesn't say where time went" in capsys.readouterr().err
    make_series(tmp_path / "mixed", ranks=[2])
    make_series(tmp_path / "mixed", ranks=[4], seed=8)
    assert main(["scaling", str(tmp_path / "mixed")]) == 3
    assert "other options" in capsys.readouterr().err
