"""The LightSAFT zoo: conditioned music source separation networks from YAML specs.

>>> import zoo
>>> model = zoo.build("lightsaft_tfctdf_tiny")
>>> model.sources
('vocals', 'drums', 'bass', 'other')

Every public name is imported when it is first used, so that ``import zoo`` and the command line's
``--help`` do not wait for torch. The first one also loads the plugins of installed packages.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.errors import AudioError as AudioError
    from zoo.errors import ChecksumError as ChecksumError
    from zoo.errors import ExamplesError as ExamplesError
    from zoo.errors import SpecError as SpecError
    from zoo.errors import UnknownNameError as UnknownNameError
    from zoo.errors import WeightsError as WeightsError
    from zoo.extending.by_example import find_condition as find_condition
    from zoo.extending.extend import extend as extend
    from zoo.models import ModelInfo as ModelInfo
    from zoo.models import add_specs as add_specs
    from zoo.models import build as build
    from zoo.models import from_pretrained as from_pretrained
    from zoo.models import list_models as list_models
    from zoo.models import model_info as model_info
    from zoo.publishing.hub import push_to_hub as push_to_hub
    from zoo.publishing.hub import save_pretrained as save_pretrained
    from zoo.separation.one_song import separate as separate
    from zoo.separation.separator import Separator as Separator
    from zoo.specs.loading import load_spec as load_spec
    from zoo.specs.parsing import parse_spec as parse_spec
    from zoo.specs.spec import Spec as Spec
    from zoo.weights.entries import WeightsEntry as WeightsEntry

__version__ = "0.1.0"

_HOMES = {
    "AudioError": "zoo.errors",
    "ChecksumError": "zoo.errors",
    "ExamplesError": "zoo.errors",
    "ModelInfo": "zoo.models",
    "Separator": "zoo.separation.separator",
    "Spec": "zoo.specs.spec",
    "SpecError": "zoo.errors",
    "UnknownNameError": "zoo.errors",
    "WeightsEntry": "zoo.weights.entries",
    "WeightsError": "zoo.errors",
    "add_specs": "zoo.models",
    "build": "zoo.models",
    "extend": "zoo.extending.extend",
    "find_condition": "zoo.extending.by_example",
    "from_pretrained": "zoo.models",
    "list_models": "zoo.models",
    "load_spec": "zoo.specs.loading",
    "model_info": "zoo.models",
    "parse_spec": "zoo.specs.parsing",
    "push_to_hub": "zoo.publishing.hub",
    "save_pretrained": "zoo.publishing.hub",
    "separate": "zoo.separation.one_song",
}

__all__ = [*_HOMES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    if _HOMES[name] != "zoo.errors":
        importlib.import_module("zoo.plugins").load_plugins()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
