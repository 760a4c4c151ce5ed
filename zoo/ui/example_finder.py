"""Which blend of a network's sources comes nearest to an example that a visitor gives.

Shapes: samples are (C, N) float32.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from zoo.extending.by_example import find_condition
from zoo.extending.example_mixer import NUM_CHECKS, read_examples
from zoo.networks.network import SeparationNetwork
from zoo.publishing.space_config import SpaceConfig
from zoo.ui.examples import EXAMPLES
from zoo.ui.models import ModelShelf
from zoo.ui.zero_gpu import gpu
from zoo.weights.conditions import Condition

__all__ = ["EXAMPLE_SECONDS", "ExampleFinder", "loudest_source", "make_example_finder"]

EXAMPLE_SECONDS = 10.0
"""Seconds of an example that are used."""
STEPS = 20
STEP_PASSES = 3  # a step costs about as much as three passes: there, and back at twice the price
NAME = "by_example"

ExampleFinder: TypeAlias = Callable[[str, np.ndarray], Condition]
"""From a model's name and an example at the model's rate (C, N) to a condition with weights."""


def make_example_finder(config: SpaceConfig, shelf: ModelShelf) -> ExampleFinder:
    """Return the function that finds the blend for an example, on the Space's device.

    The blend shall keep the example and remove the stems of our demo song, all but the one that the
    network calls by the name of what is loudest in the example.

    Args:
        config: GPU seconds per model.
        shelf: The models.

    Raises:
        ExamplesError: The example is silent or shorter than a second.
    """

    def seconds(model: str, samples: np.ndarray) -> int:
        spec = shelf.separator(model).spec
        num_chunks = STEP_PASSES * STEPS + NUM_CHECKS * (len(spec.sources) + 2)
        chunk_seconds = spec.chunk_samples / spec.sample_rate
        return config.gpu_seconds(model, audio_seconds=EXAMPLE_SECONDS + num_chunks * chunk_seconds)

    @gpu(duration=seconds)
    def find(model: str, samples: np.ndarray) -> Condition:
        network = shelf.network(model)
        spec = network.spec
        example = (samples, spec.sample_rate)
        read_examples(example, spec, role="the example")
        # Tensors made in inference mode have no gradients, and a server may call this in it.
        with torch.inference_mode(mode=False), torch.enable_grad():
            heard = loudest_source(network, torch.from_numpy(samples.copy()))
            stems = EXAMPLES[0].stems
            beside = [path for source, path in stems.items() if source != heard]
            return find_condition(
                network, example, [*beside], source=NAME, kind="weights", steps=STEPS
            )

    return find


@torch.no_grad()
def loudest_source(network: SeparationNetwork, samples: Tensor) -> str:
    """Return the source that a network hears loudest in samples (C, N), parts of others apart."""
    device = next(network.parameters()).device
    mixture = samples[None].to(device)
    sources = network.spec.whole_sources
    levels = [float(network(mixture, sources=[source]).square().mean()) for source in sources]
    return sources[int(np.argmax(levels))]
