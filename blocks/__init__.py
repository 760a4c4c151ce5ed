"""Composable blocks of the LaSAFT / LightSAFT family; each is a torch module usable by itself.

A stage of the U-Net is ``local`` -> ``modulation`` by the condition -> ``x + frequency(x)``. Specs
name the blocks of those three roles by the names in ``BLOCKS``; see ``blocks.stage`` for the shape
legend and for what a block of your own needs.
"""

from blocks.attention import (
    ConditionQuery,
    LatentSourceAttention,
    LearnedKeys,
    ListeningKeys,
    ListeningQuery,
)
from blocks.condition import PerStageGenerator, SharedGenerator
from blocks.lasaft import LaSAFT
from blocks.layers import activation, norm_2d
from blocks.lightsaft import (
    LightSAFT,
    LightSAFTKeyListening,
    LightSAFTListening,
    LightSAFTPostNorm,
    LightSAFTQueryListening,
)
from blocks.modulation import FiLM, GPoCM, PoCM
from blocks.registry import Registry, UnknownNameError
from blocks.resampling import Downsampling, Upsampling
from blocks.stage import BLOCKS, BlockClass, NoOptions, StageShape
from blocks.stft import STFT, complex_product, stack_subbands, unstack_subbands
from blocks.tdf import TDF
from blocks.tfc import TFC

__all__ = [
    "BLOCKS",
    "STFT",
    "TDF",
    "TFC",
    "BlockClass",
    "ConditionQuery",
    "Downsampling",
    "FiLM",
    "GPoCM",
    "LaSAFT",
    "LatentSourceAttention",
    "LearnedKeys",
    "LightSAFT",
    "LightSAFTKeyListening",
    "LightSAFTListening",
    "LightSAFTPostNorm",
    "LightSAFTQueryListening",
    "ListeningKeys",
    "ListeningQuery",
    "NoOptions",
    "PerStageGenerator",
    "PoCM",
    "Registry",
    "SharedGenerator",
    "StageShape",
    "UnknownNameError",
    "Upsampling",
    "activation",
    "complex_product",
    "norm_2d",
    "stack_subbands",
    "unstack_subbands",
]
