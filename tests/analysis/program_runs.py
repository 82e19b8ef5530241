"""Short runs of the program, for the tests that need a real one.

AUTOSAMPLING_BUILD names the build folder that holds `autosampling` and `program_logits`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MNIST = ROOT / "tests/data/mnist-10k"
SMALL = (
    "data.name=synthetic",
    "data.synthetic_images=500",
    "training.batch_size=20",
    "training.epochs=2.5",
    "training.learning_rate=0.05",
    "training.schedule=cosine",
    "population.members=2",
    "population.cycle_batches=4",
    "exploration.kind=mixture",
    "exploration.credit=advantage",
)


def find_program(name: str) -> Path:
    """An executable of the build."""
    build = Path(os.environ["AUTOSAMPLING_BUILD"])
    return next(path for path in build.rglob(name) if path.is_file() and os.access(path, os.X_OK))


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The program with these arguments, in one process."""
    return subprocess.run(
        [find_program("autosampling"), *arguments], capture_output=True, text=True, timeout=900, check=False
    )


def assert_equal(first: Path, second: Path) -> None:
    """The records and weights of two runs."""
    compared = subprocess.run(
        [sys.executable, ROOT / "tests/e2e/compare_runs.py", first, second], capture_output=True, text=True, check=False
    )
    assert compared.returncode == 0, compared.stdout + compared.stderr


def run_program(output: Path, *settings: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A run of one process into `output`; the last setting of an option counts."""
    if config is None:
        config = output.with_suffix(".toml")
        config.write_text("")
    last = {setting.split("=")[0]: setting for setting in settings}
    arguments = [f"--set={setting}" for setting in last.values()]
    command = [find_program("autosampling"), "run", config, "--output", output, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)


def make_run(output: Path, *settings: str) -> Path:
    result = run_program(output, *SMALL, *settings)
    assert result.returncode == 0, result.stderr
    return output


def state_of_winner(run: Path) -> Path:
    """The one state file of a run that ended with selection = best."""
    (state,) = (run / "checkpoint").glob("*/state-*.h5")
    return state
