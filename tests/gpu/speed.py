"""Images a second of training on a GPU: a member's beside PyTorch's, in turns. Prints a table and writes it as JSON.

    PYTHONPATH=tests/bench/peers speed.py MEMBER_SPEED RESULTS.json

PyTorch trains the same network on the same made-up images, which lie on the GPU, with crops and flips made there,
channels-last, autocast and its fused SGD: step by step (eager), the whole step as one CUDA graph (graph), and by
torch.compile in mode max-autotune (compiled). Both must compute the same losses before their times count. Our other
ways stand beside them: without CUDA graphs (plain), 2 and 4 members at once on the GPU, and 2 ranks that share it.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from math import isclose
from pathlib import Path
from statistics import median

from network import BATCH, ResNet, make_images, make_up_parameters, normalised, torch
from torch.nn import functional as F  # noqa: N812

STEPS = 70  # of a cycle, as member_speed takes them
SECONDS, ROUNDS = 0.7, 7
# Of ours: how many members are trained at once, whether by CUDA graphs, and how many such processes there are.
OURS = {
    "ours": (1, True, 1),
    "plain": (1, False, 1),
    "2 at once": (2, True, 1),
    "4 at once": (4, True, 1),
    "2 ranks": (1, True, 2),
}
# With what of PyTorch's, and with which other ways of ours.
ROWS = [
    ("resnet8", "bf16", ("eager", "graph"), ("plain", "2 at once", "4 at once", "2 ranks")),
    ("resnet18", "fp16", (), ()),  # PyTorch's loss scaling is another work
    ("resnet18", "fp32", ("eager", "graph"), ()),
    ("resnet18", "bf16", ("eager", "graph", "compiled"), ("plain", "2 at once", "4 at once", "2 ranks")),
]
# Ours over the peer's at least.
GOALS = {
    ("resnet18", "bf16", "eager"): 1.5,
    ("resnet18", "bf16", "graph"): 1 / 1.02,
    ("resnet18", "bf16", "compiled"): 1 / 1.25,
}
LONGEST_COMPILATION = 180  # seconds


class Ours:
    def __init__(self, program: str, network: str, precision: str, way: str) -> None:
        members, graphs, copies = OURS[way]
        command = [program, network, precision, "answer", str(SECONDS), "cuda", str(members)]
        command += [] if graphs else ["eager"]
        self.processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
            for _ in range(copies)
        ]
        self.losses = [json.loads(answer)["losses"][:2] for answer in self.answers()][0]

    def answers(self) -> list[str]:
        return [p.stdout.readline() or sys.exit(f"it has ended: {' '.join(p.args)}") for p in self.processes]

    def rate(self) -> float:
        for process in self.processes:
            process.stdin.write("train\n")
            process.stdin.flush()
        return sum(float(answer) for answer in self.answers())

    def end(self) -> None:
        for process in self.processes:
            process.stdin.close()
            process.wait()


class PyTorch:
    def __init__(self, variant: str, network: str, precision: str) -> None:
        self.variant, self.bf16 = variant, precision == "bf16"
        self.model = ResNet(network)
        make_up_parameters(self.model)
        self.model.to("cuda", memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, fused=True)
        self.loss = torch.compile(self._loss, mode="max-autotune") if variant == "compiled" else self._loss
        images, labels = make_images()
        padded = F.pad(torch.from_numpy(images), (0, 0, 4, 4, 4, 4)).cuda()
        self.windows = padded.unfold(1, 32, 1).unfold(2, 32, 1).permute(0, 1, 2, 4, 5, 3)  # (N, 9, 9, 32, 32, 3)
        self.labels = torch.from_numpy(labels).cuda()
        self.draws = torch.arange(BATCH, device="cuda")  # (B) of the step, at the same place all the time
        self.losses = self._first_losses(images)
        self.once = self._recorded() if variant == "graph" else self._train

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=self.bf16):
            outputs = self.model(x)
        return F.cross_entropy(outputs.float(), y)

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _first_losses(self, images: torch.Tensor) -> list[float]:
        x = normalised(images[: 2 * BATCH]).cuda()
        return [self._step(*some).item() for some in zip(x.split(BATCH), self.labels.split(BATCH), strict=False)]

    def _train(self) -> None:
        place = torch.randint(162, (BATCH,), device="cuda")
        x = self.windows[self.draws, place % 81 // 9, place % 9]
        x = torch.where((place >= 81).view(-1, 1, 1, 1), x.flip(2), x)
        self._step(x.float().mul_(1 / 127.5).sub_(1).permute(0, 3, 1, 2), self.labels[self.draws])

    def _recorded(self) -> Callable[[], None]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._train()
        torch.cuda.current_stream().wait_stream(stream)
        self.optimizer.zero_grad()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._train()
        return graph.replay

    def _cycle(self) -> None:
        for draws in torch.arange(BATCH * STEPS, device="cuda").split(BATCH):
            self.draws.copy_(draws)
            self.once()
        torch.cuda.synchronize()

    def rate(self) -> float:
        start, cycles = time.perf_counter(), 0
        while (taken := time.perf_counter() - start) < SECONDS:
            self._cycle()
            cycles += 1
        return cycles * STEPS * BATCH / taken


def measured(works: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Images a second: the median of rounds, each of which begins with another one."""
    names = list(works)
    rates = {name: [] for name in names}
    for work in works.values():
        work()  # to warm up
    for turn in range(ROUNDS):
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            rates[name].append(works[name]())
    return {name: median(values) for name, values in rates.items()}


def row(
    program: str, network: str, precision: str, variants: tuple[str, ...], ways: tuple[str, ...]
) -> dict[str, object]:
    found = {"network": network, "precision": precision, "batch": BATCH, "notes": []}
    ours = {way: Ours(program, network, precision, way) for way in ("ours", *ways)}
    losses = ours["ours"].losses
    works, tolerance = {}, 0.03 if precision == "bf16" else 0.002
    for variant in variants:
        peer = within(LONGEST_COMPILATION, lambda variant=variant: PyTorch(variant, network, precision))
        if isinstance(peer, str):
            found["notes"].append(f"{variant}: {peer}")
        else:
            works[variant] = peer
    for name, work in dict(works := ours | works).items():
        if not all(isclose(*pair, rel_tol=tolerance) for pair in zip(losses, work.losses, strict=True)):
            found["notes"].append(f"{name}: other losses, {work.losses} and ours {losses}: not compared")
            del works[name]
    found["images_per_second"] = measured({name: work.rate for name, work in works.items()})
    for each in ours.values():
        each.end()
    return found


def within(seconds: int, action: Callable[[], object]) -> object:
    """What it returns; or why not: its error, or that it takes longer."""

    def late(*_: object) -> None:
        raise TimeoutError(f"not there after {seconds} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        return action()
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}".splitlines()[0]
    finally:
        signal.alarm(0)


def main() -> int:
    program, results = sys.argv[1:3]
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    rows = []
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}: images a second, and ours over the peer's")
    for network, precision, variants, ways in ROWS:
        rows.append(found := row(program, network, precision, variants, ways))
        rates = found["images_per_second"]
        line = f"{network:9} {precision}  ours {rates['ours']:9.0f}"
        for name, rate in rates.items():
            if name != "ours":
                goal = GOALS.get((network, precision, name))
                wanted = f", goal {goal:.2f}" if goal else ""
                line += f"  {name} {rate:9.0f} ({rates['ours'] / rate:.2f}{wanted})"
        print(line, *found["notes"], sep="\n    ", flush=True)
        Path(results).write_text(json.dumps({"gpu": torch.cuda.get_device_name(), "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
