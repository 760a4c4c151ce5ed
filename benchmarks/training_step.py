"""Time one training step of the house recipe on random audio, eager and compiled.

    python -m benchmarks.training_step [--model lightsaft_tfctdf_small] [--steps 5] [--profile]

Prints the median seconds of a step of each, and with ``--profile`` where an eager step goes.
"""

import argparse
import statistics
import time

import torch
from timm.optim import create_optimizer_v2
from torch.profiler import profile

import zoo

MIXTURES = 4
LEARNING_RATE = 3e-3


class Step:
    """One step on fixed random audio: all sources of four mixtures, bfloat16, Muon."""

    def __init__(self, model: str, *, compiled: bool) -> None:
        self.network = zoo.build(model).to(memory_format=torch.channels_last)
        if compiled:
            for part in self.network.parts:
                part.unet.compile(dynamic=False)
        self.optimizer = create_optimizer_v2(
            self.network, opt="muon", lr=LEARNING_RATE, weight_decay=0.0, nesterov=True
        )
        spec = self.network.spec
        shape = (MIXTURES, len(spec.sources), spec.channels, spec.chunk_samples)
        self.targets = 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def __call__(self) -> float:
        """Take the step and return its seconds."""
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            estimates = self.network(self.targets.sum(1))
        (estimates.float() - self.targets).abs().mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="time one training step")
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print where an eager step goes")
    arguments = parser.parse_args()
    eager = Step(arguments.model, compiled=False)
    compiled = Step(arguments.model, compiled=True)
    for step in (eager, compiled):
        step()
        step()
    pairs = [(eager(), compiled()) for _ in range(arguments.steps)]
    for name, seconds in zip(("eager", "compiled"), zip(*pairs, strict=True), strict=True):
        print(f"{name:9}{statistics.median(seconds):.2f} s a step")
    ratio = statistics.median(first / second for first, second in pairs)
    print(f"eager takes {ratio:.2f} times as long as compiled")
    if arguments.profile:
        with profile() as trace:
            eager()
        print(trace.key_averages().table(sort_by="self_cpu_time_total", row_limit=20))


if __name__ == "__main__":
    main()
