"""Headers of safetensors files that lie, or cost too much, are refused before anything is read."""

import io
import json
import struct
from pathlib import Path

import pytest
from refusals import assert_refused


def facts(**changes) -> dict:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


def safetensors_of(path: Path, header: object, num_bytes: int = 8) -> Path:
    body = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(body)) + body + bytes(num_bytes))
    return path


HEADERS: dict[str, tuple[object, str]] = {
    "repeated_key": (b'{"w":{},"w":{}}', "stands there twice"),
    "deep": (b'{"w":' + b"[" * 500_000 + b"]" * 500_000 + b"}", "damaged header"),
    "objects": (b'{"w":[' + b"{}," * 300_000 + b"{}]}", "'w' must have dtype"),
    "no_mapping": ([1], "expected a mapping"),
    "other_encoding": (json.dumps({"w": facts()}).encode("utf-16"), "damaged header"),
    "too_many": (
        {f"{i:05}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(11_000)}
        | {"w": facts()},
        "11001 tensors, at most 10000",
    ),
    "shared": ({"v": facts(), "w": facts()}, "'w' begins at 0, expected 8"),
    "gap": ({"w": facts(data_offsets=[8, 16])}, "'w' begins at 8, expected 0"),
    "left_over": ({"w": facts(shape=[1], data_offsets=[0, 4])}, "4 bytes, but 8 bytes in the file"),
    "backwards": ({"w": facts(data_offsets=[8, 0])}, "takes 8 bytes, got -8"),
    "three_offsets": ({"w": facts(data_offsets=[0, 4, 8])}, "too many values"),
    "negative": ({"w": facts(shape=[-2])}, "whole numbers of at least 0"),
    "float": ({"w": facts(shape=[2.0])}, "whole numbers of at least 0"),
    "truth": ({"w": facts(shape=[True])}, "whole numbers of at least 0"),
    "infinite": (b'{"w":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,8]}}', "whole numbers"),
    "enormous": ({"w": facts(shape=[1 << 47] * 16)}, "takes [0-9]+ bytes, got 8"),
    "rank": ({"w": facts(shape=[1] * 1000)}, "up to 16 numbers"),
    "no_dtype": ({"w": {"shape": [2], "data_offsets": [0, 8]}}, "'w' must have dtype"),
    "more_facts": ({"w": facts(device="cuda")}, "'w' must have dtype"),
    "metadata_list": ({"__metadata__": [1], "w": facts()}, "must map text to text"),
    "metadata_number": ({"__metadata__": {"spec": 1}, "w": facts()}, "must map text to text"),
    "control_key": ({"a\x1b[2J": facts()}, r"a tensor is named 'a\\x1b"),
    "long_key": ({"k" * 300: facts()}, "a tensor is named 'kkk"),
    "nothing": ({}, "in the file"),
    **{
        f"dtype_{dtype}": ({"w": facts(dtype=dtype)}, f"is of type '{dtype}', expected F64, F32")
        for dtype in ("F8_E4M3", "F8_E5M2", "F4", "U16", "U32", "U64", "C64", "f32")
    },
    "dtype_list": ({"w": facts(dtype=["F32"])}, "expected F64, F32"),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_safetensors_header_is_checked_before_anything_is_read(tmp_path, kind):
    header, message = HEADERS[kind]
    assert_refused(safetensors_of(tmp_path / f"{kind}.safetensors", header), message)


def test_a_hundred_megabytes_of_keys_are_refused_by_their_length(tmp_path):
    entry = b'"%07d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    header = b"{" + b",".join(entry % i for i in range(1_600_000)) + b"}"
    path = safetensors_of(tmp_path / "keys.safetensors", header, 0)
    assert_refused(path, "a header of [0-9]+ bytes, at most 1048576")


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_a_refusal_for_nan_keeps_one_copy_in_memory(tmp_path, dtype):
    num_bytes = 48 << 20
    width = {"F64": 8, "F32": 4}.get(dtype, 2)
    header = {"w": facts(dtype=dtype, shape=[num_bytes // width], data_offsets=[0, num_bytes])}
    path = safetensors_of(tmp_path / "nan.safetensors", header, num_bytes)
    with path.open("r+b") as file:
        file.seek(-2, io.SEEK_END)
        file.write(b"\xff\xff")
    assert_refused(path, "'w' holds NaN")
