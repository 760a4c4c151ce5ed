"""Pickles made opcode by opcode."""

import struct


def text(value: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value


def integer(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def doubled_tuples(times: int = 150) -> bytes:
    """A tuple of the one before twice, again and again: hashing it takes 2**times steps."""
    return text(b"a") + b"q\x00" + b"".join(b"h%c\x86q%c" % (i, i + 1) for i in range(times))


def storage(key: bytes, num_elements: int) -> bytes:
    kind = b"ctorch\nByteStorage\n"
    return b"(" + text(b"storage") + kind + text(key) + text(b"cpu") + integer(num_elements) + b"tQ"


def tensor(key: bytes, num_elements: int) -> bytes:
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n("
    return (
        rebuild + storage(key, num_elements) + b"K\x00" + integer(num_elements) + b"\x85K\x01\x85tR"
    )


def state_of(num_elements: dict[bytes, int]) -> bytes:
    entries = b"".join(text(key) + tensor(key, count) for key, count in num_elements.items())
    return b"\x80\x02}(" + entries + b"u."


def many_views(count: int) -> bytes:
    """Views of one storage, the description of which is repeated with two bytes."""
    body = b"\x80\x02" + tensor(b"0", 0) + b"q\x000}("
    return body + b"".join(text(b"%06d" % i) + b"h\x00" for i in range(count)) + b"u."
