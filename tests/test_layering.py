"""Imports go one way, modules stay small and ``import zoo`` is light; and the checks can fail."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from layering import (
    find_circles,
    find_imports,
    imported_names,
    read_modules,
    too_long,
    unit_of,
    upward_imports,
    without_level,
)

import zoo

ROOT = Path(__file__).parent.parent
MODULES = read_modules(ROOT, "blocks", "zoo", "app")
HOMES = zoo._HOMES
# The facade imports a public name's home when the name is used; those uses count, it does not.
# A network saves and pushes itself as users expect, by the public functions of the same names.
HANDED_ON = {"zoo.networks.network": {"from_pretrained", "push_to_hub", "save_pretrained"}}
IMPORTS = find_imports(
    {name: text for name, text in MODULES.items() if name != "zoo"},
    facade="zoo",
    homes=HOMES,
    handed_on=HANDED_ON,
)
# The lowest first. A package or module imports itself and what is on lower levels.
LEVELS = [
    {"blocks"},
    {"errors"},
    {"metrics", "no_telemetry", "overlap_add", "plugins", "records"},
    {"audio", "specs"},
    {"analysis", "data", "networks"},
    {"graphs"},
    {"weights"},
    {"distributed", "models"},
    {"separation"},
    {"publishing"},
    {"benchmarking", "catalogue", "evaluation", "training"},
    {"exporting", "extending"},
    {"ui"},
    {"browser"},
    {"cli"},
    {"__main__", "app", "zoo"},
]
MAX_LINES = 300
# The second one only sets variables, for other libraries.
KNOW_ENVIRONMENT = {"zoo.no_telemetry", "zoo.weights.settings"}
HEAVY = {"gradio", "librosa", "matplotlib", "ray", "spaces"}


def test_every_module_has_a_level_and_every_level_a_module():
    assert without_level(MODULES, LEVELS) == []
    assert {unit_of(name) for name in MODULES} == set().union(*LEVELS)


def test_imports_point_downwards():
    assert upward_imports(IMPORTS, LEVELS) == []


def test_no_modules_import_each_other():
    assert find_circles(IMPORTS) == []


def test_modules_stay_small():
    assert too_long(MODULES, limit=MAX_LINES) == {}


def test_blocks_import_torch_and_what_builds_on_it_only():
    roots = {
        name.partition(".")[0]
        for module, text in MODULES.items()
        if unit_of(module) == "blocks"
        for name in imported_names(ast.parse(text))
    }
    assert roots - sys.stdlib_module_names <= {"blocks", "torch", "timm", "einops"}


def test_the_app_imports_only_zoo_of_ours():
    assert {unit_of(name) for name in IMPORTS["app"]} <= set().union(*LEVELS) - {"blocks"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_the_settings_read_environment_variables(name):
    reads = [
        node.lineno
        for node in ast.walk(ast.parse(MODULES[name]))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert not reads or name in KNOW_ENVIRONMENT


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_zoo_loads_nothing_heavy():
    loaded = run_python(
        "import sys, zoo; zoo.build('lightsaft_tfctdf_tiny');"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert loaded == "[]"


def test_help_does_not_load_torch():
    loaded = run_python(
        "import sys\nfrom zoo.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    assert loaded.endswith("False False")


# The checks themselves, on made-up modules.

TOY_LEVELS = [{"blocks"}, {"low", "aside"}, {"high"}]


def imports_of(**texts):
    modules = {f"zoo.{name.replace('__', '.')}": text for name, text in texts.items()}
    return find_imports(modules | {"zoo": ""}, facade="zoo", homes={"Thing": "zoo.high.thing"})


@pytest.mark.parametrize(
    "text",
    [
        "import zoo.high.thing",
        "from zoo.high import thing",
        "from zoo.high.thing import Thing",
        "def later():\n    from zoo.high.thing import Thing",
        "if TYPE_CHECKING:\n    from zoo.high.thing import Thing",
        "import importlib\nimportlib.import_module('zoo.high.thing')",
        "import zoo\nzoo.Thing()",
        "from zoo import Thing",
    ],
)
def test_an_import_of_a_higher_level_is_found_wherever_it_stands(text):
    imports = imports_of(low__user=text, high__thing="", high="")
    assert upward_imports(imports, TOY_LEVELS) == ["zoo.low.user -> zoo.high.thing"]


def test_imports_of_the_same_unit_of_lower_levels_and_of_the_facade_are_allowed():
    imports = imports_of(
        high__user="from zoo.high import thing\nfrom zoo.low import a\nfrom zoo.low.a import b",
        high__thing="import zoo\nprint(zoo.__version__)",
        low__a="import torch",
        low="",
        high="",
    )
    assert imports["zoo.high.user"] == {"zoo.high.thing", "zoo.low.a"}
    assert upward_imports(imports, TOY_LEVELS) == []


def test_a_name_that_methods_hand_on_does_not_count_and_others_do():
    texts = {"zoo.low": "import zoo\nzoo.Thing()\nzoo.Other()", "zoo.a": "", "zoo.b": "", "zoo": ""}
    imports = find_imports(
        texts,
        facade="zoo",
        homes={"Thing": "zoo.a", "Other": "zoo.b"},
        handed_on={"zoo.low": {"Thing"}},
    )
    assert imports["zoo.low"] == {"zoo.b"}


def test_an_import_of_another_unit_of_the_same_level_or_of_none_is_upward():
    imports = imports_of(low__user="import zoo.aside\nimport zoo.new", aside="", new="")
    assert upward_imports(imports, TOY_LEVELS) == [
        "zoo.low.user -> zoo.aside",
        "zoo.low.user -> zoo.new",
    ]


def test_a_module_without_a_level_is_found():
    assert without_level(["zoo.low.a", "zoo.new", "zoo.newer.b", "blocks.c"], TOY_LEVELS) == [
        "zoo.new",
        "zoo.newer.b",
    ]


def test_circles_are_found_through_functions_and_through_several_modules():
    imports = imports_of(
        low__a="import zoo.low.b",
        low__b="def later():\n    from zoo.low.c import name",
        low__c="from zoo.low import a",
        low__d="import zoo.low.a",
        low__e="import zoo.low.f",
        low__f="import zoo.low.e",
    )
    assert find_circles(imports) == [
        ["zoo.low.a", "zoo.low.b", "zoo.low.c"],
        ["zoo.low.e", "zoo.low.f"],
    ]


def test_a_package_that_its_own_module_imports_is_a_circle():
    imports = imports_of(low="from zoo.low.a import A", low__a="from zoo.low import B")
    assert find_circles(imports) == [["zoo.low", "zoo.low.a"]]


def test_relative_imports_are_refused():
    with pytest.raises(ValueError, match="line 1: a relative import"):
        imports_of(low__a="from . import b")


def test_a_long_module_is_found():
    assert too_long({"a": "x\n" * 300, "b": "x\n" * 301}, limit=300) == {"b": 301}


def test_the_picture_of_the_layers_is_of_these_levels():
    source = (ROOT / "docs" / "draw_architecture.py").read_text(encoding="utf-8")
    names = {"__name__": "draw_architecture", "__file__": str(ROOT / "docs/draw_architecture.py")}
    exec(compile(source, "draw_architecture.py", "exec"), names)
    assert names["read_levels"]() == LEVELS
    advice = "run `python docs/draw_architecture.py` and commit the pictures"
    pictures = {
        "layers.svg": names["draw_layers"](LEVELS),
        "song.svg": names["draw_song"](names["STEPS"]),
    }
    for name, picture in pictures.items():
        assert (ROOT / "docs" / "images" / name).read_text(encoding="utf-8") == picture, advice
    with_more = [*LEVELS[:-1], {"a<b"}, LEVELS[-1]]
    assert "a&lt;b" in names["draw_layers"](with_more)
