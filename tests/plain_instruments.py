"""Instruments of the training data's synthesis without what blurs their pitch."""

import dataclasses

import numpy as np

from zoo.data.instruments import Instrument


def plain_instrument(seed: int, **changes) -> Instrument:
    """An instrument of steady pitch whose spectrum is that of its cycle."""
    steady = {"vibrato": (5.0, 0.0), "detune": (0.0,), "modulation": (1.0, 0.0), "noise": 0.0}
    drawn = Instrument.draw(np.random.default_rng(seed))
    return dataclasses.replace(drawn, **(steady | changes))
