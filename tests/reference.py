"""The published networks' outputs, and the rule that makes their weights and input."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent / "parity"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@dataclass(frozen=True)
class Reference:
    """One network: ``tensors`` are (key, shape, dtype); waveforms keep every n-th sample."""

    name: str
    salt: str
    samples: int
    trainable_parameters: int
    thinning: int
    tensors: list
    arrays: dict[str, np.ndarray]

    @classmethod
    def load(cls, name: str) -> "Reference":
        meta = json.loads((FOLDER / f"{name}.json").read_text())
        with np.load(FOLDER / f"{name}.npz") as stored:
            arrays = dict(stored)
        return cls(
            name=name,
            salt=meta["salt"],
            samples=meta["samples"],
            trainable_parameters=meta["trainable_parameters"],
            thinning=meta["thinning"],
            tensors=meta["state_dict"],
            arrays=arrays,
        )

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The published network's state dict, weights by the rule."""
        return {key: make_tensor(self.salt, key, shape) for key, shape, _ in self.tensors}

    def mixture(self) -> torch.Tensor:
        """The input, (1, 2, samples)."""
        time = np.arange(self.samples)[:, None] / 44100
        noise = normal("signal:" + self.name, (self.samples, 2))
        low = 0.2 * np.sin(2 * np.pi * 220 * time) * [1, 0.5]
        high = 0.1 * np.sin(2 * np.pi * 3000 * time) * [0.3, 1]
        return torch.from_numpy((0.1 * noise + low + high).astype(np.float32)).T[None]


def normal(name: str, shape) -> np.ndarray:
    seed = zlib.crc32(name.encode())
    return np.random.default_rng(seed).standard_normal(tuple(shape)).astype(np.float32)


def make_tensor(salt: str, key: str, shape) -> torch.Tensor:
    """One tensor of a published state dict, by its key alone."""
    if key.endswith(".num_batches_tracked"):
        return torch.tensor(0)
    if key.endswith(".window"):
        return torch.hann_window(shape[0])
    r = normal(salt + key, shape)
    if key.endswith("running_var") or key.endswith("weight_g"):
        value = 1 + 0.1 * np.abs(r)
    elif key.endswith("running_mean"):
        value = 0.1 * r
    elif len(shape) <= 1:
        value = 1 + 0.1 * r if key.endswith("weight") else 0.1 * r
    elif "embedding" in key or key.endswith("keys"):
        value = r
    else:
        value = r * np.sqrt(2 / np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(value, dtype=np.float32))
