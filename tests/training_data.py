"""A tiny network and generated tracks for the tests of training."""

from pathlib import Path

import numpy as np
import soundfile

from zoo.training.config import TrainingConfig
from zoo.training.recipe import parse_config

RATE = 8000
SOURCES = ("vocals", "drums", "bass", "other")
SPEC = {
    "name": "generated",
    "sample_rate": RATE,
    "channels": 2,
    "sources": list(SOURCES),
    "stft": {"n_fft": 256, "hop_length": 128},
    "chunk_frames": 16,
    "condition": {"embed_dim": 8, "generator": "per_stage"},
    "unet": {
        "depth": 2,
        "width": 8,
        "num_layers": 2,
        "kernel_size": [3, 3],
        "bottleneck_factor": 8,
        "num_latent_sources": 4,
        "key_dim": 8,
        "encoder": {"local": "tfc", "frequency": "tdf"},
        "middle": {"local": "tfc", "frequency": "tdf"},
        "decoder": {"local": "tfc", "modulation": "gpocm", "frequency": "lightsaft"},
    },
}


def make_tracks(root: Path, *, names: tuple[str, ...], seconds: float = 2.0, seed: int = 0) -> Path:
    """Write tracks whose four sources differ in pitch and texture."""
    times = np.arange(int(seconds * RATE)) / RATE
    for number, name in enumerate(names):
        generator = np.random.default_rng([seed, number])
        pitch = 2 ** (generator.integers(0, 8) / 12)
        beat = (times * 4 + generator.random()) % 1.0
        waves = {
            "vocals": sum(
                np.sin(2 * np.pi * 300 * pitch * k * times + 3 * np.sin(2 * np.pi * 5 * times)) / k
                for k in (1, 2, 3)
            ),
            "drums": sum(np.sin(2 * np.pi * f * beat / 4) for f in (700, 2300, 3300))
            * np.exp(-5 * beat),
            "bass": np.sin(2 * np.pi * 60 * pitch * times),
            "other": np.sin(2 * np.pi * 1500 * pitch * times),
        }
        for source, wave in waves.items():
            path = root / name / f"{source}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            stereo = 0.1 * np.stack([wave, (0.5 + generator.random()) * wave], axis=1)
            soundfile.write(path, stereo, RATE, subtype="FLOAT")
    return root


def make_config(**changes: object) -> TrainingConfig:
    """Return a config of a few quick steps."""
    values = {
        "model": "generated",
        "mixtures": 4,
        "loss": "l1_wave",
        "optimizer": {"name": "adamw", "learning_rate": 0.003},
        "schedule": {"name": "constant", "total_steps": 6},
        "ema_decay": 0.9,
        "validate_every": 3,
        "validate_seconds": 1,
        "log_every": 1,
        "data": {
            "remix_probability": 0.5,
            "augmentations": [
                {"name": "gain"},
                {"name": "sign_flip", "probability": 0.5},
                {"name": "speed", "probability": 0.5},
            ],
        },
    }
    return parse_config(values | changes)
