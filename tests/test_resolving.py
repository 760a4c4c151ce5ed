"""Every way to name a model and its weights comes to the right network, or to the right error."""

import hashlib
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from reference import Reference
from safetensors.torch import save_file
from servers import hub_server

import zoo
from zoo.errors import UnknownNameError, WeightsError
from zoo.specs.registry import SPECS
from zoo.weights import manifests
from zoo.weights.entries import Manifest, RemoteFile, WeightsEntry
from zoo.weights.manifests import get_manifest, weights_folder
from zoo.weights.references import identify
from zoo.weights.resolving import DEFAULT_MODELS, resolve_model

TINY = "lightsaft_tfctdf_tiny"
OURS = weights_folder() / f"{TINY}.test.safetensors"
MODELS = {
    "name": TINY,
    "yaml": str(SPECS.path(TINY)),
    "yaml path": SPECS.path(TINY),
    "mapping": zoo.load_spec(TINY).to_dict(),
    "spec": zoo.load_spec(TINY),
}
# What brings its weights, and whether it says which spec it is for.
BROUGHT = {
    "NAME.TAG": (f"{TINY}.test", True),
    "ours": (str(OURS), True),
    "ours path": (OURS, True),
    "folder": ("FOLDER/saved", True),
    "folder path": (Path("FOLDER/saved"), True),
    "repository": ("user/tiny", True),
    "revision": ("user/tiny@main", True),
    "bare torch": ("FOLDER/bare.pt", False),
    "bare safetensors": (Path("FOLDER/bare.safetensors"), False),
    "bare repository": ("user/bare", False),
}
WEIGHTS = {
    "default": ("default", True),
    "tag": ("test", True),
    **{key: value for key, value in BROUGHT.items() if key != "NAME.TAG"},
}


@pytest.fixture(scope="module")
def digest():
    return zoo_digest(OURS)


def zoo_digest(path) -> str:
    return resolve_model(path).digest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    network = zoo.build(TINY, weights="test")
    network.save_pretrained(folder / "saved", picture=False)
    torch.save({"state_dict": network.state_dict()}, folder / "bare.pt")
    save_file(network.state_dict(), folder / "bare.safetensors")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with hub_server() as server:
        server.repositories["user/tiny"] = {"model.safetensors": OURS.read_bytes()}
        bare = (folder / "bare.safetensors").read_bytes()
        server.repositories["user/bare"] = {"model.safetensors": bare}
        yield server


@pytest.fixture
def place(folder, server, tmp_path, monkeypatch):
    """Put the folder's path into a source, and the Hub where it is looked for."""
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return lambda source: type(source)(str(source).replace("FOLDER", str(folder)))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("model", MODELS)
def test_a_spec_takes_any_weights(place, digest, model, weights):
    source, says_spec = WEIGHTS[weights]
    source = place(source)
    resolved = resolve_model(MODELS[model], weights=source)
    assert resolved.spec == resolved.network.spec == zoo.load_spec(TINY)
    assert resolved.weights == ("test" if weights == "default" else str(source))
    assert resolved.digest == digest
    assert (resolved.notices, resolved.is_kept) == ((), True)
    assert not resolved.network.training
    assert resolved.network.weights_entry == resolved.entry
    assert (resolved.entry is not None) == says_spec
    if says_spec:
        assert resolved.entry.to_dict() == get_manifest(TINY)["test"].to_dict()


@pytest.mark.parametrize("model", MODELS)
def test_a_spec_without_weights_is_fresh(model):
    fresh = resolve_model(MODELS[model], weights=None)
    assert fresh.network.training
    trial, again = (resolve_model(MODELS[model], weights="random") for _ in range(2))
    assert not trial.network.training
    assert trial.digest == again.digest != fresh.digest
    for resolved in (fresh, trial):
        assert (resolved.weights, resolved.entry, resolved.pitches) == ("random", None, 1)
        assert "has random weights" in resolved.notices[0]
        assert not resolved.is_kept


@pytest.mark.parametrize("weights", [None, "default"])
@pytest.mark.parametrize("model", BROUGHT)
def test_what_brings_its_weights_needs_no_others(place, digest, model, weights):
    source, says_spec = BROUGHT[model]
    source = place(source)
    resolved = resolve_model(source, weights=weights)
    assert resolved.spec == zoo.load_spec(TINY)
    assert resolved.weights == ("test" if model == "NAME.TAG" else str(source))
    assert (resolved.digest, resolved.network.training) == (digest, False)
    assert (resolved.entry is not None) == says_spec
    if says_spec:
        assert resolved.notices == ()
    else:
        (notice,) = resolved.notices
        assert f"was taken for weights of {TINY}, which separates vocals, drums" in notice


@pytest.mark.parametrize("weights", ["random", "test", "user/tiny", OURS])
@pytest.mark.parametrize("model", BROUGHT)
def test_what_brings_its_weights_takes_no_others(place, model, weights):
    source = place(BROUGHT[model][0])
    with pytest.raises(ValueError, match=r"brings its weights, so weights=.* contradicts it"):
        resolve_model(source, weights=weights)


@pytest.mark.parametrize("model", BROUGHT)
def test_what_brings_its_weights_takes_no_overrides(place, model):
    with pytest.raises(ValueError, match="overrides cannot change a network that brings"):
        zoo.build(place(BROUGHT[model][0]), overrides={"unet.width": 8})


@pytest.mark.parametrize("model", MODELS)
def test_overrides_change_a_spec(model):
    resolved = resolve_model(MODELS[model], weights=None, overrides={"unet.width": 8})
    assert resolved.spec.unet.width == 8
    with pytest.raises(WeightsError, match="which differs from"):
        resolve_model(MODELS[model], weights=OURS, overrides={"unet.width": 8})


