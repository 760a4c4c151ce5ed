"""The visitors of the soak: what sound ones ask for, what hostile ones try, and who leaves."""

import collections
import json
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
SONG = ROOT / "zoo" / "examples" / "demo_song" / "mixture.ogg"
JSON = {"content-type": "application/json"}
FILE_META = {"_type": "gradio.FileData"}
SOURCES = ["vocals", "drums", "bass", "other"]
PATIENCE_SECONDS = 900.0
REFUSED = "refused"


@dataclass
class Record:
    """What happened, filled by all visitors.

    Attributes:
        waits: Seconds from a request to its first stem or picture, by kind of request.
        totals: Seconds from a request to its end, by kind.
        answers: How many ended how, by kind.
    """

    waits: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    totals: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    answers: collections.Counter = field(default_factory=collections.Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Visitor:
    """One client of the app, at an address of its own."""

    def __init__(self, url: str, number: int, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.client = httpx.Client(
            headers={"x-forwarded-for": f"9.9.{number // 250}.{number % 250 + 1}"},
            timeout=PATIENCE_SECONDS,
        )

    def upload(self, path: Path) -> dict:
        """Upload a file; returns its FileData."""
        with path.open("rb") as file:
            answer = self.client.post(f"{self.url}gradio_api/upload", files={"files": file})
        answer.raise_for_status()
        return {"path": answer.json()[0], "meta": FILE_META}

    def call(self, name: str, data: list, *, listens: bool = True) -> Iterator[tuple[str, str]]:
        """Call an endpoint; yields (kind of event, its data)."""
        url = f"{self.url}gradio_api/call/{name}"
        body = json.dumps({"data": data})  # which, unlike httpx, lets infinities through
        answer = self.client.post(url, content=body, headers=JSON)
        answer.raise_for_status()
        if not listens:
            return
        with self.client.stream("GET", f"{url}/{answer.json()['event_id']}") as feed:
            kind = ""
            for line in feed.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind != "heartbeat":
                    yield kind, line.removeprefix("data: ")

    def ask(self, record: Record, kind: str, name: str, data: list) -> None:
        """Call an endpoint and note waiting time, total time and how it ended."""
        began = time.monotonic()
        first, ended = None, "no answer"
        for event, _ in self.call(name, data):
            first = first or time.monotonic() - began
            ended = {"complete": "served", "error": REFUSED}.get(event, ended)
        with record.lock:
            record.answers[kind, ended] += 1
            if ended == "served":
                record.waits[kind].append(first or 0.0)
                record.totals[kind].append(time.monotonic() - began)


Request = Callable[[Visitor, Record, str, random.Random], None]


def separate(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Separate a song of this visitor's own."""
    path = visitor.folder / f"{dice.getrandbits(64):x}.flac"
    soundfile.write(path, dice_song(dice), 44_100)
    sources = dice.sample(SOURCES, dice.randint(1, 4))
    data = [visitor.upload(path), model, sources, dice.choice(["flac", "wav24", "mp3"])]
    path.unlink()
    visitor.ask(record, "separate", "separate", data)


def draw(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Draw the spectrogram of the demo song."""
    visitor.ask(record, "spectrogram", "spectrogram", [visitor.upload(SONG), "mel", 80, 0, 0])


def costly_rate(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Send a small file of very many samples to everything that reads songs."""
    path = visitor.folder / "costly_rate.flac"
    song = visitor.upload(path)
    name, data = dice.choice(
        [
            ("separate", [song, model, SOURCES, "flac"]),
            ("spectrogram", [song, "log", 80, 0, 0]),
            ("attention", [song, model, 0]),
        ]
    )
    visitor.ask(record, "hostile: 655 kHz", name, data)


def most_samples(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Draw the largest song within the limits; it is served."""
    song = visitor.upload(visitor.folder / "most_samples.flac")
    visitor.ask(record, "largest song, drawn", "spectrogram", [song, "log", 80, 0, 0])


def odd_arguments(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Send arguments that are none."""
    song = visitor.upload(SONG)
    name, data = dice.choice(
        [
            ("separate", [song, model, ["vocals"] * 1000, "flac"]),
            ("separate", [song, model, None, "flac"]),
            ("spectrogram", [song, "log", 1e308, 0, 0]),
            ("spectrogram", [song, "log", 80, None, 0]),
            ("spectrogram", [song, "log", 80, math.inf, 0]),
            ("model_info", [7]),
        ]
    )
    visitor.ask(record, "hostile: arguments", name, data)


def foreign_file(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Ask for a file of the server, and for the folder of an upload."""
    song = visitor.upload(SONG)
    path = dice.choice(["/etc/passwd", str(Path(song["path"]).parent), "../../app.py"])
    data = [{"path": path, "meta": FILE_META}, model, SOURCES, "flac"]
    visitor.ask(record, "hostile: files", "separate", data)


def large_body(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Send more than any request needs."""
    answer = visitor.client.post(
        f"{visitor.url}gradio_api/call/model_info",
        content=b'{"data": ["' + b"x" * 5_000_000 + b'"]}',
        headers=JSON,
    )
    with record.lock:
        served = "served" if answer.is_success else REFUSED
        record.answers["hostile: body", served] += 1


def leave(visitor: Visitor, record: Record, model: str, dice: random.Random) -> None:
    """Ask for all stems and go, at once or after the first of them."""
    data = [visitor.upload(SONG), model, SOURCES, "flac"]
    events = visitor.call("separate", data, listens=dice.random() < 0.5)
    next(events, None)
    events.close()  # pyright: ignore[reportAttributeAccessIssue]
    with record.lock:
        record.answers["abandoned", "left"] += 1


HOSTILE: tuple[Request, ...] = (
    costly_rate,
    most_samples,
    odd_arguments,
    foreign_file,
    large_body,
    leave,
)


def dice_song(dice: random.Random) -> np.ndarray:
    """Return 6 to 14 s of the demo song from somewhere, (N, C)."""
    samples, rate = soundfile.read(SONG, dtype="float32", always_2d=True)
    length = round(dice.uniform(6, 14) * rate)
    start = dice.randrange(len(samples) - length)
    return samples[start : start + length]
