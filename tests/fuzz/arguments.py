"""What comes over the app's API, any JSON or none: a checked argument, or a short sentence."""

import json
import math

from zoo.ui.arguments import check_choice, check_number, check_sources
from zoo.ui.edge import read_event_id, read_session
from zoo.ui.results import ResultStore
from zoo.ui.songs import SongError
from zoo.ui.visitors import client_address

SOURCES = ("vocals", "drums", "bass", "other")
SCALES = ("log", "mel", "linear")
MOST_CHARACTERS = 400
RESULTS = ResultStore()


def check(content: bytes) -> None:
    """Hand an argument to every check at the edge, and a body and a header to those of requests."""
    assert isinstance(read_session(content), str)
    assert isinstance(read_event_id(content), str)
    text = content.decode("latin-1")
    address = client_address(text[:64], text)
    assert "," not in address
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = text
    number = _checked(lambda: check_number(value, what="From", high=420.0))
    assert number is None or (0 <= number <= 420 and math.isfinite(number))
    assert _checked(lambda: check_choice(value, SCALES, what="Frequency axis")) in (None, *SCALES)
    sources = _checked(lambda: check_sources(value, SOURCES, model="net")) or ()
    assert len(set(sources)) == len(sources) <= len(SOURCES)
    assert _checked(lambda: RESULTS.get(value)) is None


def _checked(call):
    try:
        return call()
    except SongError as error:
        said = str(error)
    assert 0 < len(said) <= MOST_CHARACTERS, said
    return None


def seeds() -> dict[str, bytes]:
    """Return arguments, right and wrong."""
    values = [
        0,
        1.5,
        -1,
        10**400,
        None,
        True,
        "log",
        "vocals",
        list(SOURCES),
        ["vocals"] * 40,
        [["vocals"]],
        {"path": "/etc/passwd"},
        {"data": [], "session_hash": "abc", "event_id": 7},
        "f" * 40,
        "9.9.9.9, 10.0.0.1",
    ]
    texts = [json.dumps(value) for value in values] + ["NaN", "Infinity", "1e308", "[" * 2000]
    return {f"argument-{index}": text.encode() for index, text in enumerate(texts)}
