"""Specs: frozen, validated descriptions of networks. ``zoo.specs.parsing`` reads them from YAML.

A spec holds choices only. Sizes that follow from them (channels in, bins, condition width) are
derived by the network, never written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from zoo.errors import SpecError, UnknownNameError
from zoo.records.bounds import Length, Range
from zoo.records.reading import check_fields, to_plain
from zoo.specs.parts import ConditionSpec, LowBandSpec, Name, StftSpec, check_range
from zoo.specs.unet import BlockSpec, StageSpec, UNetSpec

__all__ = [
    "BlockSpec",
    "ConditionSpec",
    "LowBandSpec",
    "Spec",
    "StageSpec",
    "StftSpec",
    "UNetSpec",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """A network of the family as data.

    Attributes:
        name: Lower-case identifier, also the name of the file it is kept in.
        title: What a person calls it.
        paper: Where it was published, for example ``arXiv:2111.12516``.
        sample_rate: Hz.
        channels: Audio channels C.
        sources: The sources it can be asked for, in the order of the embedding.
        part_of: By source, the source that holds it: ``{guitar: other}`` where a network that gives
            the guitar apart still gives it in ``other``. The sources that are no parts add up to
            the mixture.
        stft: The time-frequency representation.
        chunk_frames: Frames T it was made to see at once.
        estimate: ``mapping``: it outputs the target's complex spectrogram; ``masking``: a complex
            mask that the mixture's spectrogram is multiplied by; ``mapping_and_mask``: a complex
            spectrogram plus a real mask times the mixture's. The mask lets through what has no
            room in the features, such as the highs of a network of many sub-bands.
        input_level_dbfs: RMS level that a mixture is brought to before it is seen, dB of full
            scale; estimates are brought back. None: as it comes.
        condition: How the source asked for reaches it; None in a single-source network.
        unet: The U-Net.
        low_band: A second network for the lowest frequencies, or None.
        file: Where it was read from; takes no part in comparisons.
    """

    name: Name
    title: Annotated[str, Length(0, 200)] = ""
    paper: Annotated[str, Length(0, 200)] = ""
    sample_rate: Annotated[int, Range(8000, 192000)] = 44100
    channels: Annotated[int, Range(1, 8)] = 2
    sources: Annotated[tuple[Name, ...], Length(1, 32)]
    part_of: Mapping[Name, Name] = field(default_factory=dict, hash=False)
    stft: StftSpec
    chunk_frames: int = 128
    estimate: Literal["mapping", "masking", "mapping_and_mask"] = "mapping"
    input_level_dbfs: Annotated[float, Range(-60, 0)] | None = None
    condition: ConditionSpec | None = None
    unet: UNetSpec
    low_band: LowBandSpec | None = None
    file: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Check the ranges and what the parts demand of each other."""
        check_fields(self, error=SpecError)
        if len(set(self.sources)) < len(self.sources):
            raise SpecError(f"sources: every source once, got {list(self.sources)}")
        self._check_parts()
        self._check_sizes()
        self._check_condition()
        self._check_low_band()

    def _check_parts(self) -> None:
        for part, whole in self.part_of.items():
            for name in (part, whole):
                if name not in self.sources:
                    raise SpecError(
                        f"part_of: {UnknownNameError('source', name, list(self.sources))}"
                    )
            if whole in self.part_of:
                raise SpecError(
                    f"part_of.{part}: {whole} is a part itself; name the source that holds both"
                )

    def _check_sizes(self) -> None:
        shrink = 2**self.unet.depth
        bins = self.stft.kept_bins
        if bins % (self.unet.num_subbands * shrink):
            named = "n_fft / 2" if self.stft.num_bins is None else "num_bins"
            raise SpecError(
                f"unet.depth: {named} = {bins} bins in {self.unet.num_subbands} sub-band(s) "
                f"cannot be halved {self.unet.depth} times; lower depth or num_subbands"
            )
        check_range("chunk_frames", self.chunk_frames, shrink, 8192)
        if self.chunk_frames % shrink:
            raise SpecError(
                f"chunk_frames: must be a multiple of 2**depth = {shrink}, got {self.chunk_frames}"
            )

    def _check_condition(self) -> None:
        users = [name for name, stage in self.unet.stages() if stage.uses_condition]
        if self.condition is None and users:
            raise SpecError(f"condition: missing, but unet.{users[0]} has blocks that depend on it")
        if self.condition is not None and not users:
            raise SpecError("condition: given, but no block of unet depends on it; remove it")
        if len(self.sources) > 1 and not self.unet.decoder.uses_condition:
            raise SpecError(
                "sources: more than one, but no block of unet.decoder depends on the condition"
            )

    def _check_low_band(self) -> None:
        if self.low_band is None:
            return
        try:
            inner = self.low_band_spec
        except SpecError as error:
            raise SpecError(f"low_band: {error}") from None
        assert inner is not None
        hop, inner_hop = self.stft.hop_length, inner.stft.hop_length
        if inner_hop % hop or 4 * inner_hop > inner.stft.n_fft:
            raise SpecError(
                f"low_band.hop_length: must be a multiple of stft.hop_length = {hop} and at most a "
                f"quarter of low_band.n_fft = {inner.stft.n_fft}, got {inner_hop}"
            )
        if self.chunk_frames % self.frame_multiple:
            raise SpecError(
                f"chunk_frames: must be a multiple of {self.frame_multiple}, the frames that "
                f"down-sampling of the low band spans, got {self.chunk_frames}"
            )

    @property
    def low_band_spec(self) -> "Spec | None":
        """The low band as a network of its own, which is how it can be trained before the rest."""
        if self.low_band is None:
            return None
        low = self.low_band
        return replace(
            self,
            stft=StftSpec(n_fft=low.n_fft, hop_length=low.hop_length, num_bins=low.num_bins),
            chunk_frames=self.chunk_frames * self.stft.hop_length // max(low.hop_length, 1),
            unet=replace(self.unet, width=low.width, num_subbands=low.num_subbands),
            low_band=None,
            file=None,
        )

    @property
    def whole_sources(self) -> tuple[str, ...]:
        """The sources that are no parts of others; they add up to the mixture."""
        return tuple(source for source in self.sources if source not in self.part_of)

    @property
    def told_sources(self) -> tuple[str, ...]:
        """The sources as people are told of them: ``guitar (part of other)`` for a part."""
        return tuple(
            f"{source} (part of {self.part_of[source]})" if source in self.part_of else source
            for source in self.sources
        )

    @property
    def parts(self) -> "tuple[Spec, ...]":
        """The networks whose estimates are added: itself, and that of the low band."""
        inner = self.low_band_spec
        return (self,) if inner is None else (self, inner)

    @property
    def num_bins(self) -> int:
        """Frequency bins F that enter the U-Net's first stage."""
        return self.stft.kept_bins // self.unet.num_subbands

    @property
    def sees_all_bins(self) -> bool:
        """Whether the U-Net sees the Nyquist bin too: bins neither cut off nor stacked."""
        return self.unet.num_subbands == 1 and self.stft.num_bins is None

    @property
    def frame_multiple(self) -> int:
        """The number of frames must be a multiple of it: 2**depth, of the low band's frames too."""
        ratio = self.low_band.hop_length // self.stft.hop_length if self.low_band else 1
        return 2**self.unet.depth * ratio

    @property
    def chunk_samples(self) -> int:
        """Samples whose spectrogram has ``chunk_frames`` frames."""
        return (self.chunk_frames - 1) * self.stft.hop_length

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain data; parsing it gives an equal spec back."""
        # Without parts it is what it was before sources could have some, and so are its digests.
        return to_plain(self, without=("file",) if self.part_of else ("file", "part_of"))
