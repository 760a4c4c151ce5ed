"""Manifests: every packaged one is sound; every way to write a bad one is named."""

import copy
import hashlib

import pytest
from make_tiny_weights import FILE
from make_tiny_weights import main as make_tiny_weights

import zoo
from zoo.errors import UnknownNameError, WeightsError
from zoo.weights.checkpoints import read_checkpoint
from zoo.weights.entries import HubFile, PackagedFile, RemoteFile
from zoo.weights.manifest_parsing import parse_entry, parse_manifest
from zoo.weights.manifests import (
    available_tags,
    get_manifest,
    load_manifests,
    read_manifest,
    specs_with_weights,
    weights_folder,
)

ENTRIES = [entry for manifest in load_manifests().values() for entry in manifest.entries.values()]

GOOD = {
    "spec": "small",
    "default": ["there", "here"],
    "tags": {
        "here": {
            "place": {"file": "small.here.safetensors"},
            "sha256": "0" * 64,
            "num_bytes": 10,
            "licence": "CC-BY-4.0",
            "training_data": "songs",
            "credits": ["A line"],
            "metrics": [
                {
                    "protocol": "mdx",
                    "dataset": "valid",
                    "sdr": {"vocals": 3.25, "mean": 3},
                    "measured_by": "measured",
                    "reference": "a command",
                }
            ],
            "notes": "A note.",
        },
        "there": {
            "place": {"url": "https://example.org/there.ckpt"},
            "git_blob_sha1": "1" * 40,
            "licence": "MIT",
            "training_data": "songs",
        },
        "hub": {
            "place": {"repo_id": "user/name", "file": "model.safetensors", "revision": "main"},
            "sha256": "2" * 64,
            "licence": "MIT",
            "training_data": "songs",
        },
    },
}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.reference)
def test_packaged_entries_belong_to_a_spec_and_say_what_must_go_along(entry):
    assert entry.spec in zoo.list_models()
    assert entry.licence
    assert entry.training_data
    assert entry.credits
    assert entry.sha256 or entry.git_blob_sha1
    for metric in entry.metrics:
        assert set(metric.sdr) <= {*zoo.load_spec(entry.spec).sources, "mean"}
        sources = [value for source, value in metric.sdr.items() if source != "mean"]
        if len(sources) == 4:
            assert metric.sdr["mean"] == pytest.approx(sum(sources) / 4, abs=0.006)


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if entry.is_packaged], ids=lambda entry: entry.reference
)
def test_packaged_files_are_the_promised_ones(entry):
    content = (weights_folder() / entry.place.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry.sha256
    assert len(content) == entry.num_bytes


def test_every_packaged_file_is_listed():
    listed = {entry.place.file for entry in ENTRIES if entry.is_packaged}
    assert {path.name for path in weights_folder().glob("*.safetensors")} == listed


@pytest.mark.parametrize(
    "entry",
    [entry for entry in ENTRIES if isinstance(entry.place, RemoteFile)],
    ids=lambda entry: entry.reference,
)
def test_remote_addresses_name_a_commit(entry):
    assert any(len(part) == 40 for part in entry.place.url.split("/"))


def test_published_results_are_those_of_the_paper():
    (metric,) = get_manifest("lightsaft_tfctdf")["mdx2021"].metrics
    assert metric.protocol == "mdx"
    assert dict(metric.sdr) == {
        "vocals": 7.275,
        "drums": 5.935,
        "bass": 5.823,
        "other": 4.557,
        "mean": 5.897,
    }


def test_a_good_manifest_parses():
    manifest = parse_manifest(GOOD, origin="small.yaml")
    assert manifest.default == ("there", "here")
    assert manifest["here"].place == PackagedFile(file="small.here.safetensors")
    assert manifest["here"].is_packaged
    assert manifest["here"].reference == "small.here"
    assert manifest["here"].metrics[0].sdr == {"vocals": 3.25, "mean": 3.0}
    assert manifest["there"].place == RemoteFile(url="https://example.org/there.ckpt")
    assert manifest["hub"].place == HubFile(
        repo_id="user/name", file="model.safetensors", revision="main"
    )
    with pytest.raises(UnknownNameError, match="did you mean 'there'"):
        manifest["ther"]


def test_an_entry_survives_the_round_trip_without_its_place():
    entry = parse_manifest(GOOD, origin="small.yaml")["here"]
    again = parse_entry(entry.to_dict(), spec="small", tag="here", origin="file")
    assert again.to_dict() == entry.to_dict()
    assert again.place is None
    assert again.metrics == entry.metrics


def changed(path: str, value: object) -> dict:
    """A copy of GOOD with one value replaced, or taken out if the value is ``...``."""
    plain = copy.deepcopy(GOOD)
    *parents, key = path.split("/")
    target = plain
    for parent in parents:
        target = target[int(parent) if isinstance(target, list) else parent]
    if value is ...:
        del target[key]
    else:
        target[key] = value
    return plain


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("spec", "Small!", "spec: expected a text like"),
        ("spec", ..., "spec: expected a text"),
        ("surprise", 1, "unknown keys: 'surprise'"),
        ("default", [], "default: expected the tags to try"),
        ("default", ["here", "here"], "default: expected the tags to try"),
        ("default", ["nowhere"], "default: expected tags of this file: here, there, hub"),
        ("default", "here", "default: expected a list"),
        ("tags", {}, "tags: expected a mapping"),
        ("tags/default", GOOD["tags"]["here"], "'default' is reserved"),
        ("tags/here", 3, "tags.here: expected a mapping, got int"),
        ("tags/here/place", ..., "tags.here: expected a place"),
        ("tags/here/place", {"path": "x"}, "tags.here.place: expected 'file', 'url'"),
        ("tags/here/place/file", "../../etc/passwd", "file: expected a text like"),
        ("tags/here/place/file", "a/b", "file: expected a text like"),
        ("tags/here/sha256", ..., "a file needs a sha256"),
        ("tags/here/sha256", "xyz", "sha256: expected a text like"),
        ("tags/here/num_bytes", -1, "num_bytes: expected a positive number"),
        ("tags/here/num_bytes", True, "num_bytes: expected a positive number"),
        ("tags/here/licence", ..., "licence: expected a text"),
        ("tags/here/notes", "x" * 5000, "notes: expected a text of 1 to 4000"),
        ("tags/here/pitches", 2, "pitches: expected one of 1, 3, 5, 7, got '2'"),
        ("tags/here/pitches", True, "pitches: expected one of 1, 3, 5, 7, got 'True'"),
        ("tags/here/pitches", "3", "pitches: expected one of 1, 3, 5, 7, got '3'"),
        ("tags/here/credits", ["x" * 5000], "credits.0: expected a text"),
        ("tags/here/credits", [1], "credits.0: expected a text"),
        ("tags/here/author", "me", "tags.here: unknown keys: 'author'"),
        (
            "tags/here/metrics/0/protocol",
            "sdr",
            "protocol: expected one of bsseval, mdx, si, got 'sdr'",
        ),
        ("tags/here/metrics/0/measured_by", "me", "measured_by: expected one of"),
        ("tags/here/metrics/0/sdr", {"vocals": float("nan")}, "sdr.vocals: expected a source"),
        ("tags/here/metrics/0/sdr", {"vocals": "3"}, "sdr.vocals: expected a source"),
        ("tags/there/place/url", "http://example.org/x", "url: expected an https address"),
        ("tags/there/place/url", "file:///etc/passwd", "url: expected an https address"),
        ("tags/hub/place/repo_id", "user", "repo_id: expected a text like"),
        ("tags/hub/place/repo_id", "../x", "repo_id: expected a text like"),
        ("tags/hub/place/revision", "--x", "revision: expected a text like"),
    ],
)
def test_what_is_wrong_is_named(path, value, message):
    with pytest.raises(WeightsError) as caught:
        parse_manifest(changed(path, value), origin="small.yaml")
    assert str(caught.value).startswith("small.yaml")
    assert message in str(caught.value)


