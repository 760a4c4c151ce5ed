"""Pickles that would cost a reader gigabytes or hours end at once, within a bound of memory."""

import zipfile

import pytest
from raw_pickles import doubled_tuples, integer, many_views, state_of, text
from refusals import assert_refused

from zoo.weights.checkpoints.inert_pickles import LITERALS, MAX_OPCODES, MAX_PICKLE_BYTES

PAIR = text(b"b") + b"K\x01\x86"
LONG_TEXT = text(b"a" * (MAX_PICKLE_BYTES // 4))
PICKLES = {
    "tuple_key": (b"\x80\x02}" + doubled_tuples() + b"Ns.", "a tuple is a key"),
    "list_key": (b"\x80\x02}]Ns.", "a list is a key"),
    "dict_key": (b"\x80\x02}}Ns.", "a dict is a key"),
    "in_a_set": (b"\x80\x04\x8f(" + doubled_tuples() + b"\x90.", "expected a checkpoint"),
    "in_a_frozenset": (b"\x80\x04(" + doubled_tuples() + b"\x91.", "expected a checkpoint"),
    "in_a_called_set": (
        b"\x80\x02c__builtin__\nfrozenset\n" + doubled_tuples() + b"\x85\x85R.",
        "expected a checkpoint",
    ),
    "equal_hashes": (
        b"\x80\x02}(" + b"".join(integer(i * (2**61 - 1)) + b"N" for i in range(1, 60_000)) + b"u.",
        "holds no state_dict",
    ),
    "mapping_made_again": (
        b"\x80\x02ccollections\nOrderedDict\nq\x000](" + PAIR * 20_000 + b"eq\x010"
        b"" + b"h\x00h\x01\x85R0" * 20_000 + b"}.",
        "holds no state_dict",
    ),
    "long_name_again": (
        b"\x80\x04" + LONG_TEXT + b"q\x000" + b"h\x00h\x00\x930" * 20_000 + b".",
        "a class without a name",
    ),
    "long_key_again": (
        b"\x80\x02}"
        + LONG_TEXT
        + b"q\x000"
        + LONG_TEXT[:-1]
        + b"aq\x010"
        + b"h\x00Nsh\x01Ns" * 20_000
        + b".",
        "holds no state_dict",
    ),
    "called_with_many": (
        b"\x80\x02ctorch._utils\n_rebuild_parameter\nq\x000(" + b"N" * 60_000 + b"tq\x010"
        b"" + b"h\x00h\x01R0" * 30_000 + b"}.",
        "holds no state_dict",
    ),
    "nested": (b"\x80\x02N" + b"\x85" * 150_000 + b".", "expected a checkpoint"),
    "in_itself": (b"\x80\x02]q\x00h\x00a.", "expected a checkpoint"),
    "far_memo": (b"\x80\x02}r\xff\xff\xff\x7f.", "holds no state_dict"),
    "wide_text": (b"\x80\x02" + text("\U0001f600".encode() + b"a" * 7_000_000) + b".", "expected"),
    "many_digits": (b"\x80\x02L" + b"9" * 7_000_000 + b"L\n.", "damaged"),
    "no_number": (b"\x80\x02F" + b"x" * 7_000_000 + b"\n.", "damaged"),
    "opcodes": (b"\x80\x02" + b"]0" * MAX_OPCODES + b".", f"more than {MAX_OPCODES} opcodes"),
    "containers": (b"\x80\x02(" + b"}" * (MAX_OPCODES - 10) + b"l.", "expected a checkpoint"),
    "too_long": (b"\x80\x02}." + bytes(MAX_PICKLE_BYTES), "its pickle is larger"),
    "many_views": (many_views(11_000), "11000 tensors, at most 10000"),
    "long_key": (b"\x80\x02}" + text(b"a" * 300) + b"Ns.", "holds no state_dict"),
    "control_key": (state_of({b"a\nb": 0}), r"a tensor is named 'a\\nb'"),
    "huge_storage": (state_of({b"a": 1 << 40}), "bytes of tensors in a file"),
}


@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_costs_no_more_than_its_opcodes(tmp_path, kind):
    body, message = PICKLES[kind]
    path = tmp_path / f"{kind}.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", body)
    assert_refused(path, message)


def test_the_unpickler_pushes_the_arguments_of_literals_only():
    assert {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BYTEARRAY8"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    } == LITERALS
