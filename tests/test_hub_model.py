"""Saving a network as a repository and pushing it to a stand-in Hub."""

import copy
import json
import pickle

import pytest
import torch
from servers import hub_server

import zoo
from zoo.errors import WeightsError, WeightsUnavailableError
from zoo.publishing.hub import storage_error
from zoo.weights.entries import WeightsEntry
from zoo.weights.manifests import get_manifest

TINY = "lightsaft_tfctdf_tiny"
ENTRY = WeightsEntry(spec=TINY, tag="mine", licence="CC0-1.0", training_data="My songs")


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with hub_server() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def mixture() -> torch.Tensor:
    return torch.randn(1, 2, 6000, generator=torch.Generator().manual_seed(3))


def test_a_saved_folder_rebuilds_the_network(tmp_path):
    model = zoo.build(TINY, weights="test")
    folder = model.save_pretrained(tmp_path / "saved")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "model.safetensors",
        "spec.yaml",
        "spectrograms.png",
    ]
    again = zoo.build(str(folder))
    assert torch.equal(again(mixture()), model(mixture()))
    assert torch.equal(zoo.build(TINY, weights=str(folder))(mixture()), model(mixture()))
    assert again.weights_entry.to_dict() == get_manifest(TINY)["test"].to_dict()
    assert zoo.load_spec(folder / "spec.yaml").to_dict() == model.spec.to_dict()
    assert "license: mit" in (folder / "README.md").read_text(encoding="utf-8")


def test_fresh_weights_are_saved_without_a_licence(tmp_path):
    folder = zoo.build(TINY).save_pretrained(tmp_path, picture=False)
    assert not (folder / "spectrograms.png").exists()
    assert "Not stated." in (folder / "README.md").read_text(encoding="utf-8")
    assert zoo.build(folder).weights_entry is None


def test_a_pushed_network_comes_back_from_the_hub(server):
    torch.manual_seed(1)
    model = zoo.build(TINY).eval()
    url = model.push_to_hub("user/mine", entry=ENTRY)
    assert url == f"{server.address}/user/mine"
    files = server.repositories["user/mine"]
    assert set(files) >= {"README.md", "model.safetensors", "spec.yaml", "spectrograms.png"}
    card = files["README.md"].decode()
    assert "license: cc0-1.0" in card
    assert 'zoo.build("user/mine")' in card
    again = zoo.build("user/mine")
    assert torch.equal(again(mixture()), model(mixture()))
    assert again.weights_entry.training_data == "My songs"


def test_a_push_needs_a_licence_a_name_and_a_hub(server, monkeypatch):
    model = zoo.build(TINY)
    with pytest.raises(WeightsError, match="needs a licence"):
        model.push_to_hub("user/mine")
    with pytest.raises(WeightsError, match="expected a repository as user/name"):
        model.push_to_hub("a/b/c", entry=ENTRY)
    assert server.repositories == {}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsUnavailableError, match="nothing was pushed"):
        model.push_to_hub("user/mine", entry=ENTRY)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsUnavailableError, match="cannot be reached"):
        model.push_to_hub("user/mine", entry=ENTRY)


def test_a_refused_push_says_what_to_do(server, monkeypatch):
    def refuse(handler, _path, _body):
        handler.answer_json({"error": "Forbidden"}, status=403)

    monkeypatch.setattr(server, "post", refuse)
    with pytest.raises(WeightsError, match="hf auth login"):
        zoo.build(TINY).push_to_hub("user/mine", entry=ENTRY)


def test_half_precision_is_measured_before_it_is_stored(tmp_path, monkeypatch):
    model = zoo.build(TINY, weights="test")
    before = copy.deepcopy(model.state_dict())
    error = storage_error(model, torch.float16)
    assert 1e-5 < error < 1e-2
    assert storage_error(model, torch.float32) == 0
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())

    monkeypatch.setattr("zoo.publishing.hub.MAX_STORAGE_ERROR", error * 1.01)
    folder = model.save_pretrained(tmp_path / "half", dtype=torch.float16, picture=False)
    got, expected = zoo.build(str(folder))(mixture()), model(mixture())
    assert 0 < (got - expected).square().mean().sqrt() < 1e-2 * expected.square().mean().sqrt()

    monkeypatch.setattr("zoo.publishing.hub.MAX_STORAGE_ERROR", error * 0.99)
    with pytest.raises(WeightsError, match="Store them as float32"):
        model.save_pretrained(tmp_path / "refused", dtype=torch.float16)
    assert not (tmp_path / "refused").exists()


def test_the_record_goes_along_when_a_network_is_copied():
    model = zoo.build(TINY, weights="test")
    assert copy.deepcopy(model).weights_entry == model.weights_entry
    assert pickle.loads(pickle.dumps(model.weights_entry)) == model.weights_entry
    assert json.dumps(model.weights_entry.to_dict())
