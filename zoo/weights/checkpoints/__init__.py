"""Files of weights: reading every kind there is without running anything in it, writing ours."""

from zoo.weights.checkpoints.files import SUFFIXES, Checkpoint, read_checkpoint, write_safetensors

__all__ = ["SUFFIXES", "Checkpoint", "read_checkpoint", "write_safetensors"]
