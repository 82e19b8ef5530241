"""Measures and comparisons, against values computed another way."""

import numpy as np
import pandas as pd
import pytest
from recorded_runs import Shape, make_data, write_run, write_segments

from autosampling import compare, measures, open_run


@pytest.fixture(params=["finished", "segments"])
def run(request, tmp_path):
    return open_run(write_run(tmp_path) if request.param == "finished" else write_segments(tmp_path))


def test_lineage_and_schedule_are_the_same_before_and_after_the_end(run):
    data = make_data(Shape())
    np.testing.assert_array_equal(measures.lineage(run), data["line"][1])
    np.testing.assert_array_equal(measures.schedule(run).values, data["schedule"][1])


def test_draw_counts_are_histograms_of_their_windows(run, monkeypatch):
    monkeypatch.setattr(measures, "_BLOCK_BYTES", 500)
    schedule = make_data(Shape())["schedule"][1]
    bounds = np.array([0, 7, 8, 20])
    counts = measures.draw_counts(run, bounds)
    for row, (first, end) in zip(counts, zip(bounds[:-1], bounds[1:], strict=True), strict=True):
        np.testing.assert_array_equal(row, np.bincount(schedule[first:end].ravel(), minlength=60))
    assert measures.draw_counts(run).sum() == schedule.size


@pytest.mark.parametrize("cycles", [7, 24, 40, 100, 150])
def test_windows_cover_all_cycles_in_nearly_equal_parts(tmp_path, cycles):
    run = open_run(write_run(tmp_path, Shape(cycles=cycles, planned=cycles)))
    bounds = measures.windows(run)
    ends = run["epoch_cycle"].values + 1
    assert bounds[0] == 0 and bounds[-1] == cycles and len(bounds) <= 13
    assert np.ptp(np.diff(bounds)) <= (12 if len(ends) >= 6 else 1)  # an epoch is 6 cycles
    assert len(ends) < 6 or np.isin(bounds[1:-1], ends).all()
    assert measures.draw_counts(run, bounds).sum() == cycles * 10


def test_measures_of_concentration():
    uniform, single = np.ones(200), np.eye(200)[0]
    assert measures.effective_size(uniform) == pytest.approx(200) and measures.effective_size(single) == 1
    assert measures.entropy(uniform) == pytest.approx(np.log(200)) and measures.entropy(single) == 0
    assert measures.top_share(uniform) == pytest.approx(0.01) and measures.top_share(single) == 1


def test_class_shares_follow_the_labels(run):
    counts = np.zeros((1, 60), np.int64)
    label = run["label"].values
    counts[0, np.flatnonzero(label == 2)[:3]] = 1
    counts[0, np.flatnonzero(label == 0)[:1]] = 1
    np.testing.assert_allclose(measures.class_shares(run, counts), [[0.25, 0, 0.75]])


def test_drift_tells_a_moved_distribution_from_chance():
    random = np.random.default_rng(1)
    before, after = np.full(500, 1 / 500), np.repeat([1.8, 0.2], 250) / 500
    still = measures.drift(np.stack([random.multinomial(5000, p) for p in (before, before)])).iloc[0]
    moved = measures.drift(np.stack([random.multinomial(5000, p) for p in (before, after)])).iloc[0]
    assert still["distance"] == pytest.approx(still["chance"], rel=0.15)
    assert moved["distance"] > 1.5 * moved["chance"]


def test_curves_without_bins_are_the_recorded_values(run):
    data = make_data(Shape())
    accuracy = data["reward_accuracy"][1]
    curve = measures.curves(run)
    np.testing.assert_allclose(curve.best, accuracy.max(axis=1))
    np.testing.assert_allclose(curve.mean, accuracy.mean(axis=1))
    np.testing.assert_allclose(curve.spread, accuracy.std(axis=1, ddof=1))
    share = accuracy.mean(axis=1)
    np.testing.assert_allclose(curve.binomial, np.sqrt(share * (1 - share) / 30))
    np.testing.assert_allclose(curve.epoch, (np.arange(24) + 1) * 10 / 60)


def test_bins_keep_mean_and_extremes(run):
    accuracy = make_data(Shape())["reward_accuracy"][1]
    curve = measures.curves(run, bins=4)
    np.testing.assert_allclose(curve.mean, accuracy.reshape(4, -1).mean(axis=1))
    np.testing.assert_allclose(curve.high, accuracy.reshape(4, -1).max(axis=1))


def test_slowest_member_is_found(run):
    table = measures.survey_run(run).by_member
    assert table["slowest"].tolist() == [0, 1, 0, 0]
    assert table.loc[1, "reward"] == pytest.approx(0.4)


