"""ray_population.py MEMBERS CYCLES FOLDER: ResNet-8 in Ray Tune's PopulationBasedTraining, in its best setting.

The nearest job that it has, not the same one: after every 20 batches each of the worse half of the members takes the
state of a random one of the better half, through a file; nothing is recorded but Ray's own results. The step is the
tuned one, actors are reused. Prints the median seconds from one cycle's first start to the next one's as JSON.
"""

import json
import os
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import ray
import torch
from network import BATCH, Tuned, work_of
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

HELD_OUT, BATCHES = 1024, 20


class Member(tune.Trainable):
    def setup(self, _: dict[str, object]) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(os.getpid())
        self.peer = Tuned("resnet8", HELD_OUT)
        self.weights = torch.ones(len(self.peer.labels), dtype=torch.double)

    def step(self) -> dict[str, float]:
        begin = time.time()
        self.draws = torch.multinomial(self.weights, BATCHES * BATCH, replacement=True)
        trained = BATCH * len(self.peer.train(self.draws))
        return {"reward": self.peer.evaluate() / HELD_OUT, "begin": begin, "draws": trained}

    def save_checkpoint(self, folder: str) -> None:
        torch.save({"state": self.peer.state, "draws": self.draws}, f"{folder}/state.pt")

    def load_checkpoint(self, folder: str) -> None:
        self.peer.state.copy_(torch.load(f"{folder}/state.pt")["state"])

    def reset_config(self, _: dict[str, object]) -> bool:
        return True


class Starts(tune.Callback):
    """Of every cycle of every member."""

    def __init__(self) -> None:
        self.by_trial: dict[str, list[float]] = {}
        self.draws = 0  # of the last one

    def on_trial_result(self, iteration: int, trials: object, trial: object, result: dict, **_: object) -> None:
        self.by_trial.setdefault(trial.trial_id, []).append(result["begin"])
        self.draws = result["draws"]


def main() -> None:
    members, cycles, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)}
    ray.init(num_cpus=members, include_dashboard=False, log_to_driver=False, logging_level="error",
             runtime_env={"env_vars": environment})  # fmt: skip
    starts = Starts()
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration", perturbation_interval=1, synch=True, quantile_fraction=0.5,
        hyperparam_mutations={"unused": [0.0]},
    )  # fmt: skip
    tune.Tuner(
        tune.with_resources(Member, {"cpu": 1}),
        param_space={"member": tune.grid_search(list(range(members))), "unused": 0.0},
        tune_config=tune.TuneConfig(metric="reward", mode="max", reuse_actors=True, scheduler=scheduler),
        run_config=tune.RunConfig(
            name="population", storage_path=str(folder), stop={"training_iteration": cycles + 2}, verbose=0,
            callbacks=[starts], checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=1, num_to_keep=4),
        ),
    ).fit()  # fmt: skip
    first = [min(begins) for begins in zip(*starts.by_trial.values(), strict=False)][1:]  # the first one warms up
    seconds = median(after - before for before, after in pairwise(first))
    work = work_of(Tuned("resnet8", HELD_OUT), len(starts.by_trial), starts.draws)
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"work": work, "seconds": seconds}))


if __name__ == "__main__":
    main()
