"""A PyTorch loop over a recorded schedule is fed the very indices of the record, wherever it stopped in between."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch

from autosampling.record_file import append_checksum
from autosampling.sampler import ResumableLoader, ScheduleSampler, StaticSampler, TrainingSet

N, BATCH, CYCLES, DRAWS = 50, 4, 12, 16  # epochs end after cycles 3, 6, 9 and 12 (counted from 0): 4, 3, 3 and 2 cycles


def write_run(folder, classes=10, **extra):
    """A run.h5 with just what the bridge reads."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    with h5py.File(folder / "run.h5", "w") as file:
        file.attrs.update({"filetype": "autosampling run", "format_version": "1.0", "training_images": N})
        file.attrs["classes"] = classes
        file["configuration"] = f"[training]\nbatch_size = {BATCH}\n"
        file["schedule"] = rng.integers(0, N, (CYCLES, DRAWS), dtype=np.int32)
        file["epoch_cycle"] = np.array([3, 6, 9])
        file["probability"] = (p := rng.random(N) ** 4) / p.sum()
        file["label"] = rng.integers(0, 10, N, dtype=np.int32)
        file["split/training"] = np.sort(rng.choice(60, N, replace=False)).astype(np.uint32)
        for name, value in extra.items():
            file[name] = value
    append_checksum(folder / "run.h5")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("sampler") / "run")


@pytest.fixture(scope="module")
def schedule(run):
    with h5py.File(run / "run.h5") as file:
        return file["schedule"][...].ravel()


class Indices(torch.utils.data.Dataset):
    """Gives the index that it is asked for."""

    def __len__(self):
        return N

    def __getitem__(self, index):
        return index


def take_all(loader, epochs):
    return [batch.numpy() for _ in range(epochs) for batch in loader]


