"""Networks made ready to run: device, precision, folded layers, batches that fit the memory."""

from zoo.inference.devices import choose_device, choose_precision
from zoo.inference.engine import Engine

__all__ = ["Engine", "choose_device", "choose_precision"]
