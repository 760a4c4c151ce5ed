"""State dicts of the published code, mapped to our names: one table of patterns.

The published networks come in two lines of code whose names and layouts differ. A rule is a pattern
of a published name, our name, and the change of layout if there is one. Ours pass through.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from zoo.errors import WeightsError
from zoo.specs.spec import BlockSpec, Spec

PREFIXES = ("module.", "model.")
STAGE = r"spec2spec\.(?:(?P<kind>encoders|decoders)\.(?P<level>\d+)|(?P<middle>mid_block))\."
STAGE_OURS = {"encoders": "unet.encoder.{level}.stage.", "decoders": "unet.decoder.{level}.stage."}
MIDDLE_OURS = "unet.middle."

Layout = Callable[[Tensor, Spec], Tensor]


def latent_slowest(weight: Tensor, spec: Spec) -> Tensor:
    """Rows whose latent index varies fastest, put into the order where it varies slowest."""
    num_latent_sources = _num_latent_sources(spec)
    return weight.unflatten(0, (-1, num_latent_sources)).transpose(0, 1).flatten(0, 1)


def keys_matrix(keys: Tensor, spec: Spec) -> Tensor:
    """Keys (1, 1, D, L) or (D, L) as (D, L)."""
    return keys.reshape(keys.shape[-2:])


def _num_latent_sources(spec: Spec) -> int:
    blocks: list[BlockSpec | None] = [stage.frequency for _, stage in spec.unet.stages()]
    counts = [getattr(block.options, "num_latent_sources", 0) for block in blocks if block]
    return max(counts)


# Whole names: pattern -> ours.
EDGE_RULES: tuple[tuple[str, str, Layout | None], ...] = (
    (r"spec2spec\.first_conv\.(\d)\.(.+)", r"unet.entry.\1.\2", None),
    (r"spec2spec\.last_conv\.0\.(.+)", r"unet.exit.\1", None),
    (r"spec2spec\.downsamplings\.(\d+)\.(.+)", r"unet.encoder.\1.down.\2", None),
    (r"spec2spec\.upsamplings\.(\d+)\.(.+)", r"unet.decoder.\1.up.\2", None),
    (r"spec2spec\.embedding\.(.+)", r"embedding.\1", None),
    (
        r"spec2spec\.condition_generator\.dense_control_block\.linear\.(.+)",
        r"unet.generator.dense.\1",
        None,
    ),
    (
        r"spec2spec\.condition_generator\.linear_gamma\.0\.(.+)",
        r"unet.generator.weight_head.0.\1",
        None,
    ),
    (
        r"spec2spec\.condition_generator\.linear_gamma\.2\.(.+)",
        r"unet.generator.weight_head.1.\1",
        None,
    ),
    (
        r"spec2spec\.condition_generator\.linear_beta\.0\.(.+)",
        r"unet.generator.bias_head.0.\1",
        None,
    ),
    (
        r"spec2spec\.condition_generator\.linear_beta\.2\.(.+)",
        r"unet.generator.bias_head.1.\1",
        None,
    ),
)

# Names inside a stage, whose place is matched by STAGE.
STAGE_RULES: tuple[tuple[str, str, Layout | None], ...] = (
    (r"(?:tfc_lightsaft\.)?(?:tfc\.)?H\.(.+)", r"local.layers.\1", None),
    (r"(?:tdf\.tdf|tif\.tif|tdfs\.tdf)\.0\.(.+)", r"frequency.squeeze.0.\1", None),
    (r"(?:tdf\.tdf|tif\.tif|tdfs\.tdf)\.1\.(.+)", r"frequency.squeeze.1.\1", None),
    (r"tdfs\.tdf\.3\.(.+)", r"frequency.expand.0.\1", latent_slowest),
    (r"(?:tdf\.tdf|tif\.tif)\.3\.(.+)", r"frequency.expand.0.\1", None),
    (r"(?:tdf\.tdf|tif\.tif|tdfs\.tdf)\.4\.(.+)", r"frequency.expand.1.\1", None),
    (r"tfc_lightsaft\.LaSAFT_bn_layer\.0\.(.+)", r"frequency.squeeze.0.\1", latent_slowest),
    (r"(?:tfc_lightsaft\.)?LaSAFT_bn_layer\.(.+)", r"frequency.squeeze.\1", None),
    (r"(?:tfc_lightsaft\.)?LaSIFT\.(.+)", r"frequency.expand.\1", None),
    (r"(?:tfc_lightsaft\.)?keys", r"frequency.attention.keys.keys", keys_matrix),
    (r"tfc_lightsaft\.keys\.3\.(.+)", r"frequency.attention.keys.linear.\1", None),
    (r"tfc_lightsaft\.keys\.(.+)", r"frequency.attention.keys.maps.\1", None),
    (
        r"(?:tfc_lightsaft\.)?linear_query\.(weight|bias)",
        r"frequency.attention.query.linear.\1",
        None,
    ),
    (r"tfc_lightsaft\.linear_query\.0\.(.+)", r"frequency.attention.query.norm.\1", None),
    (r"tfc_lightsaft\.linear_query\.2\.(.+)", r"frequency.attention.query.linear.\1", None),
    (
        r"tfc_lightsaft\.query_pocm_generator\.(\d)\.bias",
        r"frequency.attention.query.generator.\1.bias",
        None,
    ),
    (
        r"tfc_lightsaft\.query_pocm_generator\.(\d)\.weight_g",
        r"frequency.attention.query.generator.\1.parametrizations.weight.original0",
        None,
    ),
    (
        r"tfc_lightsaft\.query_pocm_generator\.(\d)\.weight_v",
        r"frequency.attention.query.generator.\1.parametrizations.weight.original1",
        None,
    ),
    (r"pocm_generator\.(\d)\.bias", r"generator.net.\1.bias", None),
    (
        r"pocm_generator\.(\d)\.weight_g",
        r"generator.net.\1.parametrizations.weight.original0",
        None,
    ),
    (
        r"pocm_generator\.(\d)\.weight_v",
        r"generator.net.\1.parametrizations.weight.original1",
        None,
    ),
)


def adapt_state_dict(state_dict: Mapping[str, Tensor], spec: Spec) -> dict[str, Tensor]:
    """Map a published state dict to our names and layouts; one that is ours passes through.

    Args:
        state_dict: Tensors by published or by our names, perhaps behind ``module.`` or ``model.``.
        spec: The network that they are for.

    Raises:
        WeightsError: If a name is known to neither side.
    """
    return {
        name: layout(tensor, spec).contiguous() if layout else tensor
        for name, (tensor, layout) in rename(state_dict).items()
    }


def rename(state_dict: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Layout | None]]:
    """Map a state dict to our names, each tensor with its change of layout, whatever the network.

    Args:
        state_dict: As for :func:`adapt_state_dict`.

    Raises:
        WeightsError: If a name is known to neither side.
    """
    bare = {_without_prefix(name): tensor for name, tensor in state_dict.items()}
    if not any(name.startswith("spec2spec.") for name in bare):
        return {name: (tensor, None) for name, tensor in bare.items()}
    renamed: dict[str, tuple[Tensor, Layout | None]] = {}
    for name, tensor in bare.items():
        if name.startswith("stft."):
            continue
        ours, layout = _rename(name)
        if ours is None:
            raise WeightsError(
                f"no rule for {name!r}, which is in none of the published networks; is this "
                "checkpoint of another model?"
            )
        renamed[ours] = tensor, layout
    return renamed


def _without_prefix(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _rename(name: str) -> tuple[str | None, Layout | None]:
    """Our name of a published tensor and its change of layout; None if no rule fits."""
    stage = re.match(STAGE, name)
    rules, rest, place = EDGE_RULES, name, ""
    if stage:
        rules, rest = STAGE_RULES, name[stage.end() :]
        kind, level = stage["kind"], stage["level"]
        place = STAGE_OURS[kind].format(level=level) if kind else MIDDLE_OURS
    for pattern, ours, layout in rules:
        match = re.fullmatch(pattern, rest)
        if match:
            return place + match.expand(ours), layout
    return None, None