def test_a_built_network_is_taken_as_it_is(digest):
    network = zoo.build(TINY, weights="test")
    for weights in (None, "default"):
        resolved = resolve_model(network, weights=weights)
        assert resolved.network is network
        assert (resolved.weights, resolved.is_kept) == ("given", False)
        assert (resolved.digest, resolved.entry) == (digest, network.weights_entry)
    with pytest.raises(ValueError, match="built already and weights='test'"):
        resolve_model(network, weights="test")
    with pytest.raises(ValueError, match="built already and overrides="):
        resolve_model(network, overrides={"unet.width": 8})
    with pytest.raises(ValueError, match="got a Linear without a spec"):
        resolve_model(torch.nn.Linear(1, 1))


def test_no_model_means_the_default_one(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("LIGHTSAFT_ZOO_CACHE", str(tmp_path))
    first, second = DEFAULT_MODELS
    resolved = resolve_model(None)
    assert (resolved.spec.name, resolved.weights) == (second, "house")
    assert resolved.pitches == get_manifest(second)["house"].pitches == 3
    assert f"took {second} with weights 'house', because: {first}" in resolved.notices[0]
    assert resolve_model(None, weights="random").spec.name == first
    with pytest.raises(WeightsError, match=f"unknown weights tag of {first} 'house'"):
        resolve_model(None, weights="house")


@pytest.mark.parametrize("weights", [key for key in BROUGHT if key != "NAME.TAG"])
def test_no_model_means_the_one_of_the_weights(place, digest, weights):
    source = place(BROUGHT[weights][0])
    resolved = resolve_model(None, weights=source)
    assert (resolved.spec, resolved.digest) == (zoo.load_spec(TINY), digest)
    assert resolved.weights == str(source)
    with pytest.raises(ValueError, match="names none"):
        resolve_model(None, weights=source, overrides={"unet.width": 8})


def test_a_published_checkpoint_needs_no_name_and_keeps_its_record(tmp_path, monkeypatch):
    path = tmp_path / "epoch=3.ckpt"
    torch.save({"state_dict": Reference.load("lightsaft_tfctdf").state_dict()}, path)
    bare = resolve_model(path)
    assert (bare.spec.name, bare.entry) == ("lightsaft_tfctdf", None)
    assert bare.digest == resolve_model("lightsaft_tfctdf", weights=path).digest
    assert zoo.Separator(path, device="cpu").notices == bare.notices

    entry = WeightsEntry(
        spec="lightsaft_tfctdf",
        tag="listed",
        licence="MIT",
        training_data="songs",
        place=RemoteFile(url="https://example.org/x"),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        pitches=3,
    )
    manifest = Manifest(spec=entry.spec, default=("listed",), entries={"listed": entry})
    made = MappingProxyType({entry.spec: manifest})
    monkeypatch.setattr(manifests, "load_manifests", lambda: made)
    listed = resolve_model(path)
    assert (listed.entry, listed.pitches) == (entry, 3)
    assert listed.network.weights_entry == entry


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("lightsaft_tfctdf_tiney", UnknownNameError, f"did you mean '{TINY}'"),
        ("lightsaft_tfctdf_tiney.test", UnknownNameError, f"did you mean '{TINY}'"),
        (f"{TINY}.tesst", WeightsError, "unknown weights tag of .* 'tesst': did you mean 'test'"),
        ("cunet_tfc_film.x", WeightsError, "no weights are listed for 'cunet_tfc_film'"),
        ("", UnknownNameError, "unknown model ''"),
        ("A.b", UnknownNameError, r"unknown model 'A\.b'"),
        ("a.b.c", UnknownNameError, r"unknown model 'a\.b\.c'"),
        ("a.", UnknownNameError, r"unknown model 'a\.'"),
        ("a b", UnknownNameError, "unknown model 'a b'"),
        ("a/b/c", UnknownNameError, "unknown model 'a/b/c'"),
        ("../x", WeightsError, r"expected NAME or NAME\.TAG, a YAML file, .*, got '\.\./x'"),
        ("missing.ckpt", WeightsError, r"no file of weights at missing\.ckpt"),
        (Path(TINY), WeightsError, f"no file of weights at {TINY}"),
        ("missing.yaml", FileNotFoundError, "missing"),
    ],
)
def test_what_is_no_model_says_what_was_expected(model, error, message):
    with pytest.raises(error, match=message):
        resolve_model(model)


@pytest.mark.parametrize("weights", ["a/b/c", "Not", "../x", "a b", ""])
def test_what_are_no_weights_says_what_was_expected(weights):
    with pytest.raises(WeightsError, match=r"expected a tag, the path of a checkpoint .*, got '"):
        identify(TINY, weights=weights)


def test_from_pretrained_brings_weights(digest):
    for network in (
        zoo.from_pretrained(TINY),
        zoo.from_pretrained(str(OURS)),
        type(zoo.build(TINY)).from_pretrained(TINY),
    ):
        assert not network.training
        assert resolve_model(network).digest == digest


def test_a_network_saves_itself_without_knowing_how(tmp_path):
    code = (
        "import sys, zoo\n"
        f"network = zoo.build({TINY!r}, weights='test')\n"
        "print([name for name in sys.modules if name.startswith('zoo.publishing')])\n"
        f"folder = network.save_pretrained({str(tmp_path)!r}, picture=False)\n"
        "print('zoo.publishing.hub' in sys.modules, zoo.build(folder).weights_entry.licence)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "True MIT"], done.stderr
