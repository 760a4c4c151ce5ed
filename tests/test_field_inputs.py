"""Small files of the kinds that users of separation tools report about, if they are there."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from zoo.audio import read_audio
from zoo.errors import AudioError

FIELD = Path(__file__).parents[2] / "shared" / "field"
EXPECTED = json.loads((FIELD / "expected.json").read_text()) if FIELD.is_dir() else {}
SILENCE = 1e-3


@pytest.mark.skipif(not EXPECTED, reason="the field inputs are not beside the repository")
@pytest.mark.parametrize("name", sorted(EXPECTED) or ["none"])
def test_field_inputs_come_in_right(name):
    expected = EXPECTED[name]
    if expected.get("error"):
        with pytest.raises(AudioError, match=re.escape(name)):
            read_audio(FIELD / name)
        return
    samples, rate = read_audio(FIELD / name)
    tolerance = expected.get("tolerance", 0.001)
    assert samples.shape[1] / rate == pytest.approx(expected["seconds"], abs=tolerance)
    if "silent" in expected:
        start, end = (round(seconds * rate) for seconds in expected["silent"])
        assert np.abs(samples[:, start:end]).max() < SILENCE
