"""Every public name, of what kind it is, and that the README uses no other."""

import inspect
import operator
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import blocks
import zoo

ROOT = Path(__file__).parent.parent
ZOO = {
    "AudioError": "exception",
    "ChecksumError": "exception",
    "ExamplesError": "exception",
    "ModelInfo": "class",
    "Separator": "class",
    "Spec": "class",
    "SpecError": "exception",
    "UnknownNameError": "exception",
    "WeightsEntry": "class",
    "WeightsError": "exception",
    "__version__": "str",
    "add_specs": "function",
    "build": "function",
    "extend": "function",
    "find_condition": "function",
    "from_pretrained": "function",
    "list_models": "function",
    "load_spec": "function",
    "model_info": "function",
    "parse_spec": "function",
    "push_to_hub": "function",
    "save_pretrained": "function",
    "separate": "function",
}
BLOCKS = {
    "BLOCKS": "Registry",
    "STFT": "module class",
    "TDF": "module class",
    "TFC": "module class",
    "BlockClass": "class",
    "ConditionQuery": "module class",
    "Downsampling": "module class",
    "FiLM": "module class",
    "GPoCM": "module class",
    "LaSAFT": "module class",
    "LatentSourceAttention": "module class",
    "LearnedKeys": "module class",
    "LightSAFT": "module class",
    "LightSAFTKeyListening": "module class",
    "LightSAFTListening": "module class",
    "LightSAFTPostNorm": "module class",
    "LightSAFTQueryListening": "module class",
    "ListeningKeys": "module class",
    "ListeningQuery": "module class",
    "NoOptions": "class",
    "PerStageGenerator": "module class",
    "PoCM": "module class",
    "Registry": "class",
    "SharedGenerator": "module class",
    "StageShape": "class",
    "UnknownNameError": "exception",
    "Upsampling": "module class",
    "activation": "function",
    "complex_product": "function",
    "norm_2d": "function",
    "stack_subbands": "function",
    "unstack_subbands": "function",
}


def kind_of(value):
    if inspect.isclass(value):
        if issubclass(value, Exception):
            return "exception"
        return "module class" if issubclass(value, torch.nn.Module) else "class"
    return "function" if inspect.isfunction(value) else type(value).__name__


@pytest.mark.parametrize(("package", "expected"), [(zoo, ZOO), (blocks, BLOCKS)])
def test_the_public_names_are_these(package, expected):
    assert len(package.__all__) == len(set(package.__all__))
    assert {name: kind_of(getattr(package, name)) for name in package.__all__} == expected
    assert set(expected) <= set(dir(package))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'seperate'"):
        operator.attrgetter("seperate")(zoo)


def test_the_readme_uses_public_names():
    separator = zoo.Separator("lightsaft_tfctdf_tiny", weights="test", device="cpu")
    objects = {
        "zoo": zoo,
        "model": zoo.build("lightsaft_tfctdf_tiny"),
        "separator": separator,
        "result": separator((np.zeros((2, 400), dtype=np.float32), 44100)),
    }
    code = "\n".join(
        re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    )
    used = set(re.findall(r"\b(zoo|model|separator|result)\.(\w+)", code))
    assert {name for name, _ in used} == set(objects)
    assert [f"{name}.{attribute}" for name, attribute in sorted(used)
            if not hasattr(objects[name], attribute)] == []  # fmt: skip
    assert {attribute for name, attribute in used if name == "zoo"} <= set(ZOO)
