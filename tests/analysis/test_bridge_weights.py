"""Weights move between the program and PyTorch, both ways, without a change."""

from __future__ import annotations

import gzip
import json
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
import torchvision
from program_runs import MNIST, SMALL, find_program, make_run, run_program, state_of_winner
from readme import read_commands

from autosampling import NewerFormatError, ScheduleSampler, networks, weights
from autosampling.cli import main
from autosampling.record_file import append_checksum

MARGIN = 1e-4
IMAGENET = ("data.synthetic_images=200", "data.synthetic_size=64", "training.epochs=0.4")  # one cycle


@pytest.fixture(scope="module")
def mnist_run(tmp_path_factory):
    settings = ("data.name=mnist", f"data.path={MNIST}", "model.name=convnet", "training.epochs=1")
    settings += ("training.batch_size=64", "population.cycle_batches=10")
    return make_run(tmp_path_factory.mktemp("mnist") / "run", *settings)


@pytest.fixture(scope="module")
def exported(mnist_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    weights.export_run(mnist_run, folder)
    return folder


@pytest.fixture(scope="module")
def imagenet_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("imagenet") / "run", "model.name=imagenet-resnet18", *IMAGENET)


def read_mnist_test():
    def read(name, offset):
        return np.frombuffer(gzip.decompress((MNIST / name).read_bytes()), np.uint8, offset=offset)

    pixels, labels = read("t10k-images-idx3-ubyte.gz", 16), read("t10k-labels-idx1-ubyte.gz", 8)
    return pixels.reshape(-1, 1, 28, 28), labels.astype(np.int64)


def compute_logits(network, images):
    with torch.inference_mode():
        return torch.cat([network(part) for part in torch.as_tensor(images).split(64)]).numpy()


def compute_program_logits(run, state, output):
    """The test images of a run, and what its network makes of them with the weights of a state file."""
    command = [find_program("program_logits"), run / "config.toml", state, output]
    subprocess.run(command, check=True, timeout=600)
    with h5py.File(output) as file:
        return file["image"][...], file["logit"][...]


def is_clear(logits):
    """Whether the best class leads by enough for rounding not to matter."""
    best = np.sort(logits, axis=1)
    return best[:, -1] - best[:, -2] >= MARGIN


def test_exported_weights_reach_the_recorded_test_accuracy_class_by_class(mnist_run, exported):
    about = json.loads((exported / "network.json").read_text())
    pixels, labels = read_mnist_test()
    mean, std = np.reshape(about["mean"], (1, -1, 1, 1)), np.reshape(about["std"], (1, -1, 1, 1))
    logits = compute_logits(networks.load_network(exported), ((pixels / 255 - mean) / std).astype(np.float32))
    right = logits.argmax(1) == labels
    clear = is_clear(logits)
    with h5py.File(mnist_run / "run.h5") as file:
        recorded, loss = file["test_correct"][-1], file["test_loss"][-1]
    for number, count in enumerate(recorded):
        of_class = labels == number
        sure = int((right & clear & of_class).sum())
        assert sure <= count <= sure + int((~clear & of_class).sum())
    assert torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels)).item() == pytest.approx(
        loss, rel=1e-5
    )


@pytest.mark.parametrize("name", networks.NAMES)
def test_logits_and_predictions_equal_the_programs(name, tmp_path):
    size = ("data.synthetic_channels=2", "data.synthetic_size=20") if name in ("mlp", "convnet") else ()
    short = ("training.epochs=1",) if name == "resnet18" else ()
    if name.startswith("imagenet"):
        size, short = ("data.synthetic_channels=2",), IMAGENET
    run = make_run(tmp_path / "run", f"model.name={name}", *short, *size)
    image, expected = compute_program_logits(run, state_of_winner(run), tmp_path / "logits.h5")
    weights.export_run(run, tmp_path / "export")
    logits = compute_logits(networks.load_network(tmp_path / "export"), image)
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=1e-4)
    clear = is_clear(expected)
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(logits.argmax(1)[clear], expected.argmax(1)[clear])


def test_weights_for_imagenet_load_strictly_into_torchvisions_network(imagenet_run, tmp_path):
    image, expected = compute_program_logits(imagenet_run, state_of_winner(imagenet_run), tmp_path / "logits.h5")
    weights.export_run(imagenet_run, tmp_path)
    network = torchvision.models.resnet18(num_classes=10)
    network.load_state_dict(torch.load(tmp_path / "weights.pt"))
    np.testing.assert_allclose(compute_logits(network.eval(), image), expected, atol=1e-4, rtol=1e-4)
    assert type(networks.load_network(tmp_path)) is torchvision.models.ResNet


