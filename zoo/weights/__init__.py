"""Weights: what there is, where it lies, and how it becomes tensors by our keys."""
