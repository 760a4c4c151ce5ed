"""From YAML to ``Spec``: bounded reading, then strict, typed parsing; faults name their path."""

import copy
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from blocks import BLOCKS, UnknownNameError
from zoo.errors import SpecError
from zoo.specs.spec import (
    ROLES,
    BlockSpec,
    ConditionSpec,
    LowBandSpec,
    Spec,
    StageSpec,
    StftSpec,
    UNetSpec,
)

MAX_BYTES = 64 * 1024
MAX_DEPTH = 12
NESTED = ("stft", "condition", "unet", "low_band")
STAGES = ("encoder", "middle", "decoder")


def parse_spec(
    source: Mapping[str, Any] | str | Path, *, overrides: Mapping[str, Any] | None = None
) -> Spec:
    """Parse a spec.

    Args:
        source: A mapping, or the path of a YAML file.
        overrides: Values by dotted path that replace those of the source, e.g. ``unet.width``.

    Raises:
        SpecError: With the file, the path of the key, what was expected and the closest names.
        FileNotFoundError: If the file does not exist.
    """
    if isinstance(source, Mapping):
        return _parse_mapping(source, overrides=overrides, origin=None)
    path = Path(source)
    if path.stat().st_size > MAX_BYTES:
        raise SpecError(f"{path}: larger than {MAX_BYTES} bytes, which no spec is")
    return parse_spec_text(path.read_bytes(), overrides=overrides, file=path)


def parse_spec_text(
    text: str | bytes,
    *,
    overrides: Mapping[str, Any] | None = None,
    file: Path | None = None,
) -> Spec:
    """Parse a spec from YAML text; see ``parse_spec``."""
    origin = str(file) if file else "spec"
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SpecError(f"{origin}: no UTF-8 text ({error.reason})") from None
    return _parse_mapping(_load_yaml(text, origin), overrides=overrides, origin=file)


