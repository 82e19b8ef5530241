"""What tests/bench/run.sh runs: measures the program beside its peers, in turns, and prints the table.

A row is a quotient, ours over the peer's, of rates (the more the better) or of times (the less the better), taken pair
by pair; a row without a peer is a figure of our own. Its value is the median, and the interval is that of the median,
by order statistics, at 95 % where there are pairs enough. Before a pair counts, both must have done the same.
"""

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import comb, inf, isclose, isfinite
from operator import truediv
from pathlib import Path
from statistics import median

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent.parent
BUILD = Path(os.environ.get("BUILD", ROOT / "build/bench")).absolute()
PROGRAM = BUILD / "src/autosampling"
FOLDER = ROOT / "build/bench"
WORK = FOLDER / "work"
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
                            "TORCHINDUCTOR_CACHE_DIR": str(ROOT / "build/bench/inductor")}  # fmt: skip
# For PyTorch in its best setting: a heap that doesn't go back to the system, in huge pages.
KEPT_HEAP = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
MPIRUN = os.environ.get("MPIRUN", "mpirun").split()

# Training: goals against plain PyTorch in fp32 (where tuning it gains less, 1.03 times what tuning gains), and against
# tuned PyTorch.
PLAIN = {("resnet8", "fp32"): 2.0, ("resnet20", "fp32"): 1.5, ("resnet18", "fp32"): 1.75,
         ("resnet8", "bf16"): 2.8, ("resnet20", "bf16"): 2.3, ("resnet18", "bf16"): 2.9}  # fmt: skip
TUNED = {"resnet8": 1.05, "resnet20": 1.05, "resnet18": 1.0}


@dataclass
class Row:
    name: str
    unit: str
    goal: float
    most: bool = False  # the goal is the most, not the least
    ours: list[float] = field(default_factory=list)
    peer: list[float] | None = field(default_factory=list)  # None: a figure of our own
    note: str = ""  # why it wasn't measured

    def add(self, ours: float, peer: float | None = None) -> None:
        if not isfinite(ours) or not (peer is None or 0 < peer < inf):
            raise Failure(f"{self.name}: {ours} and {peer} can't be compared")
        self.ours.append(ours)
        if peer is None:
            self.peer = None
        else:
            self.peer.append(peer)

    def result(self) -> dict[str, object]:
        result = dict.fromkeys(("ours", "peer", "ratio", "low", "high", "met"))
        if self.ours:
            values = self.ours if self.peer is None else list(map(truediv, self.ours, self.peer))
            ratio, low, high = with_interval(values)
            result.update(ours=median(self.ours), ratio=ratio, low=low, high=high)
            result["peer"] = self.peer and median(self.peer)
            result["met"] = ratio <= self.goal if self.most else ratio >= self.goal
        goal = {"goal": self.goal, "goal_is": "most" if self.most else "least"}
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())  # results.json keeps rows of earlier runs
        about = {"pairs": len(self.ours), "note": self.note, "when": when}
        return {"name": self.name, "unit": self.unit, **result, **goal, **about}


def with_interval(values: list[float]) -> tuple[float, float, float]:
    """Median, and the narrowest pair of order statistics that holds it with 95 %; the extremes where none does."""
    ordered, n, cut = sorted(values), len(values), 0
    while 2 * sum(comb(n, k) for k in range(cut + 2)) / 2**n <= 0.05:
        cut += 1
    return median(ordered), ordered[cut], ordered[n - 1 - cut]


class Failure(Exception):
    pass


def gate(same: bool, what: str) -> None:
    if not same:
        raise Failure(f"{what}: the two aren't doing the same, so nothing is compared")


JOBS: list[subprocess.Popen] = []


def started(command: list[object], heap: bool = False, **pipes: object) -> subprocess.Popen:
    environment = ENVIRONMENT | (KEPT_HEAP if heap else {})
    pipes = {"stdin": subprocess.DEVNULL} | pipes
    words = [str(word) for word in command]
    JOBS.append(subprocess.Popen(words, env=environment, text=True, start_new_session=True, **pipes))  # noqa: S603
    return JOBS[-1]


