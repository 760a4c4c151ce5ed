"""From ``Spec`` to plain data, as people would write it; ``zoo.specs.parsing`` is the way back."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.specs.spec import Spec, UNetSpec


def spec_to_dict(spec: "Spec") -> dict[str, Any]:
    """Return the spec as plain data; parsing it gives an equal spec back."""
    out: dict[str, Any] = {}
    for key in ("name", "title", "paper", "sample_rate", "channels"):
        out[key] = getattr(spec, key)
    out["sources"] = list(spec.sources)
    out["stft"] = plain_fields(spec.stft)
    out["chunk_frames"] = spec.chunk_frames
    out["estimate"] = spec.estimate
    if spec.input_level_dbfs is not None:
        out["input_level_dbfs"] = spec.input_level_dbfs
    if spec.condition is not None:
        out["condition"] = plain_fields(spec.condition)
    out["unet"] = unet_to_dict(spec.unet)
    if spec.low_band is not None:
        out["low_band"] = plain_fields(spec.low_band)
    return out


def plain_fields(options: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that hold something, tuples as lists."""
    values = {item.name: getattr(options, item.name) for item in fields(options)}
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if value is not None
    }


def unet_to_dict(unet: "UNetSpec") -> dict[str, Any]:
    """Write options that all their stages agree on once, beside the stages, as people do."""
    out = {
        item.name: getattr(unet, item.name)
        for item in fields(unet)
        if item.name not in ("encoder", "middle", "decoder")
    }
    stages: dict[str, dict[str, Any]] = {}
    for stage_name, stage in unet.stages():
        stages[stage_name] = {}
        for role, block in stage.blocks():
            stages[stage_name][role] = block.name
            stages[stage_name] |= plain_fields(block.options)
    roles = {role for _, stage in unet.stages() for role, _ in stage.blocks()}
    for option in sorted({key for stage in stages.values() for key in stage} - roles):
        values = [stage[option] for stage in stages.values() if option in stage]
        if all(value == values[0] for value in values):
            out[option] = values[0]
            for stage in stages.values():
                stage.pop(option, None)
    return out | stages
