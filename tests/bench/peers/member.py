"""member.py NETWORK plain|tuned|compiled fp32|bf16 SECONDS: one member at work, as member_speed.cpp answers.

Prints what it computes, as JSON; then, for each line of its input, images a second, measured for about so long. The
lines: `train`, `evaluate`; plain, which trains in fp32, has `evaluate_bf16`, too; tuned has `folded`.
"""

import json
import sys
import time

from network import BATCH, Plain, Tuned, make_images, make_up_parameters, normalised, torch


def trace(peer: Plain | Tuned) -> dict[str, object]:
    images, labels = make_images(2 * BATCH)
    x, y = normalised(images), torch.from_numpy(labels)
    if isinstance(peer, Plain):
        x = x.contiguous()
    parameters = make_up_parameters(peer.model)
    peer.model.train()
    losses = [float(peer.step(x[:BATCH], y[:BATCH])), float(peer.step(x[BATCH:], y[BATCH:]))]
    halves = zip(x.split(BATCH), y.split(BATCH), strict=True)
    losses.append(sum(peer.evaluation_loss(*half) for half in halves) / 2)
    return {"parameters": parameters, "losses": losses}


def main() -> None:
    network, variant, precision, seconds = *sys.argv[1:4], float(sys.argv[4])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    large = network == "resnet18"
    held_out = 512 if large else 1024
    options = {"bf16": precision == "bf16", "compiled": variant == "compiled"}
    peer = Plain(network, held_out) if variant == "plain" else Tuned(network, held_out, **options)
    print(json.dumps(trace(peer)), flush=True)
    draws = torch.arange(BATCH * (1 if large else 10))
    train = (lambda: peer.train(draws.tolist())) if variant == "plain" else (lambda: peer.train(draws))
    work = {
        "train": (train, len(draws)),
        "evaluate": (peer.evaluate, held_out),
        "evaluate_bf16": (lambda: peer.evaluate(bf16=True), held_out),
        "folded": (lambda: peer.evaluate(folded=True), held_out),
    }
    for line in sys.stdin:
        once, images = work[line.strip()]
        start = time.perf_counter()
        once()
        times = max(1, int(seconds / (time.perf_counter() - start)))
        start = time.perf_counter()
        for _ in range(times):
            once()
        print(f"{times * images / (time.perf_counter() - start):.2f}", flush=True)


if __name__ == "__main__":
    main()
