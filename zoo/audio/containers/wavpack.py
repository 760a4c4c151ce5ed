"""Surveys of WavPack files: every block says which samples it holds."""

from dataclasses import dataclass
from typing import BinaryIO

from zoo.audio.parts import Fault, Part, Survey

__all__ = ["survey_wavpack"]

MARKER = b"wvpk"
HEADER_BYTES = 32
SEARCH_BYTES = 1 << 16
UNKNOWN_LENGTH = 0xFFFF_FFFF
IS_FIRST_OF_STEP = 0x800  # several blocks hold the channels of one step in time
CUSTOM_RATE = 15
RATES = (
    *(6000, 8000, 9600, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200),
    *(96000, 192000),
)


@dataclass(kw_only=True, slots=True)
class _Run:
    """Successive blocks of one stream, from sample ``first`` to sample ``last``."""

    start: int
    end: int
    first: int
    last: int
    total: int | None
    sample_rate: int | None


def survey_wavpack(file: BinaryIO, size: int) -> Survey:
    """Follow the blocks: a jump of the sample counter is damage, a return to zero another link."""
    runs, is_torn = _find_runs(file, size)
    parts, faults = [], []
    for number, run in enumerate(runs):
        previous = runs[number - 1] if number else None
        place = 0 if previous is None or run.first < previous.last else previous.last
        silence = run.first - place
        is_end = number == len(runs) - 1
        if silence and not (previous is None and run.total is None):
            faults.append(
                Fault(text=f"blocks are missing at {place / (run.sample_rate or 1):.2f} s")
            )
        missing = max(0, (run.total or 0) - run.last)
        ends_stream = is_end or runs[number + 1].first < run.last
        if missing and ends_stream and not is_end:
            faults.append(Fault(text="a link of the file is cut off"))
        parts.append(
            Part(
                ranges=((run.start, run.end),),
                container="wv",
                sample_rate=run.sample_rate,
                num_samples=run.last - run.first + (missing if is_end else 0),
                silence=silence,
                is_cut=is_end and (is_torn or missing > 0),
            )
        )
    return Survey(parts=tuple(parts), faults=tuple(faults))


def _find_runs(file: BinaryIO, size: int) -> tuple[list[_Run], bool]:
    """Return the runs of blocks, and whether the last block is not there to its end."""
    runs: list[_Run] = []
    offset, in_run = 0, False
    while offset + HEADER_BYTES <= size:
        file.seek(offset)
        header = file.read(HEADER_BYTES)
        length = int.from_bytes(header[4:8], "little") + 8
        if header[:4] != MARKER or length < HEADER_BYTES:
            offset, in_run = _next_block(file, offset + 1, size), False
            continue
        if offset + length > size:
            return runs, True
        total, index, num_samples, flags = (
            int.from_bytes(header[at : at + 4], "little") for at in (12, 16, 20, 24)
        )
        index |= header[10] << 32
        if num_samples and flags & IS_FIRST_OF_STEP:
            if not in_run or index != runs[-1].last:
                rate = flags >> 23 & 15
                runs.append(
                    _Run(
                        start=offset,
                        end=offset,
                        first=index,
                        last=index,
                        total=None if total == UNKNOWN_LENGTH else total | header[11] << 32,
                        sample_rate=None if rate == CUSTOM_RATE else RATES[rate],
                    )
                )
            runs[-1].last = index + num_samples
            in_run = True
        offset += length
        if in_run:
            runs[-1].end = offset
    return runs, False


def _next_block(file: BinaryIO, offset: int, size: int) -> int:
    """Return where the next block begins; the end of the file if there is none."""
    while offset < size:
        file.seek(offset)
        place = file.read(SEARCH_BYTES).find(MARKER)
        if place >= 0:
            return offset + place
        offset += SEARCH_BYTES - len(MARKER) + 1
    return size