def test_passes_follow_the_epochs_of_the_run(run, schedule):
    sampler = ScheduleSampler(run)
    lengths, seen = [], []
    for _ in range(sampler.epochs):
        passed = list(sampler)
        assert len(passed) == len(sampler)
        lengths.append(len(passed) // DRAWS)
        seen += passed
    assert lengths == [4, 3, 3, 2]
    np.testing.assert_array_equal(seen, schedule)
    with pytest.raises(ValueError, match="4 epochs: there is none after them"):
        list(sampler)


def test_replicas_train_on_the_batches_of_the_run(run, schedule):
    replicas = [ScheduleSampler(run, rank=rank, replicas=2) for rank in range(2)]
    assert {replica.batch_size for replica in replicas} == {BATCH // 2}
    parts = [take_all(ResumableLoader(Indices(), sampler=replica), replica.epochs) for replica in replicas]
    together = np.sort(np.concatenate([np.stack(part) for part in parts], axis=1))
    np.testing.assert_array_equal(together, np.sort(schedule.reshape(-1, BATCH)))


def test_replicas_that_do_not_divide_a_batch_are_refused(run):
    with pytest.raises(ValueError, match="batches of 4 cannot be split over 3 replicas"):
        ScheduleSampler(run, rank=0, replicas=3)
    with pytest.raises(ValueError, match="rank 2 is not one of 2"):
        ScheduleSampler(run, rank=2, replicas=2)
    with pytest.raises(ValueError, match="go together"):
        ScheduleSampler(run, rank=0)


@pytest.mark.parametrize("make", [ScheduleSampler, StaticSampler])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [1, 12, 16, 17], ids="stop after {}".format)
def test_a_loop_goes_on_in_the_middle_of_an_epoch(run, make, workers, stop):
    def make_loader():
        options = {"num_workers": workers, "prefetch_factor": 4} if workers else {}
        return ResumableLoader(Indices(), sampler=make(run), **options)

    whole = take_all(make_loader(), 3)
    seen, state = [], None
    loader = make_loader()
    while state is None:
        for batch in loader:
            seen.append(batch.numpy())
            if len(seen) == stop:
                state = loader.state_dict()
                break
    again = make_loader()
    again.load_state_dict(state)
    assert again.state_dict() == state
    seen += take_all(again, 3 - state["epoch"])
    np.testing.assert_array_equal(seen, whole)


def test_batches_of_another_size_than_the_runs_are_refused(run):
    with pytest.raises(TypeError, match="batches are of 4, as the run's: leave out batch_size"):
        ResumableLoader(Indices(), sampler=ScheduleSampler(run), batch_size=2 * BATCH)


def test_a_position_holds_for_another_number_of_replicas(run, schedule):
    one = ResumableLoader(Indices(), sampler=ScheduleSampler(run))
    passing = iter(one)
    for _ in range(5):
        next(passing)
    two = ResumableLoader(Indices(), sampler=ScheduleSampler(run, rank=1, replicas=2))
    two.load_state_dict(one.state_dict())
    np.testing.assert_array_equal(next(iter(two)).numpy(), schedule[5 * BATCH + 1 : 6 * BATCH : 2])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pass_goes_on_where_the_last_one_was_left(run, schedule, workers):
    loader = ResumableLoader(Indices(), sampler=ScheduleSampler(run), num_workers=workers)
    for number, _ in enumerate(loader, 1):
        if number == 14:  # of 16: workers have taken the rest
            break
    np.testing.assert_array_equal(np.concatenate(take_all(loader, 2)), schedule[14 * BATCH : 7 * DRAWS])


def test_setting_the_epoch_needs_epochs_of_one_length(run, schedule):
    with pytest.raises(ValueError, match="divides its 12 cycles, such as 4, or 12"):
        ScheduleSampler(run).set_epoch(0)
    sampler = ScheduleSampler(run, epoch_cycles=3)
    sampler.set_epoch(2)
    np.testing.assert_array_equal(list(sampler), schedule[6 * DRAWS : 9 * DRAWS])
    sampler.set_epoch(2)  # again
    np.testing.assert_array_equal(list(sampler), schedule[6 * DRAWS : 9 * DRAWS])
    sampler.set_epoch(3)
    np.testing.assert_array_equal(list(sampler), schedule[9 * DRAWS :])


def test_setting_the_epoch_loses_no_rest_of_another(run):
    sampler = ScheduleSampler(run, epoch_cycles=3)
    sampler.load_state_dict({"epoch": 1, "batches": 5})
    sampler.set_epoch(1)
    assert sampler.state_dict() == {"epoch": 1, "batches": 5}
    with pytest.raises(ValueError, match="epoch 1 was left after 5 of 12 batches"):
        sampler.set_epoch(2)


def test_static_draws_follow_the_learned_distribution(run):
    sampler = StaticSampler(run, seed=3, batches=50_000)
    with h5py.File(run / "run.h5") as file:
        probability = file["probability"][...]
    expected = probability * len(sampler)
    common = expected >= 5
    drawn = np.bincount(list(sampler), minlength=N)
    chi_square = ((drawn - expected) ** 2 / expected)[common].sum()
    assert chi_square < common.sum() + 5 * np.sqrt(2 * common.sum())


def test_static_epochs_are_functions_of_seed_and_number(run):
    sampler = StaticSampler(run, seed=3)
    assert len(sampler) == N // BATCH * BATCH
    first, second = list(sampler), list(sampler)
    assert first != second
    sampler.set_epoch(0)
    assert list(sampler) == first
    assert list(StaticSampler(run, seed=4)) != first
    replicas = [list(StaticSampler(run, seed=3, rank=rank, replicas=2)) for rank in range(2)]
    assert [x for pair in zip(*replicas, strict=True) for x in pair] == first


def test_training_set_has_the_rows_and_labels_of_the_run(run):
    file_data = [(f"image {row}", -1) for row in range(60)]
    training = TrainingSet(run, file_data)
    with h5py.File(run / "run.h5") as file:
        expected = [(f"image {r}", label) for r, label in zip(file["split/training"], file["label"], strict=True)]
    assert [training[x] for x in range(len(training))] == expected
    with pytest.raises(ValueError, match="give the whole training file"):
        TrainingSet(run, file_data[:40])


def test_training_set_of_a_regression_has_the_datas_targets(tmp_path):
    file_data = [(f"example {row}", 0.5 * row) for row in range(60)]
    training = TrainingSet(write_run(tmp_path / "run", classes=1), file_data)
    assert [training[x] for x in range(len(training))] == [file_data[row] for row in training.rows]


def test_a_loader_refuses_what_would_change_the_order(run):
    data = Indices()
    with pytest.raises(TypeError, match="SequentialSampler would change the order"):
        ResumableLoader(data, sampler=torch.utils.data.SequentialSampler(data))
    with pytest.raises(ValueError, match="has 60 examples, but the schedule is over 50"):
        ResumableLoader(range(60), sampler=ScheduleSampler(run))


def test_a_run_with_weighted_draws_is_refused(tmp_path):
    run = write_run(tmp_path / "run", draw_weight=np.ones((CYCLES, 1, DRAWS), np.float32))
    with pytest.raises(ValueError, match="weighted its draws"):
        ScheduleSampler(run)


def test_files_that_are_no_run_are_named(tmp_path, run):
    with pytest.raises(FileNotFoundError, match="autosampling finish"):
        ScheduleSampler(tmp_path)
    content = bytearray((run / "run.h5").read_bytes())
    content[1000] ^= 1
    (tmp_path / "run.h5").write_bytes(content)
    with pytest.raises(ValueError, match="damaged or cut short"):
        ScheduleSampler(tmp_path)


@pytest.mark.parametrize(("epoch", "batches"), [(-1, 0), (0, 17), (1, -3), (9, 1)])
def test_states_that_can_not_be_are_refused(run, epoch, batches):
    with pytest.raises(ValueError, match="is not a state of this sampler"):
        ScheduleSampler(run).load_state_dict({"epoch": epoch, "batches": batches})