def test_a_run_for_imagenet_starts_from_torchvisions_weights(imagenet_run, tmp_path):
    init, second = tmp_path / "init.h5", tmp_path / "run"
    network = torchvision.models.resnet18(num_classes=10)
    network(torch.randn(20, 3, 64, 64))  # statistics other than 0 and 1
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    assert weights.import_weights(tmp_path / "weights.pt", init, imagenet_run / "config.toml") == []
    image, logits = compute_program_logits(imagenet_run, init, tmp_path / "logits.h5")
    np.testing.assert_allclose(logits, compute_logits(network.eval(), image), atol=1e-4, rtol=1e-4)
    still = (f"model.init={init}", "training.learning_rate=1e-6")
    result = run_program(second, *still, config=imagenet_run / "config.toml")
    assert result.returncode == 0, result.stderr
    after = weights.read_state(state_of_winner(second))
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(after[name], parameter.detach(), atol=1e-3, rtol=0)


def test_without_torchvision_its_networks_are_named(imagenet_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert main(["export", str(imagenet_run), "--output", str(tmp_path / "export")]) == 2
    assert "network imagenet-resnet18 is torchvision's" in capsys.readouterr().err
    assert not (tmp_path / "export").exists()
    networks.make_network("resnet18")


def test_every_exported_tensor_is_contiguous_in_a_storage_of_its_own(mnist_run, exported):
    state = torch.load(exported / "weights.pt")
    assert not any(name.startswith("momentum.") for name in state)
    for tensor in state.values():
        assert tensor.is_contiguous()
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    with h5py.File(mnist_run / "run.h5") as file:
        assert state["bn1.num_batches_tracked"] == 10 * len(file["cycle"])


def test_the_readmes_commands_take_weights_out_and_in(mnist_run, tmp_path):
    out, init = tmp_path / "out", tmp_path / "init.h5"
    places = {"RUN": [str(mnist_run)], "DIR": [str(out)], "FILE": [str(init)]}
    places |= {"WEIGHTS": [str(out / "weights.pt")], "CONFIG": [str(mnist_run / "config.toml")]}
    for command in read_commands(need_torch=True, **places):
        assert main(command) == 0, command
    expected = torch.load(out / "weights.pt")
    assert all(torch.equal(value, expected[name]) for name, value in weights.read_state(init).items())


def test_exported_schedule_is_the_recorded_one(mnist_run, exported):
    with h5py.File(mnist_run / "run.h5") as file:
        schedule, probability = file["schedule"][...], file["probability"][...]
    np.testing.assert_array_equal(np.load(exported / "schedule.npy"), schedule)
    np.testing.assert_array_equal(np.load(exported / "probability.npy"), probability)
    table = np.loadtxt(exported / "schedule.csv", delimiter=",", skiprows=1, dtype=np.int64)
    cycle, draw = np.indices(schedule.shape)
    np.testing.assert_array_equal(table, np.stack([cycle.ravel(), draw.ravel(), schedule.ravel()], axis=1))


def write_config(path, name, **data):
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"name": "cifar10", **data}.items()]
    path.write_text(f'[model]\nname = "{name}"\n\n[data]\n' + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"module." + name: value for name, value in state.items()},
        lambda state: {"state_dict": {"model._orig_mod." + name: value for name, value in state.items()}, "epoch": 3},
        lambda state: {name: value for name, value in state.items() if "num_batches" not in name},
    ],
    ids=["plain", "data parallel", "lightning, compiled", "without counters"],
)
def test_import_takes_weights_as_they_are_saved(wrap, tmp_path):
    state = networks.make_network("resnet8").state_dict()
    torch.save(wrap(state), tmp_path / "weights.pt")
    config = write_config(tmp_path / "run.toml", "resnet8")
    assert weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config) == []
    back = weights.read_state(tmp_path / "init.h5")
    assert set(back) == {name for name in state if "num_batches" not in name}
    assert all(torch.equal(back[name], state[name]) for name in back)


