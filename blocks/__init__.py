"""Composable blocks of the LaSAFT / LightSAFT family."""

from blocks.registry import Registry, UnknownNameError

__all__ = ["Registry", "UnknownNameError"]