def end_jobs() -> None:
    """Ends those at work, with what they started: mpirun that is asked to end ends its ranks."""
    running = [process for process in JOBS if process.poll() is None]
    for process in running:
        os.killpg(process.pid, signal.SIGTERM)
    for process in running:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    JOBS.clear()


def stop(number: int, _: object) -> None:
    for each in SIGNALS:  # once is enough
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def output_of(command: list[object], heap: bool = False) -> list[str]:
    process = started(command, heap, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate()
    if process.returncode != 0:
        raise Failure(f"exit code {process.returncode}: {' '.join(process.args)}\n{errors[-2000:]}")
    return output.splitlines()


def read_json(line: str, command: list[object]) -> dict:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or None in found.values():
        raise Failure(f"no JSON object of figures but {line.strip()[:200]!r} came of {' '.join(map(str, command))}")
    return found


def json_of(command: list[object], heap: bool = False) -> dict[str, float]:
    return read_json("".join(output_of(command, heap)[-1:]), command)


def mpi(ranks: int, *command: object) -> list[object]:
    return [*MPIRUN, "-n", ranks, *command]


def peer(script: str, *arguments: object) -> list[object]:
    return [sys.executable, BENCH / "peers" / script, *arguments]


class Worker:
    """A process that answers each line of its input with a number, after one line of JSON."""

    def __init__(self, command: list[object], heap: bool = False) -> None:
        self.errors = tempfile.TemporaryFile("w+")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        self.process = started(command, heap, **pipes)
        self.trace = read_json(self.line(), command)

    def line(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise Failure(f"ended: {' '.join(self.process.args)}\n{self.errors.read()[-2000:]}")
        return line

    def ask(self, question: str) -> float:
        with suppress(BrokenPipeError):  # line() says why it ended
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        return float(self.line())


def in_turns(pairs: int, actions: dict[str, Callable[[], float]]) -> Iterator[dict[str, float]]:
    """What each returns, pair by pair; every pair begins with another one."""
    names = list(actions)
    for pair in range(pairs):
        turn = names[pair % len(names) :] + names[: pair % len(names)]
        yield {name: actions[name]() for name in turn}


# ---------------------------------------------------------------- one member
def has_bf16() -> bool:
    return bool(re.search(r"\b(avx512_bf16|amx_bf16)\b", Path("/proc/cpuinfo").read_text()))


def member_rows(network: str, precision: str) -> list[Row]:
    kind = f"{network}.{precision}"
    rows = [
        Row(f"training.{kind}.plain", "images/s", PLAIN[network, precision]),
        Row(f"training.{kind}.tuned", "images/s", TUNED[network]),
        Row(f"training.{kind}.compiled", "images/s", 1.0),
    ]
    if network == "resnet8":
        goals = {"plain": 2.5, "tuned": 1.3, "best": 1.0}
        rows += [Row(f"evaluation.{kind}.{name}", "images/s", goal) for name, goal in goals.items()]
    return rows


def compare_members(network: str, precision: str, rows: list[Row], setting: argparse.Namespace) -> None:
    if precision == "bf16" and not has_bf16():
        return leave_out(rows, "the processor has no bf16")
    variants = ["plain", "tuned", "compiled"]
    if setting.quick:
        variants.remove("compiled")
        leave_out([row for row in rows if row.name.endswith(".compiled")], "left out by --quick")
    workers = {"ours": Worker([BUILD / "tests/bench/member_speed", network, precision, "answer", setting.seconds])}
    for variant in variants:
        command = peer("member.py", network, variant, precision, setting.seconds)
        try:
            worker = Worker(command, heap=variant != "plain")
            same_trace(workers["ours"].trace, worker.trace, network, precision, variant)
        except Exception as failure:  # whatever it is, the other variants are measured
            fail([row for row in rows if row.name.endswith((variant, ".best"))], failure)
        else:
            workers[variant] = worker
    if len(workers) == 1:
        return
    trained = {name: lambda worker=worker: worker.ask("train") for name, worker in workers.items()}
    by_name = {row.name.split(".", 1)[1].split(".")[-1]: row for row in rows if row.name.startswith("training")}
    for rates in in_turns(setting.pairs, trained):
        for variant in rates.keys() - {"ours"}:
            by_name[variant].add(rates["ours"], rates[variant])
    if precision == "fp32" and {"plain", "tuned"} <= workers.keys():
        gain = median(map(truediv, by_name["tuned"].peer, by_name["plain"].peer))
        by_name["plain"].goal = min(by_name["plain"].goal, round(1.03 * gain, 3))
    if network == "resnet8":
        evaluate_members(rows, workers, setting)


def same_trace(ours: dict, theirs: dict, network: str, precision: str, variant: str) -> None:
    what = f"{network} {precision} {variant}"
    gate(ours["parameters"] == theirs["parameters"], f"parameters of {what}")
    # Evaluation is with statistics that are two batches old: rounding grows to 0.4 % of its loss in fp32 on some
    # processors, to 2 % in bf16; for ResNet-18 to 4 %, where one layer that rounds otherwise makes 2 % (measured).
    in_training = 0.005 if precision == "bf16" else 0.002
    in_evaluation = 0.01 if precision == "fp32" else 0.1 if network == "resnet18" else 0.03
    *trained, evaluated = ours["losses"]
    same = len(theirs["losses"]) == len(trained)
    same = same and all(isclose(*pair, rel_tol=in_training) for pair in zip(trained, theirs["losses"], strict=True))
    same = same and all(isclose(evaluated, loss, rel_tol=in_evaluation) for loss in theirs["evaluated"].values())
    gate(same, f"losses of {what}: {ours} and {theirs}")


def evaluate_members(rows: list[Row], workers: dict[str, Worker], setting: argparse.Namespace) -> None:
    actions = {name: lambda worker=worker: worker.ask("evaluate") for name, worker in workers.items()}
    if "tuned" in workers:
        actions["folded"] = lambda: workers["tuned"].ask("folded")
    rates = list(in_turns(setting.pairs, actions))
    best = max(actions.keys() - {"ours"}, key=lambda name: median(rate[name] for rate in rates))
    for row in rows:
        name = row.name.split(".")[-1]
        if row.name.startswith("evaluation") and not row.note:
            for rate in rates:
                row.add(rate["ours"], rate[best if name == "best" else name])


# ---------------------------------------------------------------- the program, whole
@dataclass
class Cycles:
    seconds: float  # of a cycle, by the clock
    reward_share: float  # of it, mean over the ranks
    rest_share: float  # neither training and reward nor waiting for the slowest
    work: dict[str, int]  # parameters and number of the members, images that each trains on and is measured on


def run_program(ranks: int, configuration: object, *settings: str, warm: int = 1) -> Cycles:
    """A run, timed by its progress lines, of which there is one a second at most: from cycle `warm` on, to the last."""
    run = WORK / "run"
    options = [word for setting in settings for word in ("--set", setting)]
    command = mpi(ranks, PROGRAM, "run", configuration, "--output", run, "--overwrite", *options)
    process = started(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen, said, parameters, cycles = {}, [], 0, 0
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"cycle (\d+)/(\d+)", line):
            seen[int(found[1])], cycles = time.perf_counter(), int(found[2])
        elif found := re.search(r"(\d+) parameters", line):
            parameters = int(found[1])
    if process.wait() != 0:
        raise Failure(f"{' '.join(map(str, command))}\n{''.join(said[-5:])}")
    first, last = min((cycle for cycle in seen if cycle >= warm), default=cycles), cycles
    gate(first < last and last in seen, f"{len(seen)} of {cycles} cycles were seen")
    seconds = (seen[last] - seen[first]) / (last - first)
    import h5py  # not in the python that --check runs in

    with h5py.File(run / "run.h5") as file:
        members, draws = (int(file.attrs[name]) for name in ("members", "draws"))
        measured = len(file["reward_index"])
        work = {"parameters": parameters, "members": members, "draws": draws, "reward_images": measured}
        train, reward, wait = (file[f"seconds_{of}"][first:last].mean(0) for of in ("train", "reward", "wait"))
    busy = (train + reward)[: members // ranks].sum() + wait[0]  # a rank's stand beside each other
    return Cycles(seconds, float(reward.sum() / ranks / seconds), float(1 - busy / seconds), work)


# Learned draws from the start, a new distribution every 5 cycles, as the peers have.
LEARNED = ("training.schedule=constant", "exploration.kind=mixture", "exploration.first_epoch=0",
           "exploration.uniform_epochs=0", "exploration.interval_cycles=5")  # fmt: skip


def cifar_like(network: str, members: int, cycles: int, batches: int = 20) -> tuple[str, ...]:
    """Made-up images of CIFAR's shape, so many batches of 128 a cycle, rewards on 1,024 images."""
    training = 20_000 - 1024
    return (
        "data.name=synthetic", "data.synthetic_images=20000", "data.reward_images=1024", "data.augmentation=crop-flip",
        f"model.name={network}", f"population.members={members}", f"population.cycle_batches={batches}",
        f"training.epochs={cycles * batches * 128 / training}", *LEARNED,
    )  # fmt: skip


def same_work(ours: dict[str, int], theirs: dict[str, int], what: str) -> None:
    gate(ours == theirs, f"{what}: {ours} and {theirs}")


def compare_cycles(rows: list[Row], setting: argparse.Namespace) -> None:
    ranks, cycles, batches = (2, 2, 2) if setting.quick else (4, 4, 20)
    by_name = {row.name: row for row in rows}
    state = {}

    def ours() -> float:
        state["ours"] = run_program(ranks, "/dev/null", *cifar_like("resnet8", ranks, cycles + 1, batches))
        return state["ours"].seconds

    def theirs(variant: str) -> float:
        command = mpi(ranks, *peer("population.py", variant, cycles, batches, WORK / "peer.h5"))
        state[variant] = json_of(command, heap=variant == "tuned")
        return state[variant]["seconds"]

    actions = {"ours": ours, "plain": lambda: theirs("plain"), "tuned": lambda: theirs("tuned")}
    for seconds in in_turns(setting.pairs, actions):
        for variant in ("plain", "tuned"):
            same_work(state["ours"].work, state[variant]["work"], f"the {variant} population")
            by_name[f"cycle.resnet8.{variant}"].add(1 / seconds["ours"], 1 / seconds[variant])
        by_name["cycle.resnet8.reward_share"].add(state["ours"].reward_share)


NULL_SIZE = 11_173_960  # parameters: ResNet-18's, to the ten


def compare_null_cycles(rows: list[Row], setting: argparse.Namespace) -> None:
    """All but training: 16 ranks whose network has ResNet-18's size and computes next to nothing, a batch a cycle."""
    ranks, cycles = (2, 3) if setting.quick else (16, 6)
    by_name = {row.name.split(".")[-1]: row for row in rows}
    work = {"parameters": NULL_SIZE, "members": ranks, "draws": 128, "reward_images": 1024}
    options = (
        "data.name=synthetic", "data.synthetic_images=20000", "data.reward_images=1024", "data.augmentation=crop-flip",
        "model.name=null", f"model.null_parameters={NULL_SIZE}",
        "population.cycle_batches=1", f"training.epochs={(cycles + 2) * 128 / (20_000 - 1024)}", *LEARNED,
    )  # fmt: skip

    def theirs(variant: str) -> float:
        found = json_of(mpi(ranks, *peer("population.py", variant, cycles, 1, WORK / "peer.h5")), heap=True)
        same_work(work, found["work"], f"the {variant} population")
        return found["seconds"]

    def ours() -> float:
        # Its memory is all in use after two cycles; in a hurry these show no line of their own.
        found = run_program(ranks, "/dev/null", *options, warm=1 if setting.quick else 2)
        same_work(work, found.work, "the program's population")
        return found.seconds

    actions = {"ours": ours} | {variant: lambda variant=variant: theirs(variant) for variant in by_name}
    for seconds in in_turns(setting.pairs, actions):
        for variant, row in by_name.items():
            row.add(1 / seconds["ours"], 1 / seconds[variant])


def measure_start(rows: list[Row], setting: argparse.Namespace) -> None:
    """What a whole job of one short cycle takes of the processors, launcher, start and end included."""
    ranks = 4 if setting.quick else 64
    command = mpi(
        ranks, PROGRAM, "run", ROOT / "jobs/configs/scaling.toml", "--output", WORK / "run", "--overwrite",
        "--set", f"population.members={ranks}", "--set", "training.epochs=0.03", "--set", "model.null_seconds=0",
    )  # fmt: skip
    for _ in range(min(3, setting.pairs)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output_of(command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        rows[0].add((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / ranks)


def measure_overhead(rows: list[Row], setting: argparse.Namespace) -> None:
    by_name = {row.name: row for row in rows}
    epochs = "training.epochs=" + ("1" if setting.quick else "5")
    for _ in range(setting.pairs):
        short = run_program(2, ROOT / "jobs/configs/quickstart.toml", epochs)
        by_name["overhead.quickstart"].add(short.rest_share)
        if not setting.quick:
            long = run_program(2, "/dev/null", *cifar_like("resnet20", 2, 4))
            by_name["overhead.resnet20"].add(long.rest_share)
    leave_out([row for row in rows if not row.ours], "left out by --quick")


def compare_with_ray(rows: list[Row], setting: argparse.Namespace) -> None:
    if setting.quick or find_spec("ray") is None:
        return leave_out(rows, "left out by --quick" if setting.quick else "Ray Tune isn't installed")
    cycles, work = 4, {}

    def ours() -> float:
        found = run_program(4, "/dev/null", *cifar_like("resnet8", 4, cycles + 1))
        work["ours"] = found.work
        return found.seconds

    def theirs() -> float:
        found = json_of(peer("ray_population.py", 4, cycles, WORK / "ray"), heap=True)
        work["ray"] = found["work"]
        return found["seconds"]

    for seconds in in_turns(setting.pairs, {"ours": ours, "ray": theirs}):
        same_work(work["ours"], work["ray"], "Ray's population")
        rows[0].add(1 / seconds["ours"], 1 / seconds["ray"])


def measure_scaling(rows: list[Row], setting: argparse.Namespace) -> None:
    size = (3, 2) if setting.quick else (5, 20)

    def seconds_of(ranks: int) -> float:
        return run_program(ranks, "/dev/null", *cifar_like("resnet8", ranks, *size)).seconds

    actions = {"1": lambda: seconds_of(1), "2": lambda: seconds_of(2)}
    for seconds in in_turns(setting.pairs, actions):
        rows[0].add(1 / seconds["2"], 1 / seconds["1"])


# ---------------------------------------------------------------- parts
def compare_sampling(rows: list[Row], setting: argparse.Namespace) -> None:
    program, cycles = BUILD / "tests/bench/sampling_speed", 10 if setting.quick else 50

    def ours(examples: int) -> dict[str, float]:
        found = json_of([program, cycles, examples])
        return found | {"all": found["draw"] + found["count"] + found["estimate"]}

    actions = {
        "ours": lambda: ours(1_281_167),
        "peer": lambda: json_of(peer("sampling.py", 1_281_167, max(5, cycles // 5))),
    }
    for found in in_turns(setting.pairs, actions):
        for same, near in (("draws", 0), ("entropy", 1e-3)):
            gate(abs(found["ours"][same] - found["peer"][same]) <= near, f"{same} of sampling: {found}")
        rows[0].add(1e6 / found["ours"]["all"], 1e6 / found["peer"]["all"])
    memory = int(re.search(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())[1])
    if setting.quick or memory < 10_000_000:
        return leave_out(rows[1:], "left out by --quick" if setting.quick else "needs 10 GB of memory")
    for _ in range(min(3, setting.pairs)):
        rows[1].add(ours(100_000_000)["all"])


def compare_exchange(rows: list[Row], setting: argparse.Namespace) -> None:
    command = mpi(8, BUILD / "tests/bench/exchange_speed", setting.pairs)
    for line in output_of(command):
        found = read_json(line, command)  # the program itself checks that the same bytes arrive
        rows[0].add(found["exchange"], found["bcast"])
        rows[1].add(found["average"], found["allreduce"])


def compare_record(rows: list[Row], setting: argparse.Namespace) -> None:
    by_name = {row.name: row for row in rows}
    actions = {
        "ours": lambda: json_of([BUILD / "tests/bench/record_speed", WORK / "record"]),
        "peer": lambda: json_of(peer("record.py", WORK)),
    }
    for found in in_turns(setting.pairs, actions):
        ours, theirs = found["ours"], found["peer"]
        gate(ours["cycles"] == theirs["cycles"], "cycles recorded")
        gate(abs(ours["bytes"] / theirs["bytes"] - 1) < 0.01, f"bytes of a checkpoint: {found}")
        for way in "row_by_row", "rows_64", "packed":
            by_name[f"record.{way}"].add(1e6 / ours["cycle"], 1e6 / theirs[way])
        by_name["record.stall"].add(ours["stall"])
        by_name["checkpoint.stall"].add(ours["checkpoint_stall"], theirs["save"])


# ---------------------------------------------------------------- all of it
def leave_out(rows: list[Row], why: str) -> None:
    """Nothing that was measured of these rows so far counts."""
    for row in rows:
        row.ours, row.peer, row.note = [], [], why


def fail(rows: list[Row], failure: Exception) -> None:
    why = str(failure) if isinstance(failure, Failure) else repr(failure)
    print(why, file=sys.stderr)
    leave_out(rows, f"failed: {why}")


Comparison = tuple[list[Row], Callable[[list[Row], argparse.Namespace], None]]


def comparisons(quick: bool) -> Iterator[Comparison]:
    for network in ("resnet8", "resnet20", "resnet18"):
        for precision in ("fp32", "bf16"):

            def run(rows: list[Row], setting: argparse.Namespace, of: tuple[str, str] = (network, precision)) -> None:
                if quick and of[0] != "resnet8":
                    return leave_out(rows, "left out by --quick")
                return compare_members(*of, rows, setting)

            yield member_rows(network, precision), run
    cycle = [Row("cycle.resnet8.plain", "cycles/s", 1.5), Row("cycle.resnet8.tuned", "cycles/s", 1.05)]
    yield [*cycle, Row("cycle.resnet8.reward_share", "of the cycle", 0.12, most=True)], compare_cycles
    yield [Row("cycle.resnet8.ray", "cycles/s", 4.0)], compare_with_ray
    null = {"pickled": 20, "buffer": 5}
    yield [Row(f"cycle.null.{how}", "cycles/s", goal) for how, goal in null.items()], compare_null_cycles
    yield [Row("start.64_ranks", "CPU s a rank", 0.9, most=True)], measure_start
    goals = {"resnet20": 0.005, "quickstart": 0.1}
    yield [Row(f"overhead.{of}", "of the cycle", goal, True) for of, goal in goals.items()], measure_overhead
    yield [Row("scaling.2_ranks", "cycles/s", 0.95)], measure_scaling
    yield [Row("sampling.imagenet", "cycles/s", 50), Row("sampling.1e8", "us", 300, True)], compare_sampling
    yield [Row("exchange.resnet18", "s", 0.6, True), Row("average.resnet18", "s", 1.0, True)], compare_exchange
    goals = {"row_by_row": 15, "rows_64": 1.5, "packed": 1.0}  # only the last does the same work
    record = [Row(f"record.{way}", "cycles/s", goal) for way, goal in goals.items()]
    stalls = [Row("record.stall", "us", 20, True), Row("checkpoint.stall", "s", 0.2, True)]
    yield record + stalls, compare_record


def line_of(result: dict[str, object]) -> str:
    goal = ("<= " if result["goal_is"] == "most" else ">= ") + f"{result['goal']:g}"
    if result["ratio"] is None:
        return f"{result['name']:<32}not measured: {result['note'].splitlines()[0]} (goal {goal})"
    sides = [f"{result[side]:10.4g}" if result[side] is not None else " " * 10 for side in ("ours", "peer")]
    interval = f"{result['low']:.3g} .. {result['high']:.3g}"
    return (f"{result['name']:<32}{sides[0]} {sides[1]} {result['unit']:<13}{result['ratio']:9.3g}  "
            f"{interval:<20}{goal:<10}{'yes' if result['met'] else 'no'}")  # fmt: skip


def save(results: dict[str, dict[str, object]], quick: bool) -> None:
    """Of results.json, rows that weren't measured this time stay as they are."""
    file = FOLDER / ("quick.json" if quick else "results.json")
    if not quick and file.exists():
        results = {row["name"]: row for row in json.loads(file.read_text())} | results
    names = [row.name for rows, _ in comparisons(quick) for row in rows]
    kept = [results[name] for name in names if name in results]
    new = file.with_suffix(".new")
    new.write_text(json.dumps(kept, indent=1) + "\n")
    new.rename(file)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "tests/bench/run.sh",
        description="Measures the program beside its peers, in turns; build/bench/results.json has the table, too.",
        epilog="variables: BUILD=DIR measures what is built there, instead of building build/bench; PEERS=PYTHON has "
        "PyTorch, torchvision and h5py, instead of build/bridge-venv; PAIRS=n measures so many pairs instead of 7",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only rows whose names begin so; all without one")
    parser.add_argument("--quick", action="store_true", help="one short pair, to see that it works")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)  # of the arguments, then it ends
    setting = parser.parse_args()
    pairs = os.environ.get("PAIRS", "1" if setting.quick else "7")
    if not re.fullmatch(r"[1-9]\d*", pairs):
        parser.error(f"PAIRS={pairs} is no number of pairs: give it 1 or more")
    if "BUILD" in os.environ and not PROGRAM.exists():
        parser.error(f"BUILD={os.environ['BUILD']} has no src/autosampling: build it there, or leave BUILD out")
    setting.pairs = int(pairs)
    setting.seconds = 0.1 if setting.quick else 1.5
    known = [row.name for rows, _ in comparisons(setting.quick) for row in rows]
    for name in setting.names:
        if not any(row.startswith(name) for row in known):
            parser.error(f"no row's name begins with {name}; there are {' '.join(known)}")
    return setting


def main() -> int:
    setting = read_arguments()
    if setting.check:
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    for each in SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:  # as nohup has it
            signal.signal(each, stop)
    results, failed = {}, False
    print(f"{'':<32}{'ours':>10} {'peer':>10} {'':<13}{'ratio':>9}  {'interval':<20}{'goal':<10}met")
    for rows, measure in comparisons(setting.quick):
        wanted = [row for row in rows if not setting.names or row.name.startswith(tuple(setting.names))]
        if not wanted:
            continue
        try:
            measure(rows, setting)
        except Exception as failure:  # whatever it is, the other rows are measured
            fail(rows, failure)
        except SystemExit as stopped:  # by a signal
            print("stopped: the rows that follow have fewer pairs and aren't in the file", file=sys.stderr)
            for row in wanted:
                if row.ours:
                    print(line_of(row.result()), flush=True)
            return stopped.code
        finally:
            end_jobs()
        failed = failed or any(row.note.startswith("failed") for row in rows)
        for row in wanted:
            results[row.name] = row.result()
            print(line_of(results[row.name]), flush=True)
        save(results, setting.quick)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
