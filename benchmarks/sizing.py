"""What 10^3, 10^5 and 10^6 songs take: machines, hours, money, and what the driver holds.

    python -m benchmarks.sizing [--bench FILE] [--machine vm_2_cores] [--prices FILE] [--hours 24]

The speed is that of a record of `python -m zoo bench --json FILE`, the prices are named inputs. The
sizes of the manifest and of the driver's list are measured here, on made-up songs.
"""

import argparse
import dataclasses
import json
import math
import sys
import tempfile
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from zoo.catalogue.manifest import Manifest, ManifestRow, OutputFile
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.store import Store
from zoo.records.bounds import Above, Length, Range
from zoo.records.files import digest_of
from zoo.records.reading import Reader
from zoo.records.tables import markdown_table
from zoo.records.yaml_text import read_yaml

HERE = Path(__file__).parent
SIZES = (10**3, 10**5, 10**6)
NUM_STEMS, NUM_CHANNELS, SAMPLE_RATE = 4, 2, 44_100
BYTES_PER_SAMPLE = {"wav": 4, "wav24": 3, "wav16": 2}
FILES_PER_SONG = NUM_STEMS + 1  # and the record
TRIAL_SONGS = 10_000
LIST_PAGE = 1000  # objects that a store lists at once


@dataclass(frozen=True, kw_only=True, slots=True)
class StoragePrices:
    """What an object store costs.

    Attributes:
        gigabyte_month: 10^9 bytes for a month.
        thousand_writes: A thousand requests that write.
    """

    gigabyte_month: Annotated[float, Range(0, 1000)]
    thousand_writes: Annotated[float, Range(0, 1000)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What machines and stores cost.

    Attributes:
        currency: Of all prices.
        machines: An hour of each machine, by its name.
        storage: Of an object store.
    """

    currency: Annotated[str, Length(1, 20)]
    machines: dict[str, float]
    storage: StoragePrices


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizing:
    """What a catalogue of some size takes.

    Attributes:
        num_songs: How many songs.
        audio_hours: Of them all.
        machine_hours: Of work.
        machines: How many finish in time.
        compute_price: Of the machine hours.
        stem_bytes: Of all stems.
        storage_price: Of the stems for a month, and of writing them.
        manifest_bytes: Of the manifest.
        driver_bytes: Of the list of songs in the driver's memory.
        list_requests: Questions to an object store when a rerun looks what is there.
    """

    num_songs: int
    audio_hours: float
    machine_hours: float
    machines: int
    compute_price: float
    stem_bytes: int
    storage_price: float
    manifest_bytes: int
    driver_bytes: int
    list_requests: int


def read_prices(path: Path) -> Prices:
    """Read a file of prices.

    Raises:
        ValueError: It is no such file.
    """
    reader = Reader(error=ValueError, origin=str(path))
    plain = reader.mapping(read_yaml(path), "")
    values = reader.keys(
        plain, "", known=["currency", "machines", "storage"],
        required=["currency", "machines", "storage"],
    )  # fmt: skip
    price = Annotated[float, Above(0)]
    machines = {
        str(name): reader.read(price, value, f"machines.{name}")
        for name, value in reader.mapping(values["machines"], "machines").items()
    }
    return Prices(
        currency=reader.read(str, values["currency"], "currency"),
        machines=machines,
        storage=reader.record(StoragePrices, values["storage"], "storage"),
    )


def read_speed(path: Path) -> float:
    """Return how many hours of audio the fastest case of a bench record separates per hour.

    Only cases of the zoo that separate all sources count.

    Raises:
        ValueError: The record has none.
    """
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    factors = [
        case["real_time_factor"]
        for case in cases
        if case["name"] == "zoo" and case["num_sources"] == NUM_STEMS
    ]
    if not factors:
        raise ValueError(f"{path}: no case of the zoo with {NUM_STEMS} sources")
    return 1 / min(factors)


def make_song(index: int) -> CatalogueSong:
    """Return a song as it is listed from a bucket."""
    name = f"label-{index % 100:02}/album-{index // 12:06}/{index:07}"
    version = f'ETag:"{digest_of(index)[:32]}"'
    url = f"s3://catalogue/{name}.flac"
    return CatalogueSong(name=name, url=url, num_bytes=25_000_000 + index, version=version)


def measure_manifest() -> float:
    """Return the bytes of the manifest per song."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = Manifest(Store(folder))
        for index in range(TRIAL_SONGS):
            song = make_song(index)
            files = tuple(
                OutputFile(file=f"{stem}.wav", bytes=84_672_000, sha256=digest_of([index, stem]))
                for stem in ("vocals", "drums", "bass", "other")
            )
            manifest.add(
                ManifestRow(
                    song=song.name,
                    input=song.url,
                    input_bytes=song.num_bytes,
                    input_version=song.version,
                    request_sha256=digest_of(song.url),
                    state="done",
                    outputs=files,
                    audio_seconds=240.0 + index / 7,
                    work_seconds=17.0 + index / 11,
                    network_seconds=15.0 + index / 13,
                    node=f"node-{index % 50}",
                )
            )
        manifest.flush()
        found = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    return found / TRIAL_SONGS


def measure_driver() -> float:
    """Return the bytes of the driver's list per song."""
    tracemalloc.start()
    songs = [make_song(index) for index in range(TRIAL_SONGS)]
    by_name = {song.name: song for song in songs}
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used / len(by_name)


def size_catalogue(
    num_songs: int,
    *,
    song_seconds: float,
    speed: float,
    busy: float,
    hours: float,
    bytes_per_sample: int,
    machine_price: float,
    storage: StoragePrices,
    manifest_bytes: float,
    driver_bytes: float,
) -> Sizing:
    """Work out what a catalogue takes.

    Args:
        num_songs: How many songs.
        song_seconds: Their mean duration.
        speed: Hours of audio that a machine separates per hour while its network is busy.
        busy: The share of the time for which it is.
        hours: In which it must be done.
        bytes_per_sample: Of the stems' format.
        machine_price: Of an hour.
        storage: Prices of the store.
        manifest_bytes: Per song.
        driver_bytes: Per song.
    """
    audio_hours = num_songs * song_seconds / 3600
    machine_hours = audio_hours / speed / busy
    rate = NUM_STEMS * NUM_CHANNELS * SAMPLE_RATE * bytes_per_sample
    stem_bytes = round(num_songs * song_seconds * rate)
    writes = num_songs * FILES_PER_SONG
    return Sizing(
        num_songs=num_songs,
        audio_hours=audio_hours,
        machine_hours=machine_hours,
        machines=math.ceil(machine_hours / hours),
        compute_price=machine_hours * machine_price,
        stem_bytes=stem_bytes,
        storage_price=stem_bytes / 1e9 * storage.gigabyte_month
        + writes / 1000 * storage.thousand_writes,
        manifest_bytes=round(num_songs * manifest_bytes),
        driver_bytes=round(num_songs * driver_bytes),
        list_requests=math.ceil(writes / LIST_PAGE),
    )


def format_sizings(sizings: list[Sizing], *, currency: str, hours: float) -> str:
    """Return them as a Markdown table, a column each."""
    rows = [
        ("hours of audio", [f"{each.audio_hours:,.0f}" for each in sizings]),
        ("machine hours", [f"{each.machine_hours:,.0f}" for each in sizings]),
        (f"machines to be done in {hours:g} h", [f"{each.machines:,}" for each in sizings]),
        (f"computing, {currency}", [f"{each.compute_price:,.0f}" for each in sizings]),
        ("stems, TB", [f"{each.stem_bytes / 1e12:,.2f}" for each in sizings]),
        (f"storing for a month, {currency}", [f"{each.storage_price:,.0f}" for each in sizings]),
        ("manifest, MB", [f"{each.manifest_bytes / 1e6:,.1f}" for each in sizings]),
        ("songs in the driver, MB", [f"{each.driver_bytes / 1e6:,.1f}" for each in sizings]),
        ("requests to list the output", [f"{each.list_requests:,}" for each in sizings]),
    ]
    header = ["songs", *(f"{each.num_songs:,}" for each in sizings)]
    align = ["left", *["right"] * len(sizings)]
    return markdown_table(header, [(name, *cells) for name, cells in rows], align=align)


def main() -> int:
    """Print the table and its inputs."""
    parser = argparse.ArgumentParser(description="what catalogues of three sizes take")
    parser.add_argument("--bench", type=Path, default=HERE / "lightsaft_tfctdf_2_cores.json")
    parser.add_argument("--prices", type=Path, default=HERE / "prices.yaml")
    parser.add_argument("--machine", default="vm_2_cores", help="its name among the prices")
    parser.add_argument("--song-seconds", type=float, default=240.0, help="mean duration")
    parser.add_argument("--busy", type=float, default=0.9, help="share of time the network works")
    parser.add_argument("--hours", type=float, default=24.0, help="in which it must be done")
    parser.add_argument("--format", choices=list(BYTES_PER_SAMPLE), default="wav16")
    arguments = parser.parse_args()
    prices, speed = read_prices(arguments.prices), read_speed(arguments.bench)
    if arguments.machine not in prices.machines:
        parser.error(f"--machine: expected one of {', '.join(prices.machines)}")
    per_song = {"manifest_bytes": measure_manifest(), "driver_bytes": measure_driver()}
    sizings = [
        size_catalogue(
            number,
            song_seconds=arguments.song_seconds,
            speed=speed,
            busy=arguments.busy,
            hours=arguments.hours,
            bytes_per_sample=BYTES_PER_SAMPLE[arguments.format],
            machine_price=prices.machines[arguments.machine],
            storage=prices.storage,
            **per_song,
        )
        for number in SIZES
    ]
    print(
        f"{arguments.machine} at {prices.machines[arguments.machine]:g} {prices.currency} an hour, "
        f"{speed:.1f} hours of audio per hour, busy {arguments.busy:.0%}; songs of "
        f"{arguments.song_seconds:g} s; {NUM_STEMS} stems, {arguments.format}; store: "
        f"{dataclasses.asdict(prices.storage)}\n"
    )
    print(format_sizings(sizings, currency=prices.currency, hours=arguments.hours))
    return 0


if __name__ == "__main__":
    sys.exit(main())
