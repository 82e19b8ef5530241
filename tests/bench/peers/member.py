"""member.py NETWORK plain|tuned|compiled fp32|bf16 SECONDS: one member at work, as member_speed.cpp answers.

Prints what it computes, as JSON; then, for each line of its input, images a second, measured for about so long. The
lines: `train`, `evaluate`; tuned has `folded`, too. plain trains in fp32 in any case.
"""

import json
import sys
import time
from functools import partial

from network import BATCH, Plain, Tuned, loss, make_up_parameters, torch


def main() -> None:
    network, variant, precision, seconds = *sys.argv[1:4], float(sys.argv[4])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    large = network == "resnet18"
    held_out = 512 if large else 1024
    bf16 = precision == "bf16"
    if variant == "plain":
        peer = Plain(network, held_out)
        evaluations = {"evaluate": partial(peer.evaluate, bf16=bf16)}
    else:
        peer = Tuned(network, held_out, bf16, variant == "compiled")
        evaluations = {"evaluate": peer.evaluate}
    if variant == "tuned":
        evaluations["folded"] = partial(peer.evaluate, folded=True)

    # What is timed below, with member_speed.cpp's parameters and images.
    parameters = make_up_parameters(peer.model)
    losses = [float(batch) for batch in peer.train(torch.arange(2 * BATCH), cut=False)]
    evaluated = {name: evaluate(loss) / held_out for name, evaluate in evaluations.items()}
    print(json.dumps({"parameters": parameters, "losses": losses, "evaluated": evaluated}), flush=True)

    draws = torch.arange(BATCH * (1 if large else 10))

    def images_of(work: str) -> int:
        if work == "train":
            return BATCH * len(peer.train(draws))
        evaluations[work]()
        return held_out

    for line in sys.stdin:
        work = line.strip()
        start = time.perf_counter()
        images_of(work)
        times = max(1, int(seconds / (time.perf_counter() - start)))
        start = time.perf_counter()
        images = sum(images_of(work) for _ in range(times))
        print(f"{images / (time.perf_counter() - start):.2f}", flush=True)


if __name__ == "__main__":
    main()
