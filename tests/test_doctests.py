"""The examples in docstrings give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest
from layering import read_modules

ROOT = Path(__file__).parent.parent
WITH_EXAMPLES = [
    name for name, text in sorted(read_modules(ROOT, "blocks", "zoo").items()) if ">>>" in text
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0
