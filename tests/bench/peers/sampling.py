"""sampling.py EXAMPLES CYCLES: draws, counts and a new estimate in every cycle, with torch.multinomial and numpy.

The counts begin with the history that sampling_speed.cpp makes up, and the weights are its own. Prints median
microseconds and the entropy (nats) of the first distribution as JSON.
"""

import json
import sys
import time

import numpy as np
import torch

DRAWS = 2560


def estimate(counts: np.ndarray) -> np.ndarray:
    weights = (counts + 1) / (counts.mean() + 1)
    np.log1p(weights, out=weights)
    weights /= weights.sum()
    return weights


def main() -> None:
    examples, cycles = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    u = np.random.default_rng(0).random(2 * examples)
    counts = np.bincount((u * np.sqrt(u) * examples).astype(np.int64), minlength=examples)
    p = estimate(counts)
    entropy = float(-(p * np.log(p)).sum())
    microseconds = []
    for _ in range(cycles):
        start = time.perf_counter()
        draws = torch.multinomial(torch.from_numpy(p), DRAWS, replacement=True).numpy()
        np.add.at(counts, draws, 1)
        p = estimate(counts)
        microseconds.append((time.perf_counter() - start) * 1e6)
    print(json.dumps({"draws": DRAWS, "entropy": entropy, "all": float(np.median(microseconds))}))


if __name__ == "__main__":
    main()
