"""The reader of plain data: every refusal by its exact words, and horrors of YAML in all files."""

import contextlib
import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

import zoo
from zoo.errors import SpecError, WeightsError
from zoo.publishing.space_config import SpaceConfigError, load_space_config
from zoo.records.bounds import Above, Length, Matches, OneOf, Range
from zoo.records.reading import MAX_ITEMS, MAX_TEXT, Reader, apply_overrides, check_fields, to_plain
from zoo.records.yaml_text import MAX_BYTES, MAX_DEPTH, parse_yaml, read_yaml
from zoo.specs.registry import PACKAGED
from zoo.training.recipe import RECIPE_DIRECTORY, load_recipe
from zoo.weights.manifests import read_manifest, weights_folder

ROOT = Path(__file__).resolve().parents[1]
COLOURS = ["crimson", "green"]


class PlainError(Exception):
    """What the reader under test is told to raise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    x: float
    y: float = 0.0

    def __post_init__(self) -> None:
        if self.x == self.y:
            raise ValueError(f"x: must differ from y, got {self.x}")
        if self.x + self.y == 100:
            raise PlainError("the sum is forbidden")


@dataclass(frozen=True, kw_only=True, slots=True)
class Circle:
    centre: Point
    radius: Annotated[float, Above(0)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Everything:
    name: Annotated[str, Matches(re.compile("[a-z]+"), "lower-case letters")]
    count: Annotated[int, Range(1, 9)] = 1
    colour: Annotated[str, OneOf("colour", COLOURS)] = "crimson"
    on: bool = False
    kind: Literal["mapping", "masking"] = "mapping"
    pitches: Literal[1, 3] = 1
    pair: tuple[int, int] = (3, 3)
    words: Annotated[tuple[str, ...], Length(0, 3)] = ()
    levels: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, float | bool | str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    limit: Annotated[int, Range(1, 9)] | None = None
    shape: Point | Circle | None = None
    home: Path | None = None


def read(value: object, origin: str = "") -> Everything:
    return Reader(error=PlainError, origin=origin).record(Everything, value)


FULL = {
    "name": "all",
    "count": 2,
    "colour": "green",
    "on": True,
    "kind": "masking",
    "pitches": 3,
    "pair": [1, 2],
    "words": ["a", "b"],
    "levels": {"bass": 1.5},
    "options": {"a": 1.0, "b": True, "c": "text"},
    "points": [{"x": 1.0, "y": 0.0}],
    "limit": 4,
    "shape": {"centre": {"x": 1.0, "y": 2.0}, "radius": 3.0},
    "home": "some/folder",
}


def test_every_kind_of_field_survives_the_round_trip():
    record = read(FULL)
    assert record.shape == Circle(centre=Point(x=1.0, y=2.0), radius=3.0)
    assert record.points == (Point(x=1.0),)
    assert record.pair == (1, 2)
    assert record.home == Path("some/folder")
    assert to_plain(record) == FULL
    assert read(to_plain(record)) == record
    assert yaml.safe_load(yaml.safe_dump(to_plain(record))) == FULL


def test_defaults_and_nothing_may_be_left_out():
    assert to_plain(read({"name": "all"}), defaults=False) == {"name": "all"}
    assert to_plain(read({"name": "all", "on": True}), defaults=False, without=("name",)) == {
        "on": True
    }
    plain = to_plain(read({"name": "all"}))
    assert "limit" not in plain
    assert (plain["words"], plain["levels"]) == ([], {})
    assert read({"name": "all", "limit": None}).limit is None


def test_integers_may_be_floats_and_nothing_else_is_converted():
    point = read({"name": "all", "points": [{"x": 3}]}).points[0]
    assert type(point.x) is float
    assert type(read({"name": "all", "options": {"a": True}}).options["a"]) is bool
    assert type(read({"name": "all", "options": {"a": 2}}).options["a"]) is float


FIELDS = ", ".join(part.name for part in dataclasses.fields(Everything))
OPTION = "options.a: must be a number or true or false or text"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ...}, "name: missing"),
        ({"name": 3}, "name: must be text, got int '3'"),
        ({"name": "A"}, "name: must be lower-case letters, got 'A'"),
        ({"name": "a\0"}, "name: must have no NUL and no unpaired surrogate, got 'a\\x00'"),
        ({"name": "\ud800"}, "name: must have no NUL and no unpaired surrogate, got '\\ud800'"),
        ({"name": "a" * (MAX_TEXT + 1)}, "name: must have at most 4000 characters, got 4001"),
        ({"count": True}, "count: must be an integer, got bool 'True'"),
        ({"count": 1.0}, "count: must be an integer, got float '1.0'"),
        ({"count": "1"}, "count: must be an integer, got str '1'"),
        ({"count": None}, "count: must be an integer, got nothing"),
        ({"count": 10}, "count: must be between 1 and 9, got 10"),
        ({"count": 2**63}, "count: must fit in 64 bits, got an integer of 64 bits"),
        ({"count": -(10**5000)}, "count: must fit in 64 bits, got an integer of 16610 bits"),
        (
            {"colour": "gren"},
            "colour: unknown colour 'gren': {MEAN} 'green'? Known: {COLOURS}.",
        ),
        ({"on": 1}, "on: must be true or false, got int '1'"),
        (
            {"kind": "map"},
            "kind: unknown value 'map': {MEAN} 'mapping' or 'masking'? Known: {KINDS}.",
        ),
        ({"kind": []}, "kind: must be one of {KINDS}, got list '[]'"),
        ({"pitches": True}, "pitches: must be one of 1, 3, got bool 'True'"),
        ({"pitches": 2}, "pitches: must be one of 1, 3, got int '2'"),
        ({"pair": [1]}, "pair: must be a list of 2 values, got 1"),
        ({"pair": 3}, "pair: must be a list, got int '3'"),
        ({"pair": [1, "2"]}, "pair[1]: must be an integer, got str '2'"),
        ({"words": "abc"}, "words: must be a list, got str 'abc'"),
        ({"words": ["a"] * 4}, "words: must have 0 to 3 items, got 4"),
        ({"words": ["a"] * (MAX_ITEMS + 1)}, "words: must have at most 1000 items, got 1001"),
        ({"levels": [1]}, "levels: must be a mapping, got list '[1]'"),
        ({"levels": {"bass": math.nan}}, "levels.bass: must be a finite number, got nan"),
        ({"levels": {"bass": -math.inf}}, "levels.bass: must be a finite number, got -inf"),
        ({"levels": {"a": 10**400}}, "levels.a: must fit in 64 bits, got an integer of 1329 bits"),
        ({"levels": {1: 2.0}}, "levels: key 1: must be text, got int '1'"),
        ({"levels": dict.fromkeys(map(str, range(1001)), 0)}, "levels: {TOO_MANY}"),
        ({"levels": {"bass": "1e-3"}}, "levels.bass: must be a number, got str '1e-3' {EXPONENT}"),
        ({"options": {"a": [1]}}, f"{OPTION}, got list '[1]'"),
        ({"options": {"a": None}}, f"{OPTION}, got nothing"),
        ({"options": {"a": math.inf}}, "options.a: must be a finite number, got inf"),
        ({"points": [{"x": 1}, 3]}, "points[1]: must be a mapping, got int '3'"),
        ({"points": [{"y": 1}]}, "points[0].x: missing"),
        ({"points": [{"x": 0}]}, "points[0].x: must differ from y, got 0.0"),
        ({"points": [{"x": 100}]}, "points[0]: the sum is forbidden"),
        ({"points": [{"x": 1, "z": 2}]}, "points[0].z: unknown key 'z': Known: x, y."),
        ({"limit": 0}, "limit: must be between 1 and 9, got 0"),
        ({"shape": {"z": 1}}, "shape: must have the keys {SHAPES}, got dict \"{'z': 1}\""),
        ({"shape": {"radius": 1}}, "shape.centre: missing"),
        ({"shape": {"x": 1, "radius": 1}}, "shape.radius: unknown key 'radius': Known: x, y."),
        ({"shape": {"centre": {"x": 1}, "radius": 0}}, "shape.radius: must be above 0, got 0.0"),
        ({"home": 3}, "home: must be text, got int '3'"),
        (
            {"naem": 1},
            "naem: unknown key 'naem': {MEAN} 'name' or 'shape'? Known: {FIELDS}.",
        ),
        ({7: 1}, "7: unknown key '7': Known: {FIELDS}."),
        ({"\ud8ff\n": 1}, "\\ud8ff\\n: unknown key '\\ud8ff\\n': Known: {FIELDS}."),
    ],
)
def test_refusals_name_the_path_and_what_was_expected_and_got(change, message):
    plain: dict[Any, Any] = {"name": "all", **change}
    plain = {key: value for key, value in plain.items() if value is not ...}
    for short, full in {
        "{MEAN}": "did you mean",
        "{COLOURS}": "crimson, green",
        "{KINDS}": "mapping, masking",
        "{FIELDS}": FIELDS,
        "{SHAPES}": "['x', 'y'] or ['centre', 'radius']",
        "{TOO_MANY}": "must have at most 1000 items, got 1001",
        "{EXPONENT}": "(in YAML an exponent needs a point and a sign: 1.0e-3)",
    }.items():
        message = message.replace(short, full)
    with pytest.raises(PlainError) as caught:
        read(plain, origin="my.yaml")
    assert str(caught.value) == f"my.yaml: {message}"
    with pytest.raises(PlainError) as caught:
        read(plain)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_a_record_is_a_mapping(value):
    with pytest.raises(PlainError, match=r"^my\.yaml: must be a mapping, got "):
        read(value, origin="my.yaml")


def test_a_dataclass_checks_its_own_fields_by_the_same_rules():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Own:
        width: Annotated[int, Range(1, 9)]

        def __post_init__(self) -> None:
            check_fields(self, error=PlainError)

    assert Own(width=3).width == 3
    with pytest.raises(PlainError, match=r"^width: must be between 1 and 9, got 10$"):
        dataclasses.replace(Own(width=3), width=10)


def test_overrides_leave_the_source_alone_and_make_missing_sections():
    source = {"a": {"b": 1}, "c": 2}
    changed = apply_overrides(source, {"a.b": 3, "d.e": [4]}, error=PlainError)
    assert changed == {"a": {"b": 3}, "c": 2, "d": {"e": [4]}}
    assert source == {"a": {"b": 1}, "c": 2}
    with pytest.raises(PlainError, match=r"^override 'c\.x': 'c' is no mapping$"):
        apply_overrides(source, {"c.x": 1}, error=PlainError)


def test_yaml_becomes_plain_data():
    text = "text: |\n  two\n  lines\nfolded: >\n  one\n  line\nnumbers: [1, 2.5, 0x10]\nno: ~\n"
    assert parse_yaml(text, origin="x") == {
        "text": "two\nlines",
        "folded": "one line",
        "numbers": [1, 2.5, 16],
        False: None,
    }


HORRORS = {
    "anchor": ("{key}: &x [1]\n", "anchors and aliases are not allowed"),
    "alias": ("{key}: *x\n", "anchors and aliases are not allowed"),
    "empty integer": ('{key}: !!int ""\n', "tags such as tag:yaml.org,2002:int are not allowed"),
    "no time": ("{key}: !!timestamp x\n", "tags such as tag:yaml.org,2002:timestamp are not"),
    "code": (
        "{key}: !!python/object/apply:os.system ['true']\n",
        "tags such as tag:yaml.org,2002:",
    ),
    "set": ("{key}: !!set {{a, b}}\n", "tags such as tag:yaml.org,2002:set are not allowed"),
    "no date": ("{key}: 2001-99-99\n", "2001-99-99 reads as a date; put it in quotes"),
    "date": ("{key}: 2001-09-09\n", "2001-09-09 reads as a date; put it in quotes"),
    "no character": ('{key}: "\\UFFFFFFFF"\n', "not valid YAML"),
    "many digits": ("{key}: " + "9" * 400 + "\n", "an integer of more than 64 bits"),
    "too many digits": ("{key}: " + "9" * 5000 + "\n", "not valid YAML"),
    "many hex digits": ("{key}: 0x" + "f" * 5000 + "\n", "an integer of more than 64 bits"),
    "no hex digits": ("{key}: 0x_\n", "not valid YAML"),
    "2**63": ("{key}: 9223372036854775808\n", "an integer of more than 64 bits"),
    "long sexagesimal": ("{key}: 1" + ":59" * 200 + ".5\n", "not valid YAML|must be"),
    "merge": ("<<: {{a: 1}}\n", "merge keys (<<) are not allowed"),
    "list as key": ("? [1, 2]\n: 3\n", "a key must be text, not a list or mapping"),
    "number as key": ("1: 2\n", "1: unknown key '1'"),
    "nothing as key": ("~: 2\n", "None: unknown key 'None'"),
    "twice": ("{key}: 1\n{key}: 2\n", "given twice"),
    "twice by quotes": ("{key}: 1\n'{key}': 2\n", "given twice"),
    "twice below": ("{key}: [{{a: 1, a: 2}}]\n", "key 'a' given twice"),
    "NUL": ("{key}: a\0b\n", "not valid YAML"),
    "no UTF-8": (b"\xff\xfe\xff", "not UTF-8 text"),
    "tab": ("{key}:\n\ta: 1\n", "not valid YAML (indent with spaces, not tabs)"),
    "unfinished": ("{key}: [", "not valid YAML"),
    "two documents": ("a: 1\n---\nb: 2\n", "not valid YAML"),
    "deep": ("[" * 5000, "nested deeper than 12 levels"),
    "deep in lines": ("- " * 5000, "nested deeper than 12 levels"),
    "large": ("{key}: " + "x" * MAX_BYTES, "larger than "),
    "empty": ("", "must be a mapping, got nothing"),
    "text": ("just words", "must be a mapping, got str"),
}

FILES = {
    "spec": ("name", SpecError, zoo.parse_spec),
    "recipe": ("model", ValueError, load_recipe),
    "space config": ("space", SpaceConfigError, load_space_config),
    "manifest": ("spec", WeightsError, read_manifest),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("horror", HORRORS)
def test_every_file_refuses_the_horrors_of_yaml_with_its_name(tmp_path, kind, horror):
    key, error, load = FILES[kind]
    text, message = HORRORS[horror]
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.format(key=key).encode())
    with pytest.raises(error) as caught:
        load(path)
    assert type(caught.value) is error
    assert "file.yaml: " in str(caught.value)
    assert any(part in str(caught.value) for part in message.split("|"))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("spec", PACKAGED / "lightsaft_tfctdf_tiny.yaml"),
        ("recipe", RECIPE_DIRECTORY / "house_small.yaml"),
        ("space config", ROOT / "spaces_config.yaml"),
        ("manifest", weights_folder() / "lightsaft.yaml"),
    ],
)
def test_a_key_given_twice_is_refused_in_every_kind_of_file(tmp_path, kind, path):
    key, error, load = FILES[kind]
    copy = tmp_path / path.name
    text = path.read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    load(copy)
    number = text.count("\n") + 1
    copy.write_text(f"{text}{key}: again\n", encoding="utf-8")
    with pytest.raises(error) as caught:
        load(copy)
    assert str(caught.value) == f"{copy}: not valid YAML: line {number}: key {key!r} given twice"


def test_limits_are_the_callers(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("[1, 2]")
    assert read_yaml(path) == [1, 2]
    with pytest.raises(PlainError, match=r"x\.yaml: larger than 5 bytes$"):
        read_yaml(path, error=PlainError, max_bytes=5)
    nested = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_yaml(nested, origin="x") is not None
    with pytest.raises(PlainError, match=r"^x: not valid YAML: line 1: nested deeper than 12"):
        parse_yaml(f"[{nested}]", origin="x", error=PlainError)
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "absent.yaml")


PIECES = ["a", "1", "f", "e", ":", ": ", "- ", "-", "+", ".", "_", "0x", "0b", ".inf", ".nan"]
PIECES += ["[", "]", "{", "}", ",", "?", "=", "<<", "~", "&", "*", "!", "!!int", "#", "%", "@"]
PIECES += ["\n", " ", "\t", "\0", "\ufeff", "\ud800", "\x85", '"', "'", "\\", "\\U", "|", ">"]
PIECES += ["---", "2001-01-01"]


def assert_plain(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            assert_plain(key)
            assert_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            assert_plain(inner)
    else:
        assert value is None or type(value) in (str, int, float, bool)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.binary(max_size=12))
@example("1:2:1.5")
@example("{? : }")
def test_any_text_is_plain_data_or_the_one_error(text):
    with contextlib.suppress(PlainError):
        assert_plain(parse_yaml(text, origin="x", error=PlainError))