def test_files_are_named_after_their_spec(tmp_path):
    (tmp_path / "other.yaml").write_text("spec: small\n")
    with pytest.raises(WeightsError, match=r"other\.yaml: tags: expected"):
        read_manifest(tmp_path / "other.yaml")
    (tmp_path / "broken.yaml").write_text("spec: [\n")
    with pytest.raises(WeightsError, match=r"broken\.yaml: not YAML"):
        read_manifest(tmp_path / "broken.yaml")
    text = (weights_folder() / "lightsaft.yaml").read_text(encoding="utf-8")
    (tmp_path / "renamed.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsError, match="expected 'renamed' as the file is named"):
        read_manifest(tmp_path / "renamed.yaml")


def test_tags_and_specs_are_listed():
    assert available_tags("lightsaft_tfctdf")[0] == "mdx2021"
    assert available_tags("no_such_spec") == ()
    assert "lightsaft" in specs_with_weights()
    assert get_manifest("no_such_spec") is None


def test_the_tiny_weights_are_made_by_their_script(tmp_path, capsys):
    make_tiny_weights(tmp_path)
    entry = get_manifest("lightsaft_tfctdf_tiny")["test"]
    assert f"num_bytes: {entry.num_bytes}\nsha256: {entry.sha256}\n" == capsys.readouterr().out
    stored = read_checkpoint(tmp_path / FILE)
    assert stored.spec.to_dict() == zoo.load_spec("lightsaft_tfctdf_tiny").to_dict()
    assert stored.entry.to_dict() == entry.to_dict()


MEASURED = {
    "protocol": "mdx",
    "dataset": "four songs",
    "sdr": {"vocals": 3.25, "mean": 3.0},
    "measured_by": "measured",
    "reference": "python -m zoo evaluate",
    "intervals": {"vocals": [2.5, 4.0]},
    "beside": {"silence": {"vocals": 0.0}, "oracle ratio mask": {"vocals": 9.0}},
}


def entry_with(**changes):
    plain = {"licence": "MIT", "training_data": "songs", **changes}
    return parse_entry(plain, spec="small", tag="here", origin="small.yaml")


def test_intervals_references_and_training_survive_the_way_through_plain_data():
    entry = entry_with(metrics=[MEASURED], training={"steps": 900, "hardware": "two cores"})
    assert entry.metrics[0].intervals == {"vocals": (2.5, 4.0)}
    assert entry.metrics[0].beside["oracle ratio mask"] == {"vocals": 9.0}
    assert entry.training == {"steps": "900", "hardware": "two cores"}
    assert entry.to_dict()["metrics"] == [MEASURED]
    assert entry_with(**entry.to_dict()) == entry


def test_the_older_name_of_a_protocol_is_read():
    entry = entry_with(metrics=[MEASURED | {"protocol": "museval"}])
    assert entry.metrics[0].protocol == "bsseval"
    bundled = read_checkpoint(weights_folder() / "lightsaft_tfctdf_small.house.safetensors").entry
    assert bundled is not None
    assert [metric.protocol for metric in bundled.metrics] == ["mdx", "bsseval", "mdx"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("intervals", {"vocals": [1.0]}, "intervals.vocals: expected a list of two"),
        ("intervals", {"vocals": [1.0, "x"]}, "intervals.vocals.high: expected"),
        ("beside", {"silence": 0.0}, "beside.silence: expected a mapping"),
        ("sdr", {"vocals": float("nan")}, "sdr.vocals: expected a source name and a finite"),
    ],
)
def test_bad_results_are_named(key, value, message):
    with pytest.raises(WeightsError, match=message):
        entry_with(metrics=[{**MEASURED, key: value}])


def test_a_training_record_holds_texts_and_numbers():
    with pytest.raises(WeightsError, match=r"training\.steps: expected a text or a number"):
        entry_with(training={"steps": [1]})
