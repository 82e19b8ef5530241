"""The README's Python runs as it stands, on runs of the program."""

import re

import numpy as np
from bridge_runs import MNIST, ROOT, run_program

SETTINGS = ["data.name=mnist", f"data.path={MNIST}", "data.label_noise=0.4", "model.name=mlp", "training.epochs=1"]
SETTINGS += ["population.members=2", "population.cycle_batches=10", "exploration.kind=mixture"]


def test_every_line_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "runs").mkdir()
    for name, credit in (("quickstart", "advantage"), ("other", "winner")):
        result = run_program(tmp_path / "runs" / name, *SETTINGS, f"exploration.credit={credit}")
        assert result.returncode == 0, result.stderr
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "analysis/README.md").read_text(), flags=re.DOTALL)
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert (tmp_path / "threes.png").stat().st_size > 1000
    assert "1 pair(s)" in capsys.readouterr().out
    assert names["pixels"].shape == (10, 28, 28)
    index = np.array(names["threes"])
    row = names["run"]["split_training"].values[index]
    assert (names["run"]["true_label"].values[index] == labels_of_file()[row]).all()


def labels_of_file() -> np.ndarray:
    import gzip

    return np.frombuffer(gzip.decompress((MNIST / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
