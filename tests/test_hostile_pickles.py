"""Hostile pickles are refused, and nothing in them runs."""

import builtins
import collections
import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.errors import WeightsError
from zoo.weights.checkpoints import read_checkpoint
from zoo.weights.checkpoints.inert_pickles import MAX_OPCODES, read_inert_pickle


def save(saved, path: Path, *, legacy: bool) -> Path:
    torch.save(saved, path, _use_new_zipfile_serialization=not legacy)
    return path


STATE = {"weight": torch.ones(2, 3)}


class Reduced:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call

    def __call__(self):
        """Nothing: the pickler only wants something callable."""


def hostile_calls(marker: Path) -> dict[str, Reduced]:
    command = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w').close()"
    return {
        "system": Reduced(os.system, command),
        "eval": Reduced(builtins.eval, code),
        "exec": Reduced(builtins.exec, code),
        "open": Reduced(builtins.open, str(marker), "w"),
        "import": Reduced(builtins.__import__, "os"),
        "nested": Reduced(Reduced(getattr, Reduced(builtins.__import__, "os"), "system"), command),
    }


@pytest.mark.parametrize("place", ["value", "callback", "state_dict"])
@pytest.mark.parametrize("kind", ["system", "eval", "exec", "open", "import", "nested"])
def test_hostile_pickles_are_refused_and_run_nothing(tmp_path, kind, place):
    marker = tmp_path / "executed"
    call = hostile_calls(marker)[kind]
    saved = {
        "value": {"state_dict": STATE, "hyper_parameters": call},
        "callback": {"callbacks": [call], "state_dict": STATE},
        "state_dict": {"state_dict": call},
    }[place]
    for legacy in (False, True):
        path = save(saved, tmp_path / "hostile.ckpt", legacy=legacy)
        with pytest.raises(WeightsError, match=r"refused: it names .*Nothing was executed"):
            read_checkpoint(path)
        assert not marker.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"cos\nsystem\n(S'touch executed'\ntR.",
        b"\x80\x02cos\nsystem\n(X\x0e\x00\x00\x00touch executedtR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0etouch executed\x85R.",
        b"\x80\x02(cos\nsystem\nX\x0e\x00\x00\x00touch executedo.",
        b"\x80\x02(S'touch executed'\nios\nsystem\n.",
    ],
)
def test_raw_pickles_are_refused(tmp_path, monkeypatch, body):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "raw.ckpt"
    path.write_bytes(body)
    with pytest.raises(WeightsError):
        read_checkpoint(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["raw.ckpt"]


def zip_of(path: Path, body: bytes, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        for name, content in entries.items():
            archive.writestr(f"archive/{name}", content)
    return path


def test_stubs_swallow_whatever_a_pickle_does_to_them(tmp_path):
    """Unknown classes are called, filled, nested and given state, and none of it is kept."""
    body = (
        b"\x80\x04}(\x8c\x01x"
        b"\x8c\x07unknown\x8c\x05Thing\x93(\x8c\x01atR"  # Thing("a")
        b")R"  # called again
        b"}b"  # given a state
        b"(K\x01K\x02eK\x03a"  # extended, appended to
        b"K\x01K\x02s(K\x01\x90"  # indexed, added to
        b"\x8c\x0astate_dict}u."
    )
    with pytest.raises(WeightsError, match="holds no state_dict"):
        read_checkpoint(zip_of(tmp_path / "stubs.pt", body))


def bomb(kind: str) -> bytes:
    if kind == "memo":
        return b"\x80\x02Nr" + struct.pack("<I", 0x7FFFFFFF) + b"."
    if kind == "length":
        return b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x."
    if kind == "nested":
        return b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns."
    if kind == "opcodes":
        return b"\x80\x02" + b"N0" * MAX_OPCODES + b"N."
    if kind == "laughs":
        return (
            b"\x80\x02]q\x00"
            + b"".join(
                b"](" + b"h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1])
                for i in range(100)
            )
            + b"."
        )
    if kind == "extension":
        return b"\x80\x02\x82\x01."
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("memo", "expected a checkpoint"),
        ("length", "damaged"),
        ("nested", "refused: a tuple is a key"),
        ("opcodes", f"more than {MAX_OPCODES} opcodes"),
        ("laughs", "expected a checkpoint"),
        ("extension", "uses EXT1"),
    ],
)
def test_bombs_are_refused(tmp_path, kind, message):
    with pytest.raises(WeightsError, match=message):
        read_checkpoint(zip_of(tmp_path / "bomb.pt", bomb(kind)))


