"""What runs a network: one module per backend, each registered under its name in ``BACKENDS``."""

from zoo.separation.backends import onnxruntime, openvino, torch
from zoo.separation.backends.backend import BACKENDS, Backend, choose_backend

__all__ = ["BACKENDS", "Backend", "choose_backend", "onnxruntime", "openvino", "torch"]
