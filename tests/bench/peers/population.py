"""population.py plain|tuned|pickled|buffer CYCLES BATCHES FILE, under mpirun: cycles with mpi4py and h5py.

Some batches drawn from a member's distribution, its accuracy on 1,024 images, the best one's state to all, its draws
counted and recorded; every 5 cycles a new distribution from the counts. plain: ResNet-8, states are pickled, a row a
cycle is written. tuned: ResNet-8, one broadcast of the flat state, 64 cycles a write. pickled, buffer: what these two
take for a network that computes next to nothing. Prints the mean seconds of a cycle as JSON.
"""

import json
import sys
import time

import h5py
import numpy as np
from mpi4py import MPI
from network import BATCH, Plain, Tuned, torch, work_of

IMAGES, HELD_OUT, EXPLORES = 10_000, 1024, 5
comm = MPI.COMM_WORLD


class Record:
    def __init__(self, path: str, rows: int, draws: int) -> None:
        self.file, self.rows, self.pending = h5py.File(path, "w"), rows, []
        shapes = {"reward": (comm.size,), "winner": (), "draws": (draws,)}
        self.columns = [
            self.file.create_dataset(name, (0, *shape), "f4" if name == "reward" else "i4",
                                     maxshape=(None, *shape), chunks=(rows, *shape))
            for name, shape in shapes.items()
        ]  # fmt: skip

    def add(self, *row: object) -> None:
        self.pending.append(row)
        if len(self.pending) == self.rows:
            self.write()

    def write(self) -> None:
        begin, count = len(self.columns[0]), len(self.pending)
        for column, values in zip(self.columns, zip(*self.pending, strict=True), strict=False):
            column.resize(begin + count, axis=0)
            column[begin:] = np.stack(values)
        self.file.flush()
        self.pending = []

    def close(self) -> None:
        self.write()
        self.file.close()


def estimate(counts: np.ndarray, generator: np.random.Generator) -> torch.Tensor:
    weights = np.log1p(counts)
    p = weights / weights.sum() if weights.any() else np.full(IMAGES, 1 / IMAGES)
    p = (0.9 * p + 0.1 / IMAGES) * generator.uniform(0.8, 1.2, IMAGES)
    return torch.from_numpy(p / p.sum())


def share_pickled(peer: Plain, draws: torch.Tensor, winner: int) -> np.ndarray:
    state = (peer.model.state_dict(), peer.optimizer.state_dict(), draws.tolist()) if comm.rank == winner else None
    model, optimizer, draws = comm.bcast(state, root=winner)
    peer.model.load_state_dict(model)
    peer.optimizer.load_state_dict(optimizer)
    return np.array(draws)


def share_parts(peer: Tuned, draws: torch.Tensor, winner: int) -> np.ndarray:
    state = None
    if comm.rank == winner:  # copies: of a view, pickle takes all that it is a view of
        model = {name: tensor.clone() for name, tensor in peer.model.state_dict().items()}
        state = model, peer.momentum.clone(), draws
    model, momentum, draws = comm.bcast(state, root=winner)
    peer.model.load_state_dict(model)
    peer.momentum.copy_(momentum)
    return draws.numpy()


def share_flat(peer: Tuned, draws: torch.Tensor, winner: int) -> np.ndarray:
    shared = draws.numpy().astype(np.int32)
    comm.Bcast(peer.state.numpy(), root=winner)
    comm.Bcast(shared, root=winner)
    return shared


def main() -> None:
    variant, cycles, count, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) * BATCH, sys.argv[4]
    plain = variant == "plain"
    share = {"plain": share_pickled, "pickled": share_parts}.get(variant, share_flat)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    peer = Plain("resnet8", HELD_OUT) if plain else Tuned("resnet8" if variant == "tuned" else "null", HELD_OUT)
    torch.manual_seed(100 + comm.rank)
    generator = np.random.default_rng(comm.rank)
    record = Record(path, 1 if variant in ("plain", "pickled") else 64, count) if comm.rank == 0 else None
    counts = np.zeros(IMAGES, np.int64)
    distribution = estimate(counts, generator)
    seconds = []
    for cycle in range(cycles + 1):  # the first one warms up
        comm.Barrier()
        start = time.perf_counter()
        draws = torch.multinomial(distribution, count, replacement=True)
        trained = BATCH * len(peer.train(draws))
        rewards = np.array(comm.allgather(peer.evaluate() / HELD_OUT))
        winner = int(rewards.argmax())
        won = share(peer, draws, winner)
        if record:
            record.add(rewards, winner, won)
        counts += np.bincount(won, minlength=IMAGES)
        if (cycle + 1) % EXPLORES == 0:
            distribution = estimate(counts, generator)
        comm.Barrier()
        seconds.append(time.perf_counter() - start)
    work = work_of(peer, comm.size, trained)
    states = comm.gather(sum(float(p.detach().double().sum()) for p in peer.model.parameters()))
    if record:
        record.close()
        assert len(set(states)) == 1, "the members differ after the last exchange"
        print(json.dumps({"work": work, "seconds": sum(seconds[1:]) / cycles}))


if __name__ == "__main__":
    main()
