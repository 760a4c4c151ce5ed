"""A blend of sources by one decoder pass, and the exact blend of the separated waveforms.

Shapes: samples are (C, N) float32, stems (S, C, N); S counts the network's sources.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from zoo.networks.network import Features, SeparationNetwork
from zoo.publishing.space_config import SpaceConfig
from zoo.ui.models import ModelShelf
from zoo.ui.zero_gpu import gpu

__all__ = ["Blend", "Blender", "make_blender"]

CLIPS_KEPT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Blend:
    """Two answers to the same wish.

    Attributes:
        network: What one decoder pass made of the soft condition, (C, N).
        exact: The weighted sum of the separated sources, (C, N).
    """

    network: np.ndarray
    exact: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clip:
    """What does not depend on the blend: the encoding, where it is shared, and the stems."""

    features: Features | None
    stems: np.ndarray


Blender: TypeAlias = Callable[[str, np.ndarray, str, Sequence[float]], Blend]
"""From model name, samples at the model's rate, their key and a weight per source to a blend."""


class _ClipMemory:
    """The encodings of the last clips, by model and content, so that only the decoder runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clips: OrderedDict[tuple[str, str], _Clip] = OrderedDict()

    def get(self, key: tuple[str, str], make: Callable[[], _Clip]) -> _Clip:
        with self._lock:
            if key in self._clips:
                self._clips.move_to_end(key)
                return self._clips[key]
        clip = make()
        with self._lock:
            self._clips[key] = clip
            while len(self._clips) > CLIPS_KEPT:
                self._clips.popitem(last=False)
        return clip


def make_blender(config: SpaceConfig, shelf: ModelShelf) -> Blender:
    """Return the function that blends on the Space's device.

    Args:
        config: GPU seconds per model.
        shelf: The models.
    """
    memory = _ClipMemory()

    def seconds(model: str, samples: np.ndarray, key: str, weights: Sequence[float]) -> int:
        sample_rate = shelf.separator(model).sample_rate
        return config.gpu_seconds(model, audio_seconds=samples.shape[-1] / sample_rate)

    @gpu(duration=seconds)
    @torch.inference_mode()
    def blend(model: str, samples: np.ndarray, key: str, weights: Sequence[float]) -> Blend:
        network = shelf.network(model)
        device = next(network.parameters()).device
        mixture = torch.from_numpy(samples)[None].to(device)
        clip = memory.get((model, key), lambda: _encode(network, mixture))
        condition = torch.tensor([[list(weights)]], dtype=torch.float32, device=device)
        if clip.features is None:
            made = network(mixture, condition=condition)
        else:
            made = network.decode(clip.features, condition=condition)
        exact = np.tensordot(np.asarray(weights, dtype=np.float32), clip.stems, axes=1)
        return Blend(network=_to_numpy(made[0, 0]), exact=exact)

    return blend


def _encode(network: SeparationNetwork, mixture: Tensor) -> _Clip:
    """Encode a clip and separate it, one source at a time to spare the memory."""
    features = network.encode(mixture) if network.encodes_once else None
    stems = [
        network(mixture, sources=[source])
        if features is None
        else network.decode(features, sources=[source])
        for source in network.sources
    ]
    return _Clip(features=features, stems=_to_numpy(torch.cat(stems, dim=1)[0]))


def _to_numpy(samples: Tensor) -> np.ndarray:
    return samples.float().cpu().numpy()