def test_import_names_what_it_leaves_out(tmp_path):
    state = {"net." + name: value for name, value in networks.make_network("resnet8").state_dict().items()}
    torch.save({**state, "criterion.weight": torch.ones(10)}, tmp_path / "weights.pt")
    config = write_config(tmp_path / "run.toml", "resnet8")
    assert weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config) == ["criterion.weight"]


def test_import_names_each_tensor_that_does_not_fit(tmp_path):
    state = networks.make_network("resnet8").state_dict()
    del state["layer2.0.bn1.running_var"]
    state["layer1.0.conv1.weight"] = torch.zeros(16, 8, 3, 3)
    state["layer4.0.conv1.weight"] = torch.zeros(1)
    state["bn1.bias"][0] = torch.nan
    torch.save(state, tmp_path / "weights.pt")
    config = write_config(tmp_path / "run.toml", "resnet8")
    with pytest.raises(ValueError) as refusal:
        weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config)
    for line in (
        "layer2.0.bn1.running_var is missing",
        "layer1.0.conv1.weight is (16, 8, 3, 3), not (16, 16, 3, 3)",
        "layer4.0.conv1.weight is not in the network",
        "bn1.bias has values that are not finite",
    ):
        assert line in str(refusal.value)
    assert "--new-head" not in str(refusal.value)
    assert not (tmp_path / "init.h5").exists()


def test_weights_of_a_network_for_224_pixels_are_refused_as_such_for_small_images(tmp_path):
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "weights.pt")
    config = write_config(tmp_path / "run.toml", "resnet18")
    message = r"conv1.weight is \(64, 3, 7, 7\)[\s\S]*is for 224 × 224: take a model.name with imagenet-"
    with pytest.raises(ValueError, match=message):
        weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config)


def test_a_run_with_a_network_that_is_unknown_here_is_refused(mnist_run, tmp_path):
    for path in state_of_winner(mnist_run).parent.iterdir():
        target = tmp_path / "run/checkpoint" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes()[:-16])
        with h5py.File(target, "a") as file:
            if "configuration" in file:
                file["configuration"][()] = file["configuration"].asstr()[()].replace('"convnet"', '"resnet9"')
        append_checksum(target)
    with pytest.raises(ValueError, match="unknown network 'resnet9': take one of resnet8, .*imagenet-resnet34"):
        weights.export_run(tmp_path / "run", tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_a_newer_record_is_told_from_a_damaged_one(tmp_path, capsys):
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file.attrs.update({"filetype": "autosampling run", "format_version": "2.0"})
    append_checksum(tmp_path / "run.h5")
    with pytest.raises(NewerFormatError, match=r"version 2.0, newer than 1.x"):
        ScheduleSampler(tmp_path)
    checkpoint = tmp_path / "checkpoint/cycle-00000001"
    checkpoint.mkdir(parents=True)
    with h5py.File(checkpoint / "index.h5", "w") as file:
        file.attrs.update({"filetype": "autosampling checkpoint", "format_version": "2.0"})
    append_checksum(checkpoint / "index.h5")
    assert main(["export", str(tmp_path), "--output", str(tmp_path / "export")]) == 4
    assert "newer than 1.x" in capsys.readouterr().err


def test_files_without_weights_are_named(tmp_path):
    config = write_config(tmp_path / "run.toml", "resnet8")
    (tmp_path / "text.pt").write_text("no weights")
    with pytest.raises(ValueError, match=r"torch.load cannot read .*text.pt"):
        weights.import_weights(tmp_path / "text.pt", tmp_path / "init.h5", config)
    torch.save({"layer.weight": torch.ones(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"no conv1.weight in the weights \(they hold layer.weight"):
        weights.import_weights(tmp_path / "other.pt", tmp_path / "init.h5", config)


class Code:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return print, ("code of a pickle",)


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (lambda network, path: torch.jit.script(network).save(path), "it is TorchScript: torch.save the state_dict"),
        (lambda network, path: torch.save(network, path), r"a whole module.* autosampling.networks.ResNet"),
        (
            lambda network, path: torch.save({"a": Code()}, path),
            "which may run any code, print:",
        ),
        (lambda network, path: path.write_bytes(pickle.dumps(network.state_dict())), "a pickle that torch.save didn't"),
        (lambda network, path: weights.write_state(path, dict(network.named_parameters())), "an HDF5 file: model.init"),
        (lambda network, path: path.write_bytes(b"\x08" + bytes(7) + b'{"a": 1}'), "it is a safetensors file"),
    ],
    ids=["torchscript", "module", "code", "pickle", "state file", "safetensors"],
)
def test_files_that_are_not_a_saved_state_dict_are_told_apart(save, message, tmp_path, capsys):
    save(networks.make_network("resnet8").requires_grad_(False), tmp_path / "weights.pt")
    config = write_config(tmp_path / "run.toml", "resnet8")
    with pytest.raises(ValueError, match=message):
        weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config)
    assert "code of a pickle" not in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")  # PyTorch's, about such tensors