def test_a_compressed_entry_is_refused_before_it_swells(tmp_path):
    path = tmp_path / "swell.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 24))
    assert path.stat().st_size < 1 << 16
    with pytest.raises(WeightsError, match="not plainly stored"):
        read_checkpoint(path)


def tensor_pickle(
    *, elements=4, size=(2, 2), stride=(2, 1), offset=0, tensors=1, kind="FloatStorage"
) -> bytes:
    """A state dict of one storage, with every number as given."""

    class Describe(pickle.Pickler):
        def persistent_id(self, obj):
            return obj.pid if isinstance(obj, Storage) else None

    class Storage:
        pid = ("storage", getattr(torch, kind), "0", "cpu", elements)

    file = io.BytesIO()
    storage = Storage()
    rebuild = torch._utils._rebuild_tensor_v2
    state = {
        f"w{i}": Reduced(rebuild, storage, offset, size, stride, False, collections.OrderedDict())
        for i in range(tensors)
    }
    Describe(file, protocol=2).dump(state)
    return file.getvalue()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"size": (2, 3)}, "does not fit its storage"),
        ({"offset": 1}, "does not fit its storage"),
        ({"offset": -1}, "whole offset"),
        ({"size": (1 << 40, 1), "stride": (0, 0)}, "does not fit its storage"),
        ({"size": (2, 2, 1)}, "3 sizes and 2 strides"),
        ({"size": (-2, -2)}, "at least 0"),
        ({"stride": (1 << 40, 1)}, "does not fit its storage"),
        ({"elements": 1 << 40, "size": (1 << 40,), "stride": (1,)}, "bytes of tensors in a file"),
        ({"elements": 8, "size": (8,), "stride": (1,)}, "should have 32 bytes, has 16"),
        ({"tensors": 500}, "bytes of tensors in a file"),
    ],
)
def test_tensors_that_lie_about_their_size_are_refused(tmp_path, numbers, message):
    path = zip_of(tmp_path / "lie.pt", tensor_pickle(**numbers), **{"data/0": bytes(16)})
    if numbers.get("tensors"):
        # The state names the same storage so often that copies would outgrow the file.
        path = zip_of(
            path,
            tensor_pickle(elements=4096, size=(4096,), stride=(1,), tensors=500),
            **{"data/0": bytes(4 * 4096)},
        )
    with pytest.raises(WeightsError, match=message):
        read_checkpoint(path)


def test_an_honest_handmade_tensor_is_read(tmp_path):
    content = np.arange(4, dtype=np.float32).tobytes()
    path = zip_of(tmp_path / "ok.pt", tensor_pickle(), **{"data/0": content})
    (tensor,) = read_checkpoint(path).state_dict.values()
    assert tensor.tolist() == [[0.0, 1.0], [2.0, 3.0]]


def test_a_pickle_of_any_protocol_is_read_up_to_its_end():
    plain = {"a": [1, (2.5, None, True), -(1 << 80)], "é": {"b": "x" * 300}, "n": [False, ()]}
    other = {"set": {1}, "frozen": frozenset({3}), "bytes": bytearray(b"x"), b"key": 1, 2: 2}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        file = io.BytesIO(pickle.dumps({"plain": plain, "other": other}, protocol) + b"rest")
        saved, storages = read_inert_pickle(file, name="x")
        assert saved["plain"] == plain
        assert list(saved["other"]) == ["set", "frozen", "bytes"]
        assert storages == {}
        assert file.read() == b"rest"
