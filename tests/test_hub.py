"""From a name to weights: order, fallback, offline mode, the Hub, and no needless network."""

import dataclasses
import hashlib
import socket
from types import MappingProxyType

import pytest
import torch
from safetensors.torch import load_file, save
from servers import file_server, hub_server

import zoo
from zoo.errors import ChecksumError, WeightsError, WeightsUnavailableError
from zoo.weights import manifests as folder
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.entries import HubFile, Manifest, RemoteFile, WeightsEntry
from zoo.weights.fetching import locating
from zoo.weights.manifests import get_manifest
from zoo.weights.references import identify
from zoo.weights.resolving import DEFAULT_MODELS, locate_default_model, resolve_model
from zoo.weights.settings import read_settings

TINY = "lightsaft_tfctdf_tiny"


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    """Every test has a cache of its own and finds no settings of the machine."""
    for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LIGHTSAFT_ZOO_CACHE", str(tmp_path / "zoo-cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub-cache"))


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **_options):
        raise AssertionError(f"a network call: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket.socket, "sendto", refuse)


@pytest.fixture
def listed(monkeypatch):
    """Replace the packaged manifests; call with specs and their entries, the default order."""

    def put(**entries: list[WeightsEntry]):
        made = MappingProxyType(
            {
                spec: Manifest(
                    spec=spec,
                    default=tuple(entry.tag for entry in records),
                    entries={entry.tag: entry for entry in records},
                )
                for spec, records in entries.items()
            }
        )
        monkeypatch.setattr(folder, "load_manifests", lambda: made)
        monkeypatch.setattr(locating, "load_manifests", lambda: made)

    return put


def checkpoint_bytes(tmp_path) -> bytes:
    """A checkpoint of the tiny network as torch.save writes it."""
    path = tmp_path / "made.ckpt"
    torch.save({"state_dict": zoo.build(TINY, weights="test").state_dict()}, path)
    return path.read_bytes()


def remote(content: bytes, url: str, *, tag: str = "far", spec: str = TINY) -> WeightsEntry:
    return WeightsEntry(
        spec=spec,
        tag=tag,
        licence="MIT",
        training_data="songs",
        place=RemoteFile(url=url),
        sha256=hashlib.sha256(content).hexdigest(),
        num_bytes=len(content),
    )


def locate(weights: str, **options):
    return locating.locate(identify(TINY, weights=weights), read_settings(), **options)


def packaged() -> WeightsEntry:
    return get_manifest(TINY)["test"]


def assert_tiny(state_dict):
    expected = load_file(folder.weights_folder() / "lightsaft_tfctdf_tiny.test.safetensors")
    assert state_dict.keys() == expected.keys()
    assert all(torch.equal(state_dict[key], expected[key]) for key in expected)


@pytest.mark.parametrize("weights", ["default", "test"])
def test_packaged_weights_load_without_any_network_call(no_network, weights):
    model = zoo.build(TINY, weights=weights)
    assert not model.training
    loaded = resolve_model(TINY, weights=weights)
    assert loaded.weights == "test"
    assert loaded.entry == packaged()
    assert loaded.notices == ()


def test_every_packaged_entry_builds_without_any_network_call(no_network):
    entries = [e for m in folder.load_manifests().values() for e in m.entries.values()]
    names = [(entry.spec, entry.tag) for entry in entries if entry.is_packaged]
    assert (TINY, "test") in names
    for name, tag in names:
        estimates = zoo.build(name, weights=tag)(torch.zeros(1, 2, 4096))
        assert torch.isfinite(estimates).all()


def test_a_changed_packaged_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    content = (folder.weights_folder() / packaged().place.file).read_bytes()
    file = tmp_path / "weights" / packaged().place.file
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setattr("zoo.weights.fetching.places.weights_folder", lambda: tmp_path / "weights")
    with pytest.raises(ChecksumError, match=r"lightsaft_tfctdf_tiny\.test"):
        zoo.build(TINY, weights="test")
    file.unlink()
    with pytest.raises(WeightsError, match="should ship with the package"):
        zoo.build(TINY, weights="test")


def test_remote_weights_are_fetched_once_and_then_serve_offline(tmp_path, monkeypatch, listed):
    content = checkpoint_bytes(tmp_path)
    with file_server(content, "redirect:SELF") as server:
        listed(**{TINY: [remote(content, server.url)]})
        seen = []
        loaded = resolve_model(TINY, weights="default", progress=lambda *step: seen.append(step))
        assert_tiny(loaded.network.state_dict())
        assert (loaded.weights, loaded.notices) == ("far", ())
        assert seen[-1] == (len(content), len(content))
        resolve_model(TINY, weights="far")
        assert server.requests == ["whole", "whole"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert_tiny(resolve_model(TINY, weights="far").network.state_dict())


def test_a_changed_cached_file_is_fetched_again_or_refused_offline(tmp_path, monkeypatch, listed):
    content = checkpoint_bytes(tmp_path)
    with file_server(content) as server:
        listed(**{TINY: [remote(content, server.url)]})
        path = locate("far").path
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert locate("far").path.read_bytes() == content
        assert len(server.requests) == 2
        path.write_bytes(b"short")
    monkeypatch.setenv("HF_HUB_OFFLINE", "TRUE")
    with pytest.raises(ChecksumError, match="has 5 bytes"):
        locate("far")


def test_default_falls_back_with_a_notice_that_names_both(caplog, listed):
    listed(**{TINY: [remote(b"x", "http://127.0.0.1:9/x"), packaged()]})
    loaded = resolve_model(TINY, weights="default")
    assert_tiny(loaded.network.state_dict())
    assert loaded.weights == "test"
    (notice,) = loaded.notices
    for part in (f"{TINY}.far could not be had", f"{TINY}.test was taken", "cannot be reached"):
        assert part in notice
    assert notice in caplog.text


def test_offline_mode_falls_back_without_a_network_call(monkeypatch, no_network, listed):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub_entry = dataclasses.replace(
        remote(b"x", "https://example.org/x", tag="hubbed"),
        place=HubFile(repo_id="user/tiny", file="model.safetensors", revision="main"),
    )
    listed(**{TINY: [remote(b"x", "https://example.org/x"), hub_entry, packaged()]})
    resolved = locate("default")
    assert resolved.weights == "test"
    assert len(resolved.notices) == 2
    assert all("offline mode is on" in notice for notice in resolved.notices)


def test_a_named_tag_never_falls_back(listed):
    listed(**{TINY: [remote(b"x", "http://127.0.0.1:9/x"), packaged()]})
    with pytest.raises(WeightsUnavailableError, match=r"tiny\.far: 127\.0\.0\.1 cannot be reached"):
        zoo.build(TINY, weights="far")


def test_wrong_bytes_are_an_error_even_where_another_tag_exists(tmp_path, listed):
    with file_server(b"right", "wrong", "wrong") as server:
        listed(**{TINY: [remote(b"right", server.url), packaged()]})
        with pytest.raises(ChecksumError, match="discarded"):
            zoo.build(TINY, weights="default")


def test_nothing_can_be_had_says_what_can(listed):
    bundled = dataclasses.replace(packaged(), spec="other", tag="house")
    listed(**{TINY: [remote(b"x", "http://127.0.0.1:9/x")], "other": [bundled, packaged()]})
    with pytest.raises(WeightsUnavailableError, match=r"no network: other\.house$"):
        zoo.build(TINY, weights="default")


def test_unknown_names_say_what_there_is(tmp_path):
    with pytest.raises(
        WeightsError, match=r"unknown weights tag of .* 'tesst': did you mean 'test'"
    ):
        zoo.build(TINY, weights="tesst")
    with pytest.raises(
        WeightsError, match=r"no weights are listed for 'cunet_tfc_film'.*lightsaft"
    ):
        zoo.build("cunet_tfc_film", weights="default")
    with pytest.raises(WeightsError, match="no file of weights at"):
        zoo.build(TINY, weights=str(tmp_path / "missing.ckpt"))
    with pytest.raises(WeightsError, match="expected a tag, the path of a checkpoint"):
        zoo.build(TINY, weights="not a name")


def test_weights_of_another_network_are_refused(tmp_path):
    spec = zoo.load_spec("lightsaft_tfctdf_small")
    path = tmp_path / "tiny.ckpt"
    path.write_bytes(checkpoint_bytes(tmp_path))
    with pytest.raises(WeightsError, match="do not fit lightsaft_tfctdf_small"):
        zoo.build(spec, weights=path)
    torch.save({"spec2spec.mid_block.tdfs.tdf.3.weight": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"do not have the layout|do not fit|no rule"):
        zoo.build(spec, weights=path)


class TestDefaultModel:
    def entry(self, name: str, *, url: str = "http://127.0.0.1:9/x") -> WeightsEntry:
        return remote(b"x", url, spec=name, tag="mdx2021")

    def bundled(self, name: str) -> WeightsEntry:
        return dataclasses.replace(packaged(), spec=name, tag="house")

    def test_the_first_that_can_be_had_is_taken_and_says_why(self, tmp_path, listed):
        first, second = DEFAULT_MODELS
        with file_server(b"x") as server:
            listed(**{first: [self.entry(first, url=server.url)], second: [self.bundled(second)]})
            chosen = locate_default_model()
        assert (chosen.spec.name, chosen.weights) == (first, "mdx2021")
        assert chosen.notices[0] == f"took {first} with weights 'mdx2021', the first choice"

    def test_the_next_model_is_taken_when_the_first_cannot_be_had(self, listed):
        first, second = DEFAULT_MODELS
        listed(**{first: [self.entry(first)], second: [self.bundled(second)]})
        chosen = locate_default_model()
        assert (chosen.spec.name, chosen.weights) == (second, "house")
        assert f"{first}.mdx2021" in chosen.notices[0]
        assert "cannot be reached" in chosen.notices[0]

    def test_another_tag_of_the_first_comes_before_the_next_model(self, listed):
        first, second = DEFAULT_MODELS
        listed(**{first: [self.entry(first), self.bundled(first)], second: [self.bundled(second)]})
        chosen = locate_default_model()
        assert (chosen.spec.name, chosen.weights) == (first, "house")

    def test_nothing_at_all_says_what_to_do(self, listed):
        first, _ = DEFAULT_MODELS
        listed(**{first: [self.entry(first)]})
        with pytest.raises(WeightsError, match=f"python -m zoo fetch {first}"):
            locate_default_model()


class TestHubRepositories:
    @pytest.fixture
    def server(self, monkeypatch):
        with hub_server() as server:
            monkeypatch.setenv("HF_ENDPOINT", server.address)
            yield server

    def test_a_repository_rebuilds_the_network(self, server, tmp_path, monkeypatch):
        content = (folder.weights_folder() / packaged().place.file).read_bytes()
        server.repositories["user/tiny"] = {"model.safetensors": content}
        mixture = torch.randn(1, 2, 4000)
        model = zoo.build("user/tiny")
        assert torch.equal(model(mixture), zoo.build(TINY, weights="test")(mixture))
        loaded = resolve_model("user/tiny@main")
        assert loaded.spec.to_dict() == model.spec.to_dict()
        assert loaded.entry.training_data == packaged().training_data
        assert_tiny(zoo.build(TINY, weights="user/tiny").state_dict())

        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        asked = len(server.requests)
        assert_tiny(zoo.build("user/tiny").state_dict())
        assert len(server.requests) == asked

    def test_manifest_entries_on_the_hub_are_verified(self, server, listed):
        content = (folder.weights_folder() / packaged().place.file).read_bytes()
        server.repositories["user/tiny"] = {"model.safetensors": content}
        place = HubFile(repo_id="user/tiny", file="model.safetensors", revision="main")
        right = dataclasses.replace(packaged(), tag="right", place=place)
        wrong = dataclasses.replace(right, tag="wrong", sha256="0" * 64)
        listed(**{TINY: [right, wrong]})
        seen = []
        resolved = locate("right", progress=lambda *step: seen.append(step))
        assert resolved.path.read_bytes() == content
        assert seen[-1][0] == len(content)
        with pytest.raises(ChecksumError, match=r"tiny\.wrong"):
            locate("wrong")

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("user/nothing", "no such repository"),
            ("user/empty", "has no such file"),
            ("user/empty@other", "no such revision"),
            ("user/gated", "access must be asked for"),
            ("user/../etc", "expected a tag"),
            ("user/--x", "expected a tag"),
        ],
    )
    def test_what_is_missing_is_named(self, server, source, message):
        server.repositories["user/empty"] = {"README.md": b"nothing"}
        with pytest.raises(WeightsError, match=message):
            zoo.build(TINY, weights=source)

    def test_an_enormous_file_is_not_fetched(self, server):
        server.repositories["user/huge"] = {"model.safetensors": b"x"}
        server.sizes["model.safetensors"] = 5 << 30
        with pytest.raises(WeightsError, match="5368709120 bytes; expected at most"):
            zoo.build("user/huge")
        assert not any(request.startswith("GET") for request in server.requests)

    def test_a_pickle_under_our_name_is_not_run(self, server, tmp_path):
        marker = tmp_path / "executed"
        body = b"\x80\x02cos\nsystem\nX" + len(f"touch {marker}").to_bytes(4, "little")
        body += f"touch {marker}".encode() + b"\x85R."
        server.repositories["user/evil"] = {"model.safetensors": body}
        with pytest.raises(WeightsError, match="refused"):
            zoo.build("user/evil")
        assert not marker.exists()

    def test_a_spec_of_a_stranger_is_bounded(self, server, tmp_path):
        spec = zoo.load_spec(TINY, overrides={"unet.width": 1024, "stft.n_fft": 32768})
        path = tmp_path / "big.safetensors"
        write_safetensors(path, {"w": torch.zeros(1)}, spec=spec)
        server.repositories["user/big"] = {"model.safetensors": path.read_bytes()}
        with pytest.raises((zoo.SpecError, WeightsError), match=r"limit|exceed|bound|at most"):
            zoo.build("user/big")

    def test_weights_without_a_spec_say_what_to_do(self, server):
        server.repositories["user/bare"] = {"model.safetensors": save({"w": torch.zeros(1)})}
        with pytest.raises(WeightsError, match="python -m zoo convert"):
            zoo.build("user/bare")

    def test_out_of_reach_is_unavailable(self, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(WeightsUnavailableError, match="cannot be reached"):
            zoo.build("user/tiny")


def test_settings_come_from_the_environment():
    settings = read_settings({"HOME": "/home/a"})
    assert (settings.offline, settings.hub_cache, settings.endpoint) == (False, None, None)
    assert settings.cache.parts[-2:] == (".cache", "lightsaft-zoo")
    settings = read_settings(
        {
            "LIGHTSAFT_ZOO_CACHE": "/c",
            "HF_HUB_OFFLINE": "yes",
            "HF_HOME": "/h",
            "HF_ENDPOINT": "https://hub",
        }
    )
    assert (str(settings.cache), str(settings.hub_cache)) == ("/c", "/h/hub")
    assert (settings.offline, settings.endpoint) == (True, "https://hub")
    assert str(read_settings({"XDG_CACHE_HOME": "/x"}).cache) == "/x/lightsaft-zoo"
