"""open_run: every cycle once, from whatever a run left behind; and what it refuses."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from recorded_runs import Shape, make_data, write_run, write_segments, write_summary

from autosampling import NewerFormatError, open_run, open_segments


def assert_by_cycle_and_epoch(run: xr.Dataset, cycles: int = 24) -> None:
    expected = make_data(Shape())
    assert run["cycle"].values.tolist() == list(range(cycles))
    for name, (dims, values) in expected.items():
        if dims[0] == "cycle" and name not in ("line", "schedule"):
            assert run[name].dims == dims
            np.testing.assert_array_equal(run[name].values, values[:cycles])
    ended = expected["epoch_cycle"][1] < cycles
    np.testing.assert_array_equal(run["test_accuracy"].values, expected["test_accuracy"][1][ended])


def test_finished_run_is_read_from_its_run_file(tmp_path):
    run = open_run(write_run(write_segments(tmp_path)))
    assert_by_cycle_and_epoch(run)
    assert run.attrs["state"] == "finished" and "schedule" in run
    assert run["state_hash"].dtype == np.uint64
    np.testing.assert_array_equal(run["split_training"].values, np.arange(60))


def test_segments_join_to_the_same_run(tmp_path):
    write_summary(write_segments(tmp_path), "running")
    run = open_run(tmp_path)
    assert_by_cycle_and_epoch(run)
    assert run.attrs["state"] == "running" and "schedule" not in run
    np.testing.assert_array_equal(run["label"].values, make_data(Shape())["label"][1])


@pytest.mark.parametrize("key", [slice(4, 7), slice(None, None, 5), slice(20, 2, -3), 5, -1, slice(9, 9), [6, 1, 1]])
def test_any_choice_of_cycles_is_that_of_numpy(tmp_path, key):
    run = open_run(write_segments(tmp_path))
    expected = make_data(Shape())["survivor_schedule"][1]
    np.testing.assert_array_equal(run["survivor_schedule"][key].values, expected[key])
    np.testing.assert_array_equal(run["survivor_schedule"][key, 1, 2:5].values, expected[key][..., 1, 2:5])


def test_run_file_that_a_longer_run_has_outgrown_is_not_used(tmp_path):
    write_segments(tmp_path)
    short = Shape(cycles=12)
    write_run(tmp_path, short)
    assert_by_cycle_and_epoch(open_run(tmp_path))


def test_crashed_run_has_its_closed_segments_and_no_superseded_ones(tmp_path):
    write_segments(tmp_path, bounds=(0, 5, 6, 11))
    (tmp_path / "record/cycles-00000011-00000020.h5.tmp").write_bytes(b"half")
    (tmp_path / "record/superseded").mkdir()
    shutil.copy(tmp_path / "record/cycles-00000005-00000005.h5", tmp_path / "record/superseded")
    assert_by_cycle_and_epoch(open_run(tmp_path), cycles=11)


@pytest.mark.parametrize("lost", ["00000000-00000004", "00000005-00000005"])
def test_missing_segment_is_named(tmp_path, lost):
    write_segments(tmp_path)
    (tmp_path / f"record/cycles-{lost}.h5").unlink()
    with pytest.raises(ValueError, match=f"cycles {int(lost[:8])} to {int(lost[9:])}"):
        open_run(tmp_path)


def test_overlapping_segments_are_refused(tmp_path):
    write_segments(tmp_path)
    source = tmp_path / "record/cycles-00000006-00000023.h5"
    source.rename(tmp_path / "record/cycles-00000004-00000023.h5")
    with pytest.raises(ValueError, match="before the segment ahead"):
        open_run(tmp_path)


def test_run_file_suffices_when_an_early_segment_is_missing_or_damaged(tmp_path):
    write_run(write_segments(tmp_path))
    (tmp_path / "record/cycles-00000000-00000004.h5").unlink()
    (tmp_path / "record/cycles-00000005-00000005.h5").write_bytes(b"half")
    assert_by_cycle_and_epoch(open_run(tmp_path))


def test_joined_segment_stands_for_its_parts(tmp_path):
    write_segments(tmp_path, bounds=(0, 5, 6, 11, 24))
    write_segments(tmp_path, bounds=(0, 11))
    assert_by_cycle_and_epoch(open_run(tmp_path))
    (tmp_path / "record/cycles-00000000-00000010.h5").write_bytes(b"half")
    assert_by_cycle_and_epoch(open_run(tmp_path))


def test_segment_under_another_name_is_refused(tmp_path):
    write_segments(tmp_path)
    source = tmp_path / "record/cycles-00000006-00000023.h5"
    shutil.copy(source, tmp_path / "record/cycles-00000024-00000041.h5")
    with pytest.raises(ValueError, match="00000024.*renamed"):
        open_run(tmp_path)


@pytest.mark.parametrize("shape", [Shape(seed=8), Shape(images=72), Shape(slots=1)])
def test_segment_of_another_run_is_refused(tmp_path, shape):
    write_segments(tmp_path)
    write_segments(tmp_path / "other", shape)
    name = "record/cycles-00000006-00000023.h5"
    shutil.copy(tmp_path / "other" / name, tmp_path / name)
    with pytest.raises(ValueError, match="belongs to another run"):
        open_run(tmp_path)


def test_segments_open_as_many_files_of_xarray(tmp_path):
    pytest.importorskip("dask")
    run = open_segments(write_segments(tmp_path))
    expected = make_data(Shape())
    for name in ("reward", "winner", "survivor_schedule"):
        assert run[name].dims == expected[name][0]
        np.testing.assert_array_equal(run[name].values, expected[name][1])
    assert "label" not in run and "test_accuracy" not in run


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_truncated_segment_is_named(tmp_path, keep):
    write_segments(tmp_path)
    path = tmp_path / "record/cycles-00000005-00000005.h5"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match="00000005.*damaged"):
        open_run(tmp_path)


def test_file_that_may_not_be_read_is_called_so():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        _expect_permission_denied(write_run(Path(folder)) / "run.h5")


def _expect_permission_denied(path):
    path.chmod(0)
    root = os.geteuid() == 0  # who may read everything
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError, match="permission denied"):
            open_run(path)
    finally:
        if root:
            os.seteuid(0)


def test_record_is_read_where_the_file_system_has_no_locks(tmp_path):
    write_run(write_segments(tmp_path / "run"))
    source = tmp_path / "no_flock.c"
    source.write_text("#include <errno.h>\nint flock(int fd, int how) { errno = ENOLCK; return -1; }\n")
    shim = tmp_path / "no_flock.so"
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
    read = "import sys; from autosampling import open_run; print(float(open_run(sys.argv[1])['reward'].values.sum()))"
    environment = os.environ | {"LD_PRELOAD": str(shim)}
    for path in (tmp_path / "run", tmp_path / "run/run.h5"):
        done = subprocess.run([sys.executable, "-c", read, path], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) == pytest.approx(float(make_data(Shape())["reward"][1].sum()))


def test_flipped_bit_is_found(tmp_path):
    path = write_run(tmp_path) / "run.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        open_run(tmp_path)


def test_minor_version_is_read_and_major_refused(tmp_path):
    assert open_run(write_run(tmp_path / "a", Shape(version="1.7"))).sizes["cycle"] == 24
    with pytest.raises(NewerFormatError, match="newer"):
        open_run(write_run(tmp_path / "b", Shape(version="2.0")))


def test_folder_without_record_and_foreign_files_are_no_runs(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no record"):
        open_run(tmp_path)
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ValueError, match="is of type None"):
        open_run(tmp_path)


def test_many_segments_need_few_open_files(tmp_path):
    shape = Shape(cycles=400, planned=400, slots=1)
    write_segments(tmp_path, shape, bounds=tuple(range(401)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        np.testing.assert_array_equal(open_run(tmp_path)["reward"].values, make_data(shape)["reward"][1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("rounds", [1, 3, 8])
def test_rounds_of_all_segments_are_there_once(tmp_path, rounds):
    shape = Shape(rounds=rounds)
    run = open_run(write_segments(tmp_path, shape))
    np.testing.assert_array_equal(run["round"].values, np.arange(rounds))
    np.testing.assert_array_equal(run["round_cycle"].values, make_data(shape)["round_cycle"][1])