def _load_yaml(text: str, origin: str) -> Any:
    """Load YAML after its events have shown that it is small, shallow and free of aliases."""
    if len(text) > MAX_BYTES:
        raise SpecError(f"{origin}: larger than {MAX_BYTES} bytes, which no spec is")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise SpecError(f"{origin}: anchors and aliases are not allowed in a spec")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise SpecError(f"{origin}: nested deeper than {MAX_DEPTH} levels")
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        hint = " (indent with spaces, not tabs)" if "\t" in text else ""
        raise SpecError(f"{origin}: no valid YAML{hint}: {error}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(f"{origin}: no valid YAML: {error}") from None


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses a key given twice, where YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:  # noqa: FBT001, FBT002  # the signature of PyYAML
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key in seen:
                raise yaml.YAMLError(
                    f"key {key!r} given twice, line {key_node.start_mark.line + 1}"
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _parse_mapping(
    mapping: Any, *, overrides: Mapping[str, Any] | None, origin: Path | None
) -> Spec:
    try:
        if not isinstance(mapping, Mapping):
            raise SpecError(f"a spec is a mapping of keys to values, got {_describe(mapping)}")
        if overrides:
            mapping = apply_overrides(mapping, overrides)
        return _read_spec(mapping, origin)
    except SpecError as error:
        if origin is None:
            raise
        raise SpecError(f"{origin}: {error}") from None


def apply_overrides(mapping: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested mappings with values replaced by dotted path."""
    result = copy.deepcopy(dict(mapping))
    for path, value in overrides.items():
        *parents, key = str(path).split(".")
        target = result
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise SpecError(f"override {path!r}: {parent!r} is no mapping")
        target[key] = copy.deepcopy(value)
    return result


def _read_spec(mapping: Mapping[str, Any], origin: Path | None) -> Spec:
    values = _read_fields(Spec, mapping, "", nested=NESTED, hidden=("file",))
    values["stft"] = StftSpec(**_read_fields(StftSpec, mapping.get("stft"), "stft"))
    if mapping.get("condition") is not None:
        condition = _read_fields(ConditionSpec, mapping["condition"], "condition")
        values["condition"] = ConditionSpec(**condition)
    values["unet"] = _read_unet(mapping.get("unet"))
    if mapping.get("low_band") is not None:
        low_band = _read_fields(LowBandSpec, mapping["low_band"], "low_band")
        values["low_band"] = LowBandSpec(**low_band)
    return Spec(**values, file=origin)


def _read_unet(mapping: Any) -> UNetSpec:
    if not isinstance(mapping, Mapping):
        raise SpecError(f"unet: must be a mapping, got {_describe(mapping)}")
    own = {field.name for field in fields(UNetSpec)}
    shared_options = {key: value for key, value in mapping.items() if key not in own}
    used: set[str] = set()
    stages: dict[str, Any] = {
        name: _read_stage(mapping.get(name), f"unet.{name}", shared_options, used)
        for name in STAGES
    }
    unused = set(shared_options) - used
    if unused:
        key = sorted(unused, key=str)[0]
        known = sorted(own | _option_names(stages.values()))
        raise SpecError(
            f"unet.{key}: {UnknownNameError('key', key, known)} (an option must belong to a block "
            "that a stage names, and not be given by every stage itself)"
        )
    flat = {key: value for key, value in mapping.items() if key in own}
    values = _read_fields(UNetSpec, flat, "unet", nested=STAGES)
    return UNetSpec(**values, **stages)


def _option_names(stages: typing.Iterable[StageSpec]) -> set[str]:
    return {
        field.name
        for stage in stages
        for _, block in stage.blocks()
        for field in fields(block.options)
    }


def _read_stage(
    mapping: Any, path: str, shared_options: Mapping[str, Any], used: set[str]
) -> StageSpec:
    if not isinstance(mapping, Mapping):
        raise SpecError(
            f"{path}: must be a mapping such as {{local: tfc}}, got {_describe(mapping)}"
        )
    own_options = {key: value for key, value in mapping.items() if key not in ROLES}
    chosen: dict[str, BlockSpec] = {}
    known = set(ROLES)
    for role in ROLES:
        block = _block_class(mapping.get(role), role, f"{path}.{role}")
        if block is None:
            continue
        names = {field.name for field in fields(block.Options)}
        known |= names
        used |= {name for name in names if name in shared_options and name not in own_options}
        given = {k: v for k, v in {**shared_options, **own_options}.items() if k in names}
        try:
            options = block.Options(**_read_fields(block.Options, given, path))
        except SpecError:
            raise
        except ValueError as error:
            raise SpecError(f"{path}: {role} block {mapping[role]!r}: {error}") from None
        chosen[role] = BlockSpec(name=mapping[role], options=options)
    for key in own_options:
        if key not in known:
            raise SpecError(f"{path}.{key}: {UnknownNameError('key', key, sorted(known))}")
    if "local" not in chosen:
        raise SpecError(f"{path}.local: missing; every stage has a local block such as tfc")
    return StageSpec(**chosen)


def _block_class(name: Any, role: str, path: str) -> Any:
    """Look up the block of a role; None for an absent one or ``none``."""
    if name is None or name == "none":
        return None
    fitting = [known for known in BLOCKS if BLOCKS[known].role == role]
    if name not in fitting:
        raise SpecError(f"{path}: {UnknownNameError(f'{role} block', name, fitting)}")
    return BLOCKS[name]


def _read_fields(
    cls: type,
    mapping: Any,
    path: str,
    *,
    nested: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Read the fields of a dataclass from a mapping: every key known, every type right."""
    if not isinstance(mapping, Mapping):
        raise SpecError(f"{path}: must be a mapping, got {_describe(mapping)}")
    prefix = f"{path}." if path else ""
    hints = get_type_hints(cls)
    known = [field.name for field in fields(cls) if field.name not in hidden]
    for key in mapping:
        if key not in known:
            raise SpecError(f"{prefix}{str(key)[:80]}: {UnknownNameError('key', key, known)}")
    values = {}
    for field in fields(cls):
        if field.name in nested or field.name in hidden:
            continue
        if field.name in mapping:
            values[field.name] = _coerce(
                mapping[field.name], hints[field.name], prefix + field.name
            )
        elif field.default is MISSING and field.default_factory is MISSING:
            raise SpecError(f"{prefix}{field.name}: missing")
    return values


def _coerce(value: Any, hint: Any, path: str) -> Any:
    """Check a YAML value against a type hint; lists become tuples, integers may be floats."""
    origin = get_origin(hint)
    if origin is Literal:
        if value in get_args(hint):
            return value
        raise SpecError(f"{path}: {UnknownNameError('value', value, list(get_args(hint)))}")
    if origin is tuple:
        return _coerce_tuple(value, get_args(hint), path)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [arg for arg in get_args(hint) if arg is not type(None)]
        return None if value is None else _coerce(value, inner, path)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise SpecError(f"{path}: must be {_article(hint.__name__)}, got {_describe(value)}")
    return value


def _coerce_tuple(value: Any, inner: tuple[Any, ...], path: str) -> tuple:
    if not isinstance(value, list | tuple):
        raise SpecError(f"{path}: must be a list, got {_describe(value)}")
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(value) != len(inner):
        raise SpecError(f"{path}: must be a list of {len(inner)} values, got {len(value)}")
    return tuple(
        _coerce(item, hint, f"{path}[{index}]")
        for index, (item, hint) in enumerate(zip(value, inner, strict=True))
    )


def _article(type_name: str) -> str:
    return {"int": "an integer", "str": "text", "float": "a number", "bool": "true or false"}.get(
        type_name, type_name
    )


def _describe(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:80]!r}"
