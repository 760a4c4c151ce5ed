"""How training examples are drawn, as frozen dataclasses; the ``data`` section of a recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from zoo.data.augmentations import AUGMENTATIONS, Augmentation
from zoo.records.bounds import OneOf, Range
from zoo.records.reading import Reader, describe, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAugmentation:
    """An augmentation with how often, and to which sources, it is applied.

    Args:
        transform: The augmentation.
        probability: How often it is applied, 0 to 1.
        sources: To which sources; empty means all.
    """

    transform: Augmentation
    probability: Annotated[float, Range(0.0, 1.0)] = 1.0
    sources: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, value: object, path: str, reader: Reader) -> "PlannedAugmentation":
        """Read ``{name, probability, sources, ...}``; the rest are the transform's parameters."""
        if not isinstance(value, Mapping) or "name" not in value:
            raise reader.fault(path, f"must be a mapping with a name, got {describe(value)}")
        known = OneOf("augmentation", AUGMENTATIONS)
        name = reader.read(Annotated[str, known], value["name"], f"{path}.name")
        plan = {key: value[key] for key in ("probability", "sources") if key in value}
        own = {key: item for key, item in value.items() if key != "name" and key not in plan}
        transform = reader.record(AUGMENTATIONS[name], own, path)
        return reader.record(cls, plan, path, transform=transform)

    def to_plain(self) -> dict[str, Any]:
        """Return the plan and the transform's parameters, side by side."""
        (name,) = (name for name in AUGMENTATIONS if AUGMENTATIONS[name] is type(self.transform))
        return {"name": name} | to_plain(self, without=("transform",)) | to_plain(self.transform)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixingConfig:
    """How examples are drawn; the ``data`` of a recipe.

    Args:
        background: Sources that are mixed in and not estimated, such as the band behind the voice
            for a network of vocals alone.
        sums: Files that hold several sources which nobody has apart, by name: ``{accompaniment:
            [drums, bass, other]}``. Where one is drawn, these are learnt from their sum, and from a
            teacher's labels where ``python -m zoo label`` wrote some.
        sum_probability: How often a remixed example has such a file in place of its sources.
        remix_probability: How often every source comes from a track and a place of its own; else
            all come from one place of one track with at least two sources.
        swap_probability: How often a source of such an aligned example is exchanged for one from
            elsewhere, so that the others still play together.
        scatter_probability: How often the sources of an aligned example come from places of their
            own in the track: in key, as those of a song are, but not in time.
        layer_probability: How often, by source, a remixed source is the sum of two draws, as of two
            instruments; sources that are not named are always one.
        dropout_probability: How often a source is left out of a remixed example.
        active_probability: How often a chunk is placed so that its source sounds in it.
        replay_share: How often an example is drawn from the tracks of ``--replay``, where some are
            given: those that the network had learnt from before.
        group_weights: Share of each group of tracks (first folder); groups not named here weigh 1.
            Within a group, tracks weigh by how long the source sounds in them.
        level_dbfs: RMS level by source, dB of full scale, that a remixed source is brought to
            before it is augmented, measured over all that sounds in its track; sources that are
            not named keep the level of their recording.
        bus_clip_probability: How often the mixture is driven into a soft limiter.
        bus_clip_max_db: Largest drive of that limiter over its threshold, dB.
        augmentations: What is done to each source, in order.
    """

    background: tuple[str, ...] = ()
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sum_probability: Annotated[float, Range(0.0, 1.0)] = 0.0
    remix_probability: float = 1.0
    swap_probability: float = 0.0
    scatter_probability: float = 0.0
    layer_probability: Mapping[str, float] = field(default_factory=dict)
    dropout_probability: float = 0.0
    active_probability: float = 0.9
    replay_share: Annotated[float, Range(0.0, 1.0)] = 0.5
    group_weights: Mapping[str, float] = field(default_factory=dict)
    level_dbfs: Mapping[str, float] = field(default_factory=dict)
    bus_clip_probability: float = 0.0
    bus_clip_max_db: float = 6.0
    augmentations: tuple[PlannedAugmentation, ...] = ()
