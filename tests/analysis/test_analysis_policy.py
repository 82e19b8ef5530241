"""Policies: what the analysis makes of the record of a real search, and the sampler for loops of one's own."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from program_runs import make_run
from recorded_runs import write_run
from scipy import stats

import autosampling
from autosampling import policy
from autosampling.cli import main
from autosampling.policy_figures import draw_policy

SEARCH = (
    "exploration.kind=policy",
    "model.name=mlp",
    "data.imbalance=8",
    "data.label_noise=0.3",
    "data.reward_images=60",
    "training.epochs=40",
    "population.members=5",
    "population.reward=loss",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("policy") / "run", *SEARCH)


@pytest.fixture(scope="module")
def run(folder):
    return autosampling.open_run(folder)


def test_the_weights_follow_from_the_recorded_rewards(run):
    weights = run["policy_weight"].values
    assert run.sizes["round"] > 5 and np.abs(weights[-1]).max() > 0
    np.testing.assert_allclose(policy.retrace(run), weights, rtol=0, atol=1e-12)


def test_rewards_dealt_at_random_make_a_band_around_0(run):
    low, high = policy.chance_band(run, cases=200)
    assert (low <= 0).all() and (high >= 0).all()
    assert (high > low).any() and (high[0] == low[0]).all()


def test_draws_of_a_round_are_a_distribution_by_its_signals(run):
    last = run.sizes["round"] - 1
    drawn = policy.probability(run, last)
    assert drawn.sum() == pytest.approx(1) and drawn.max() / drawn.min() <= np.exp(6) * (1 + 1e-9)
    features = policy.round_features(run, last, {})
    for name in ("class.size", "class.loss"):
        assert features[name].mean() == pytest.approx(0, abs=1e-9)
    level = run["loss_level"][last].values.astype(int)
    u = features["loss.rank"]
    assert (np.diff(u[np.argsort(level[level > 0])]) >= 0).all() if (level > 0).all() else True
    assert features["loss.extremes"] == pytest.approx(np.where(level > 0, 1.5 * (u * u - 1 / 3), 0))
    weight = dict(zip(policy.weight_names(run), run["policy_weight"][last].values, strict=True))
    expected = np.exp(np.clip(sum(weight[n] * features[n] for n in weight), -3, 3))
    np.testing.assert_allclose(drawn, expected / expected.sum())


def test_shares_by_loss_and_by_group_are_those_of_the_draws():
    run = make_record(level=np.arange(1, 256))
    drawn = np.where(np.arange(255) < 128, 3.0, 1.0)
    shares = policy.shares_by_loss(run, 1, drawn / drawn.sum(), 2)
    assert shares is not None and shares[0] == pytest.approx(0.75, abs=0.01) and shares.sum() == pytest.approx(1)
    assert policy.ratios(np.array([0, 0, 1, 1]), np.array([0.3, 0.3, 0.2, 0.2])) == pytest.approx({0: 1.2, 1: 0.8})
    assert policy.shares_by_loss(make_record(level=np.zeros(255, int)), 1, drawn) is None


def make_record(level, weight=(-2.0, 0.0), label=None):
    """A record in memory with two rounds and the signal `loss`."""
    images = len(level)
    data = {
        "policy_weight": (("round", "weight"), np.array([[0.0] * len(weight), weight])),
        "weight_name": ("weight", np.array(["loss.rank", "loss.extremes"], object)),
        "loss_level": (("round", "index"), np.stack([0 * level, level]).astype(np.uint8)),
        "label": ("index", np.zeros(images, np.int32) if label is None else label),
        "round_cycle": ("round", np.array([0, 10])),
    }
    return autosampling.run.xr.Dataset(data, attrs={"path": "in memory"})


def test_low_losses_are_said_to_be_preferred():
    (sentence,) = policy.describe(make_record(np.arange(1, 256)), {})
    assert sentence.startswith("Prefers low losses: ")
    (sentence,) = policy.describe(make_record(np.arange(1, 256), (2.0, 0.0)), {})
    assert sentence.startswith("Prefers high losses: ")


def test_columns_of_words_and_of_numbers():
    columns = {"source": np.array(["a", "b", "b", "b"]), "length": np.array([1.0, 2.0, 3.0, 6.0])}
    features = policy.column_features(["column:source=a", "column:source=b", "column:length", "loss.rank"], columns)
    np.testing.assert_allclose(features["column:source=a"], [0.75, -0.25, -0.25, -0.25])
    assert features["column:length"].mean() == pytest.approx(0) and features["column:length"].std() == pytest.approx(1)
    with pytest.raises(ValueError, match="goes by the column age"):
        policy.column_features(["column:age"], columns)
    with pytest.raises(ValueError, match="no weight for the value b of the column source"):
        policy.column_features(["column:source=a"], columns)
    truth = policy.column_features(["column:good=0", "column:good=1"], {"good": np.array([True, False])})
    np.testing.assert_allclose(truth["column:good=1"], [0.5, -0.5])


def column_values(rows):
    """Of rows of a training file: words, numbers, truth values, and a constant."""
    rows = np.arange(rows)
    return {
        "source": np.array(["web", "book", "wiki"])[rows * rows % 7 % 3],
        "length": np.sqrt(rows),
        "good": rows % 5 < 3,
        "same": np.full(len(rows), 0.1),
    }


@pytest.fixture(scope="module")
def column_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    with h5py.File(folder / "own.h5", "w") as file:
        for name, values in column_values(500).items():
            file[f"signals/{name}"] = values.astype(object) if values.dtype.kind == "U" else values
    signals = ",".join(f'"column:{name}"' for name in column_values(1))
    make_run(
        folder / "run",
        *SEARCH,
        f"data.signals={folder / 'own.h5'}",
        f'exploration.signals=["loss","class",{signals}]',
        'exploration.weights=["class.size=-0.5","column:source=web=0.25"]',
    )
    (folder / "own.h5").unlink()
    return folder / "run"


def test_the_record_tells_what_columns_a_policy_went_by(column_run):
    run = autosampling.open_run(column_run)
    columns = policy.read_columns(run)
    given = column_values(500)
    rows = run["split_training"].values
    assert list(columns) == list(given)
    for name in ("source", "length", "same"):
        assert (columns[name] == given[name][rows]).all()
    assert (columns["good"] == given["good"][rows].astype(int).astype(str)).all()
    np.testing.assert_allclose(policy.retrace(run), run["policy_weight"].values, rtol=0, atol=1e-12)
    first = dict(zip(policy.weight_names(run), run["policy_weight"].values[0], strict=True))
    assert {name: w for name, w in first.items() if w} == {"class.size": -0.5, "column:source=web": 0.25}
    last = run.sizes["round"] - 1
    assert policy.probability(run, last) == pytest.approx(run["probability"].values, rel=1e-3)
    drawings, words = draw_policy(run)
    assert [d.name for d in drawings][3:] == [f"policy-column-{i}" for i in range(4)]
    assert any(w.startswith("By source: draws ") for w in words)


def test_the_sampler_takes_columns(column_run):
    labels = np.arange(300) % 10
    given = column_values(300)
    sampler = autosampling.PolicySampler(column_run, labels, epochs=40, columns=given)
    sampler.epoch = 39
    weights = sampler.weights
    assert weights["column:source=web"] != 0
    features = policy.column_features(list(weights), given)
    known = [name for name in weights if name.startswith("column:") or name == "class.size"]
    by_hand = sum(weights[name] * (features | {"class.size": np.zeros(300)})[name] for name in known)
    expected = np.exp(np.clip(by_hand, -3, 3))
    np.testing.assert_allclose(sampler.probability(), expected / expected.sum())
    with pytest.raises(ValueError, match="goes by the column source"):
        autosampling.PolicySampler(column_run, labels, epochs=40)
    with pytest.raises(ValueError, match="has 299 values for 300 examples"):
        autosampling.PolicySampler(column_run, labels, epochs=40, columns=column_values(299))
    for wrong in (np.where(labels == 0, np.nan, given["length"]), given["length"].astype(str), np.ones((300, 2))):
        with pytest.raises(ValueError, match="the column length"):
            autosampling.PolicySampler(column_run, labels, epochs=40, columns=given | {"length": wrong})
    given["source"] = np.where(labels == 0, "blog", given["source"])
    with pytest.raises(ValueError, match="no weight for the value blog"):
        autosampling.PolicySampler(column_run, labels, epochs=40, columns=given)


def test_report_and_command_show_it(folder, run, tmp_path, capsys):
    drawings, words = draw_policy(run)
    assert [d.name for d in drawings] == ["policy-weights", "policy-losses", "policy-classes"]
    assert main(["report", str(folder), "--output", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert words[0] in page and 'id="policy-weights"' in page
    capsys.readouterr()
    assert main(["policy", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "class.size" in printed and words[0] in printed


def test_a_run_without_a_policy_is_named(tmp_path, capsys):
    write_run(tmp_path / "run")
    assert main(["policy", str(tmp_path / "run")]) == 3
    assert "has no policy" in capsys.readouterr().err
    with pytest.raises(ValueError, match="has no policy"):
        autosampling.PolicySampler(tmp_path / "run", np.zeros(10, int), 1)


def make_sampler(folder, labels, **options):
    return autosampling.PolicySampler(folder, labels, epochs=40, **options)


def test_an_epoch_before_anything_was_learned_is_a_permutation(folder):
    labels = np.arange(300) % 10
    sampler = make_sampler(folder, labels)
    assert set(sampler.weights.values()) == {0.0}
    assert sorted(sampler) == list(range(300))


def test_weights_come_by_the_share_of_the_training(folder, run):
    sampler = make_sampler(folder, np.arange(300) % 10)
    for epoch in range(40):
        cycle = epoch / 40 * run.attrs["cycles_planned"]
        begun = np.flatnonzero(run["round_cycle"].values <= cycle)[-1]
        assert list(sampler.weights.values()) == pytest.approx(list(run["policy_weight"][begun].values))
        list(sampler)
        sampler.end_epoch(np.ones(10))


def test_draws_follow_the_policy(folder):
    """Chi-square of many passes, by loss rank and class together, against the exact probabilities."""
    labels = np.repeat(np.arange(10), [80, 60, 40, 30, 30, 20, 15, 10, 10, 5])
    sampler = make_sampler(folder, labels)
    sampler.epoch = 39
    sampler.observe(np.arange(300), np.random.default_rng(1).random(300))
    sampler.end_epoch(np.linspace(0.1, 2, 10))
    sampler.epoch = 39
    probability = sampler.probability()
    assert probability.max() / probability.min() > 1.5
    counts = np.zeros(300)
    for _ in range(400):
        counts += np.bincount(sampler._draw(), minlength=300)
    # Thinned permutations vary less than independent draws: the statistic is small, but a wrong distribution is not.
    assert stats.chisquare(counts, probability * counts.sum()).pvalue > 1e-3
    assert stats.chisquare(counts, np.full(300, counts.mean())).pvalue < 1e-6


def test_misuse_of_the_sampler_is_said(folder):
    sampler = make_sampler(folder, np.arange(30) % 10)
    list(sampler)
    with pytest.raises(RuntimeError, match="call end_epoch"):
        list(sampler)
    with pytest.raises(ValueError, match="reduction='none'"):
        sampler.observe(np.arange(3), np.float64(1))
    with pytest.raises(ValueError, match="isn't finite"):
        sampler.observe(np.arange(1), np.array([np.nan]))
    for wrong in (-1, 30, 0.5):
        with pytest.raises(ValueError, match="whole number from 0 to 29"):
            sampler.observe(np.array([wrong]), np.ones(1))
    with pytest.raises(ValueError, match="class_loss has 2 classes"):
        sampler.end_epoch([1.0, 2.0])
    for labels in (np.zeros(3), np.array([-1, 0]), []):
        with pytest.raises(ValueError, match="labels"):
            make_sampler(folder, labels)
