"""The protocols that a score can follow; numbers of two protocols never share a column."""

from dataclasses import dataclass

from blocks.registry import Registry

PROTOCOLS: "Registry[Protocol]" = Registry("metric")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number that a protocol yields for a source of a track.

    Args:
        name: Key in records and reports.
        label: What a person reads; the unit is dB.
    """

    name: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a quantity is computed on a track and averaged over tracks.

    Args:
        name: What ``--metrics`` calls it.
        title: What a person reads.
        definition: One sentence that tells this protocol from every other.
        track_statistic: ``"mean"`` or ``"median"`` over tracks.
        quantities: What it yields, the most important one first.
        version: Changes when the numbers would; a stored score of another version is not reused.
    """

    name: str
    title: str
    definition: str
    track_statistic: str
    quantities: tuple[Quantity, ...]
    version: int = 1


MDX = PROTOCOLS.add(
    "mdx",
    Protocol(
        name="mdx",
        title="MDX SDR",
        definition=(
            "global SDR of the Music Demixing Challenge 2021, one ratio over all samples and "
            "channels of a track, mean over tracks"
        ),
        track_statistic="mean",
        quantities=(Quantity(name="mdx_sdr", label="SDR"),),
    ),
)
SI = PROTOCOLS.add(
    "si",
    Protocol(
        name="si",
        title="SI-SDR",
        definition=(
            "scale-invariant SDR, one scale for all samples and channels of a track, no mean "
            "removed, mean over tracks"
        ),
        track_statistic="mean",
        quantities=(Quantity(name="si_sdr", label="SI-SDR"),),
    ),
)
BSSEVAL = PROTOCOLS.add(
    "bsseval",
    Protocol(
        name="bsseval",
        title="BSS Eval v4",
        definition=(
            "museval: windows of one second without overlap, median over windows, then median over "
            "tracks"
        ),
        track_statistic="median",
        quantities=(
            Quantity(name="bsseval_sdr", label="SDR"),
            Quantity(name="bsseval_sir", label="SIR"),
            Quantity(name="bsseval_sar", label="SAR"),
            Quantity(name="bsseval_isr", label="ISR"),
        ),
    ),
)


def parse_protocols(text: str) -> tuple[Protocol, ...]:
    """Read a comma-separated list of metric names, such as ``"mdx,si"``.

    Raises:
        UnknownNameError: If a name is not known.
        ValueError: If no name is given.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError(f"no metric given; expected some of {', '.join(PROTOCOLS)}")
    return tuple(PROTOCOLS[name] for name in dict.fromkeys(names))