def test_outcome_counts_repeated_cycles_as_cost(run):
    outcome = measures.outcome(run)
    assert outcome.repeated == 1 and outcome.reward_queries == 25 * 4 and outcome.images == 25 * 4 * 10
    assert outcome.test_accuracy == pytest.approx(0.7)
    assert outcome.member_hours == pytest.approx((24 * (4 * 0.8 + 0.1)) / 3600)


def test_suspects_are_the_lowest_scores_and_auc_that_of_all_pairs(tmp_path):
    table = measures.suspects(open_run(write_run(tmp_path)))
    assert table["score"].is_monotonic_increasing
    wrong = (table["label"] != table["true_label"]).to_numpy()
    score = table["score"].to_numpy()
    pairs = score[wrong][:, None] < score[~wrong][None, :]
    assert measures.wrong_label_auc(table) == pytest.approx(pairs.mean())
    assert np.isnan(measures.wrong_label_auc(table.assign(label=table["true_label"])))


def test_suspects_wait_for_the_end_with_advantage_credit(tmp_path):
    with pytest.raises(ValueError, match="no scores yet"):
        measures.suspects(open_run(write_segments(tmp_path)))


def many_runs(folder, gains):
    for credit, gain in gains.items():
        for seed in range(4):
            shape = Shape(seed=seed, credit=credit, gain=gain + 0.01 * seed)
            yield open_run(write_run(folder / f"{credit}-{seed}", shape))


def test_pairing_takes_out_what_the_seeds_have_in_common(tmp_path):
    table = compare.outcomes(list(many_runs(tmp_path, {"winner": 0.0, "advantage": 0.02})))
    assert sorted(set(table["group"])) == ["exploration.credit = advantage", "exploration.credit = winner"]
    result = compare.compare(table).loc["exploration.credit = advantage"]
    assert result["pairs"] == 4
    assert result["difference"] == pytest.approx(0.02)
    assert result["difference_high"] - result["difference_low"] == pytest.approx(0, abs=1e-9)
    assert result["high"] - result["low"] > 0.01


def test_interval_covers_the_mean_as_often_as_it_says():
    random = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        _, low, high = compare.mean_with_interval(random.normal(0, 1, 5))
        hits += low < 0 < high
    assert 0.93 < hits / 2000 < 0.97
    assert np.isnan(compare.mean_with_interval([1.0])[1])


def test_seed_twice_in_a_group_and_unknown_baseline_are_refused(tmp_path):
    run = open_run(write_run(tmp_path))
    with pytest.raises(ValueError, match="same seed"):
        compare.compare(compare.outcomes([run, run]))
    with pytest.raises(ValueError, match="no group 'x'"):
        compare.compare(pd.DataFrame(compare.outcomes([run])), baseline="x")


def test_data_seeds_that_follow_the_runs_do_not_part_a_group(tmp_path):
    runs = [
        open_run(write_run(tmp_path / f"{credit}-{seed}", Shape(seed=seed, credit=credit, data=f"seed = {seed}")))
        for credit in ("winner", "advantage")
        for seed in (1, 2)
    ]
    assert list(compare.outcomes(runs)["group"].value_counts()) == [2, 2]


def test_replays_are_paired_with_the_runs_on_the_same_data(tmp_path):
    runs = []
    for seed in range(3):
        runs.append(open_run(write_run(tmp_path / f"uniform-{seed}", Shape(seed=seed, data=f"seed = {seed}"))))
        replay = f'mode = "policy"\nsource = "search-{seed}"\nidentity = "{seed}"'
        shape = Shape(seed=seed + 1, gain=0.02, data=f"seed = {seed}", replay=replay)
        runs.append(open_run(write_run(tmp_path / f"replay-{seed}", shape)))
    table = compare.outcomes(runs)
    assert list(table["seed"]) == [0, 0, 1, 1, 2, 2] and table["group"].nunique() == 2
    result = compare.compare(table)
    assert result["pairs"].iloc[1] == 3 and result["difference"].iloc[1] == pytest.approx(0.02)


def test_runs_on_other_data_are_another_group(tmp_path):
    own = 'name = "arrays"'
    runs = [open_run(write_run(tmp_path / str(n), Shape(dataset=n, gain=0.1 * n, data=own))) for n in (5, 6)]
    table = compare.outcomes(runs)
    assert list(table["group"]) == ["data = 0000000000000005", "data = 0000000000000006"]
    second = compare.compare(table, baseline=table["group"].iloc[1])
    text = compare.format_comparison(second, "test_accuracy")
    assert "-0.1000 (no interval: one seed) from data = 0000000000000006" in text and "no pair" not in text


def test_waiting_of_a_rank_is_counted_once(tmp_path):
    shape = Shape(ranks=2)  # of 4 members, whose record has the rank's 0.2 s each
    found = measures.outcome(open_run(write_run(tmp_path, shape)))
    assert found.wait_share == pytest.approx(2 * 0.2 / (4 * 0.5 + 0.4 + 3 * 0.3 + 2 * 0.2))
