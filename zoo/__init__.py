"""The LightSAFT zoo: conditioned music source separation networks from YAML specs.

>>> import zoo
>>> model = zoo.build("lightsaft_tfctdf_tiny")
>>> model.sources
('vocals', 'drums', 'bass', 'other')

Every public name is imported when it is first used, so that ``import zoo`` and the command line's
``--help`` do not wait for torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.builder import build as build
    from zoo.builder import load_spec as load_spec
    from zoo.errors import AudioError as AudioError
    from zoo.errors import ChecksumError as ChecksumError
    from zoo.errors import SpecError as SpecError
    from zoo.errors import UnknownNameError as UnknownNameError
    from zoo.errors import WeightsError as WeightsError
    from zoo.info import ModelInfo as ModelInfo
    from zoo.info import add_specs as add_specs
    from zoo.info import list_models as list_models
    from zoo.info import model_info as model_info
    from zoo.separator import Separator as Separator
    from zoo.separator import separate as separate
    from zoo.spec import Spec as Spec
    from zoo.spec_parsing import parse_spec as parse_spec

__version__ = "0.1.0"

_HOMES = {
    "AudioError": "zoo.errors",
    "ChecksumError": "zoo.errors",
    "ModelInfo": "zoo.info",
    "Separator": "zoo.separator",
    "Spec": "zoo.spec",
    "SpecError": "zoo.errors",
    "UnknownNameError": "zoo.errors",
    "WeightsError": "zoo.errors",
    "add_specs": "zoo.info",
    "build": "zoo.builder",
    "list_models": "zoo.info",
    "load_spec": "zoo.builder",
    "model_info": "zoo.info",
    "parse_spec": "zoo.spec_parsing",
    "separate": "zoo.separator",
}

__all__ = [*_HOMES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
