"""Zip and legacy files that claim more than they hold end at once, within a bound of memory."""

import io
import pickle
import struct
import zlib
from collections.abc import Callable

import pytest
from raw_pickles import state_of
from refusals import assert_refused


def local_header(name: bytes) -> bytes:
    return struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name


def listed(name: bytes, content: bytes, at: int, *, size: int | None = None, extra=b"") -> bytes:
    size = len(content) if size is None else size
    numbers = (20, 20, 0, 0, 0, 0, zlib.crc32(content), size, size, len(name), len(extra), 0, 0, 0)
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", *numbers, 0, at) + name + extra


def zip_end(directory: bytes, at: int, *, count: int = 2, comment: bytes = b"") -> bytes:
    numbers = (0, 0, count, count, len(directory), at, len(comment))
    return struct.pack("<4s4H2LH", b"PK\5\6", *numbers) + comment


def archive_of(pickled: bytes, rest: bytes, entries: Callable[[int], list[bytes]], **end) -> bytes:
    """An archive of a pickle and of bytes that a list of entries describes as it likes."""
    name = b"archive/data.pkl"
    body = local_header(name) + pickled
    directory = b"".join([listed(name, pickled, 0), *entries(len(body))])
    return body + rest + directory + zip_end(directory, len(body + rest), **end)


def overlapping() -> bytes:
    """Each entry holds all that come after it, so that 2 MB are read as 800 MB."""
    rest, places, sizes = bytes(2 << 20), [], {}
    for key in (b"%d" % i for i in range(400)):
        name = b"archive/data/" + key
        sizes[key] = len(rest)
        rest = local_header(name) + rest
        places.append((name, rest[len(local_header(name)) :], len(rest)))
    return archive_of(
        state_of(sizes),
        rest,
        lambda at: [listed(name, body, at + len(rest) - length) for name, body, length in places],
    )


def one_storage(**lie) -> bytes:
    name, content = b"archive/data/0", bytes(16)
    return archive_of(
        state_of({b"0": 16}),
        local_header(name) + content,
        lambda at: [listed(name, content, at, **lie)],
    )


def many_entries() -> bytes:
    names = [b"%06d" % i for i in range(400_000)]
    return archive_of(b"\x80\x02}.", b"", lambda _: [listed(n, b"", 0) for n in names], count=65535)


def repeated_entry() -> bytes:
    name = b"archive/data/0"
    rest = local_header(name) + bytes(16)
    return archive_of(
        state_of({b"0": 16}),
        rest * 2,
        lambda at: [listed(name, bytes(16), at), listed(name, bytes(16), at + len(rest))],
    )


def zip64_elsewhere() -> bytes:
    whole = one_storage()
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, 1 << 40, 0)
    return whole[:-22] + record + struct.pack("<4sLQL", b"PK\6\7", 0, 7, 1) + whole[-22:]


def zip64_directory() -> bytes:
    whole = one_storage()
    at = len(whole) - 22
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, 1 << 40, 0)
    return whole[:-22] + record + struct.pack("<4sLQL", b"PK\6\7", 0, at, 1) + whole[-22:]


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "overlapping": (overlapping, "overlaps another entry"),
    "many_entries": (many_entries, "a list of entries of [0-9]+ bytes"),
    "repeated_entry": (repeated_entry, "two entries of one name"),
    "beyond_the_file": (lambda: one_storage(size=1 << 30), "overlaps another entry"),
    "zip64_size": (
        lambda: one_storage(size=0xFFFFFFFF, extra=struct.pack("<2H2Q", 1, 16, 1 << 50, 1 << 50)),
        "overlaps another entry",
    ),
    "zip64_elsewhere": (zip64_elsewhere, "its end is not where"),
    "zip64_directory": (zip64_directory, "a list of entries of 1099511627776 bytes"),
    "comment": (
        lambda: archive_of(b"\x80\x02}.", b"", lambda _: [], count=1, comment=b"x" * 60_000),
        "its end is not where",
    ),
    "end_in_a_comment": (lambda: one_storage() + one_storage()[-22:], "damaged archive"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_holds_no_more_than_its_bytes(tmp_path, kind):
    build, message = ARCHIVES[kind]
    path = tmp_path / f"{kind}.pt"
    path.write_bytes(build())
    assert_refused(path, message)


def legacy(state: bytes, keys: list[str], rest: bytes) -> bytes:
    file = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, file, protocol=2)
    file.write(state)
    pickle.dump(keys, file, protocol=2)
    return file.getvalue() + rest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (legacy(state_of({b"0": 1 << 34}), ["0"], struct.pack("<q", 1 << 34)), "'0' is cut short"),
        (
            legacy(state_of({b"0": 16}), ["0"] * 1000, struct.pack("<q", 16) + bytes(16)),
            "'0' is not what was announced",
        ),
        (legacy(state_of({b"0": 16}), [], b""), "'0' is missing"),
        (b"\x80\x02" + b"N0" * 60 + legacy(b"", [], b"")[2:], "more than 100 opcodes"),
    ],
)
def test_a_legacy_file_holds_no_more_than_its_bytes(tmp_path, content, message):
    path = tmp_path / "legacy.pt"
    path.write_bytes(content)
    assert_refused(path, message)
