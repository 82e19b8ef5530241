"""PyTorch Lightning feeds a model the recorded schedule, or refuses at the start."""

from __future__ import annotations

from pathlib import Path

import h5py
import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from test_bridge_sampler import BATCH, CYCLES, DRAWS, Indices, write_run

from autosampling.sampler import ResumableLoader, ScheduleSampler

BATCHES = CYCLES * DRAWS // BATCH


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("lightning") / "run")


@pytest.fixture(scope="module")
def batches(run):
    with h5py.File(run / "run.h5") as file:
        return file["schedule"][...].reshape(-1, BATCH)


class Listener(lightning.LightningModule):
    """Writes down the indices that it is fed: one line a step, one file a process."""

    def __init__(self, run: Path, notes: Path, **sampler_options) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.run, self.notes, self.sampler_options = run, notes, sampler_options

    def train_dataloader(self):
        return ResumableLoader(Indices(), sampler=ScheduleSampler(self.run, **self.sampler_options), num_workers=1)

    def training_step(self, batch, _):
        with (self.notes / f"rank-{self.global_rank}").open("a") as file:
            print(*batch.tolist(), file=file)
        return self(batch).sum()

    def forward(self, batch):
        return self.layer(batch[:, None].float())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-6)


def make_trainer(root, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    defaults = {"accelerator": "cpu", "devices": 1, "default_root_dir": root, "enable_checkpointing": False}
    return lightning.Trainer(**{**defaults, **quiet, **options})


def read_notes(folder, rank=0):
    return np.loadtxt(folder / f"rank-{rank}", dtype=np.int64, ndmin=2)


def test_epochs_of_the_loop_are_those_of_the_schedule(run, batches, tmp_path):
    make_trainer(tmp_path, max_epochs=4).fit(Listener(run, tmp_path, epoch_cycles=3))
    np.testing.assert_array_equal(read_notes(tmp_path), batches)


def stop_after(steps, run, folder):
    """A loop that ends after so many steps; the path of the checkpoint that it made inside."""
    save = ModelCheckpoint(folder, "inside", every_n_train_steps=steps, save_on_train_epoch_end=False)
    trainer = make_trainer(folder, max_steps=steps, max_epochs=4, callbacks=[save], enable_checkpointing=True)
    trainer.fit(Listener(run, folder, epoch_cycles=3))
    return folder / "inside.ckpt"


@pytest.mark.parametrize("stop", [5, 12, 17], ids="stop after {}".format)
def test_a_checkpoint_in_the_middle_of_an_epoch_goes_on_where_it_was(run, batches, tmp_path, stop):
    checkpoint = stop_after(stop, run, tmp_path)
    again = make_trainer(tmp_path, max_epochs=4)
    again.fit(Listener(run, tmp_path, epoch_cycles=3), ckpt_path=checkpoint, weights_only=False)
    np.testing.assert_array_equal(read_notes(tmp_path), batches)


def test_the_rest_of_an_epoch_is_not_passed_over(run, batches, tmp_path):
    trainer = make_trainer(tmp_path, max_epochs=2, limit_train_batches=5)
    with pytest.raises(ValueError, match="epoch 0 was left after 5 of 12 batches"):
        trainer.fit(Listener(run, tmp_path, epoch_cycles=3))
    np.testing.assert_array_equal(read_notes(tmp_path), batches[:5])


def test_a_plain_loader_that_leaves_an_epoch_early_is_told_so(run, batches, tmp_path):
    listener = Listener(run, tmp_path)
    loader = torch.utils.data.DataLoader(Indices(), batch_size=BATCH, sampler=ScheduleSampler(run, epoch_cycles=3))
    with pytest.raises(ValueError, match="epoch 0 was left before its end"):
        make_trainer(tmp_path, max_epochs=2, limit_train_batches=5).fit(listener, loader)
    np.testing.assert_array_equal(read_notes(tmp_path), batches[:5])


def test_predictions_ask_for_a_plain_loader(run, tmp_path):
    with pytest.raises(TypeError, match="Lightning's predict sets one.*a plain DataLoader over the data set"):
        make_trainer(tmp_path).predict(Listener(run, tmp_path), Listener(run, tmp_path).train_dataloader())


def test_processes_train_on_the_batches_of_the_run(run, batches, tmp_path):
    trainer = make_trainer(tmp_path, max_epochs=1, devices=2, strategy="ddp_spawn")
    trainer.fit(Listener(run, tmp_path, epoch_cycles=CYCLES))
    together = np.concatenate([read_notes(tmp_path, rank) for rank in range(2)], axis=1)
    assert together.shape == (BATCHES, BATCH)
    np.testing.assert_array_equal(np.sort(together), np.sort(batches))


def test_epochs_that_differ_in_length_are_refused_before_a_step(run, tmp_path):
    with pytest.raises(ValueError, match="the epochs of the schedule differ in length"):
        make_trainer(tmp_path, max_epochs=4).fit(Listener(run, tmp_path))
    assert not list(tmp_path.glob("rank-*"))


def test_another_sampler_in_its_place_is_refused_before_a_step(run, tmp_path):
    with pytest.raises(TypeError, match="would change the order"):
        make_trainer(tmp_path, max_epochs=1, overfit_batches=3).fit(Listener(run, tmp_path, epoch_cycles=CYCLES))
    assert not list(tmp_path.glob("rank-*"))