@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("conv1.weight", lambda tensor: tensor.to(torch.int32), "has elements of torch.int32, no real numbers"),
        ("conv1.weight", lambda tensor: tensor.to(torch.complex64), "is complex"),
        ("conv1.weight", lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8), "is quantised"),
        ("conv1.weight", lambda tensor: tensor.to_sparse(), "is sparse or nested"),
        ("conv1.weight", lambda tensor: tensor.to("meta"), "is on the meta device, without values"),
        ("conv1.weight", lambda tensor: tensor.double() + 1e300, "has values that are not finite"),
        ("bn1.running_var", lambda tensor: tensor - 1.5, "has negative values"),
    ],
)
def test_tensors_that_are_no_weights_are_named(name, change, fault, tmp_path):
    state = networks.make_network("resnet8").state_dict()
    torch.save({**state, name: change(state[name])}, tmp_path / "weights.pt")
    config = write_config(tmp_path / "run.toml", "resnet8")
    with pytest.raises(ValueError, match=f"{name} {fault}"):
        weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config)


@pytest.mark.parametrize("name", [name for name in networks.NAMES if not name.startswith("imagenet")])
def test_networks_run_as_torchscript(name):
    network, images = networks.make_network(name).eval(), torch.randn(2, 3, 32, 32)
    assert torch.equal(torch.jit.script(network)(images), network(images))


@pytest.mark.parametrize(("name", "width"), [("resnet8", 64), ("imagenet-resnet34", 512)])
def test_another_head_is_refused_by_name_or_started_afresh(name, width, tmp_path):
    state = networks.make_network(name, classes=100).state_dict()
    torch.save(state, tmp_path / "weights.pt")
    config = write_config(tmp_path / "run.toml", name)
    with pytest.raises(ValueError, match=rf"fc.weight is \(100, {width}\), not \(10, {width}\)[\s\S]*--new-head"):
        weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config)
    weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config, new_head=True)
    back = weights.read_state(tmp_path / "init.h5")
    assert back["fc.weight"].shape == (10, width)
    assert torch.equal(back["layer3.0.conv2.weight"], state["layer3.0.conv2.weight"])


def test_a_run_goes_on_from_imported_weights(exported, mnist_run, tmp_path):
    init = tmp_path / "init.h5"
    weights.import_weights(exported / "weights.pt", init, mnist_run / "config.toml")
    still = ("training.learning_rate=1e-6", "training.epochs=0.1")
    result = run_program(tmp_path / "run", f"model.init={init}", *still, config=mnist_run / "config.toml")
    assert result.returncode == 0, result.stderr
    with h5py.File(tmp_path / "run/run.h5") as after, h5py.File(mnist_run / "run.h5") as before:
        winner = before["winner"][-1]
        assert after["reward_accuracy"][0, 0] == pytest.approx(before["reward_accuracy"][-1, winner], abs=0.005)


def test_the_program_names_tensors_of_another_network(exported, mnist_run, tmp_path):
    weights.import_weights(exported / "weights.pt", tmp_path / "init.h5", mnist_run / "config.toml")
    result = run_program(tmp_path / "run", *SMALL, "model.name=resnet8", f"model.init={tmp_path / 'init.h5'}")
    assert result.returncode == 2
    assert "layer1.0.conv1.weight is missing" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_damaged_state_is_refused(mnist_run, tmp_path):
    copy = tmp_path / "run"
    folder = state_of_winner(mnist_run).parent
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        if path.name.startswith("state"):
            content[len(content) // 2] ^= 1
        target = copy / "checkpoint" / folder.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged or cut short"):
        weights.export_run(copy, tmp_path / "export")
    with pytest.raises(FileNotFoundError, match="has no checkpoint"):
        weights.export_run(tmp_path, tmp_path / "export")
