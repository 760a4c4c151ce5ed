"""Networks that are exported on the way: the same samples, kept in the cache, mended there."""

import logging

import numpy as np
import pytest

import zoo
from tests.fake_networks import Gains
from tests.signals import gaussian
from zoo.separation.backends import onnxruntime as backend

pytest.importorskip("onnxscript", reason="the exporter is not installed")
pytest.importorskip("onnxruntime", reason="the optional backend is not installed")

TINY = "lightsaft_tfctdf_tiny"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTSAFT_ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def stems(name):
    separator = zoo.Separator(TINY, weights="test", device="cpu", backend=name, precision="float32")
    return separator((gaussian(2, 50_000).numpy(), 44100)).stems


def assert_alike(ours, theirs):
    for name, stem in theirs.items():
        # The last chunk of the torch backend is shorter, which shows in the last digits.
        np.testing.assert_allclose(ours[name], stem, rtol=0, atol=5e-5)


def test_exported_graphs_are_kept_and_damage_is_mended(cache, caplog, monkeypatch):
    expected = stems("torch")
    assert_alike(stems("onnxruntime"), expected)
    files = sorted(cache.rglob("*.onnx"))
    assert [file.relative_to(cache).parts[0] for file in files] == ["onnxruntime"] * 2
    assert [file.name for file in files] == ["full_band.decoder.onnx", "full_band.encoder.onnx"]

    def refuse(graph):
        raise AssertionError("exported again")

    with monkeypatch.context() as patched:
        patched.setattr(backend, "to_onnx", refuse)
        assert_alike(stems("onnxruntime"), expected)
    files[1].write_bytes(b"broken")
    with caplog.at_level(logging.WARNING):
        assert_alike(stems("onnxruntime"), expected)
    assert "exporting the network again" in caplog.text
    assert files[1].stat().st_size > 100_000


def test_a_cache_that_cannot_be_written_is_done_without(cache):
    cache.mkdir()
    (cache / "onnxruntime").write_text("in the way")
    assert_alike(stems("onnxruntime"), stems("torch"))


def test_what_it_cannot_run_is_said(monkeypatch):
    with pytest.raises(ValueError, match="made, and exported ones, not Gains"):
        zoo.Separator(Gains(), device="cpu", backend="onnxruntime")
    monkeypatch.setattr(backend, "is_installed", lambda package: package == "onnxruntime")
    with pytest.raises(ValueError, match="not installed: pip install onnx onnxscript"):
        zoo.Separator(TINY, weights="test", device="cpu", backend="onnxruntime")


def test_auto_does_not_take_it_for_networks_of_torch(monkeypatch):
    monkeypatch.setattr("zoo.separation.backends.openvino.is_installed", lambda: False)
    assert zoo.Separator(TINY, weights="test", device="cpu").backend == "torch"
