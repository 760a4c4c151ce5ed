"""Manifests: every packaged one is sound; every way to write a bad one is named."""

import copy
import hashlib

import pytest
from make_tiny_weights import FILE
from make_tiny_weights import main as make_tiny_weights

import zoo
from zoo.errors import UnknownNameError, WeightsError
from zoo.weights.checkpoints import read_checkpoint
from zoo.weights.entries import HubFile, PackagedFile, RemoteFile, parse_entry, parse_manifest
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
        (
            "spec",
            "Small!",
            "spec: must be 1 to 64 lower-case letters, digits and underscores, got 'Small!'",
        ),
        ("spec", ..., "small.yaml: spec: missing"),
        ("surprise", 1, "surprise: unknown key 'surprise': did you mean 'spec'? "),
        ("default", [], "default: must have 1 to 64 items, got 0"),
        ("default", ["here", "here"], "default: must name every tag once, got ['here', 'here']"),
        (
            "default",
            ["nowhere"],
            "default[0]: unknown tag 'nowhere': did you mean 'here' or 'there'? ",
        ),
        ("default", "here", "default: must be a list, got str 'here'"),
        ("tags", {}, "tags: must have 1 to 64 items, got 0"),
        ("tags/default", GOOD["tags"]["here"], "tags.default: a tag cannot be named default"),
        ("tags/here", 3, "tags.here: must be a mapping, got int '3'"),
        ("tags/here/place", ..., "tags.here.place: missing"),
        (
            "tags/here/place",
            {"path": "x"},
            "tags.here.place: must have the keys ['file'] or ['url'] or ['repo_id', 'file'",
        ),
        (
            "tags/here/place/file",
            "../../etc/passwd",
            "tags.here.place.file: must be a plain file name, no path, got ",
        ),
        (
            "tags/here/place/file",
            "a/b",
            "tags.here.place.file: must be a plain file name, no path, got ",
        ),
        ("tags/here/sha256", ..., "a file needs a sha256"),
        (
            "tags/here/sha256",
            "xyz",
            "tags.here.sha256: must be 64 lower-case hex digits, got 'xyz'",
        ),
        ("tags/here/num_bytes", -1, "tags.here.num_bytes: must be above 0, got -1"),
        ("tags/here/num_bytes", True, "tags.here.num_bytes: must be an integer, got bool 'True'"),
        ("tags/here/licence", ..., "tags.here.licence: missing"),
        (
            "tags/here/notes",
            "x" * 5000,
            "tags.here.notes: must have at most 4000 characters, got 5000",
        ),
        ("tags/here/pitches", 2, "tags.here.pitches: must be one of 1, 3, 5, 7, got int '2'"),
        (
            "tags/here/pitches",
            True,
            "tags.here.pitches: must be one of 1, 3, 5, 7, got bool 'True'",
        ),
        ("tags/here/pitches", "3", "tags.here.pitches: must be one of 1, 3, 5, 7, got str '3'"),
        (
            "tags/here/credits",
            ["x" * 5000],
            "tags.here.credits[0]: must have at most 4000 characters",
        ),
        ("tags/here/credits", [1], "tags.here.credits[0]: must be text, got int '1'"),
        ("tags/here/author", "me", "tags.here.author: unknown key 'author'"),
        (
            "tags/here/metrics/0/protocol",
            "sdr",
            "tags.here.metrics[0].protocol: unknown protocol 'sdr': ",
        ),
        (
            "tags/here/metrics/0/measured_by",
            "me",
            "metrics[0].measured_by: unknown value 'me': did you mean 'measured'",
        ),
        (
            "tags/here/metrics/0/sdr",
            {"vocals": float("nan")},
            "sdr.vocals: must be a finite number, got nan",
        ),
        (
            "tags/here/metrics/0/sdr",
            {"vocals": "3"},
            "metrics[0].sdr.vocals: must be a number, got str '3'",
        ),
        (
            "tags/there/place/url",
            "http://example.org/x",
            "tags.there.place.url: must be an https address, got ",
        ),
        (
            "tags/there/place/url",
            "file:///etc/passwd",
            "tags.there.place.url: must be an https address, got ",
        ),
        (
            "tags/hub/place/repo_id",
            "user",
            "tags.hub.place.repo_id: must be a repository such as user/name, got ",
        ),
        (
            "tags/hub/place/repo_id",
            "../x",
            "tags.hub.place.repo_id: must be a repository such as user/name, got ",
        ),
        (
            "tags/hub/place/revision",
            "--x",
            "tags.hub.place.revision: must be a commit, tag or branch, got '--x'",
        ),
    ],
)
def test_what_is_wrong_is_named(path, value, message):
    with pytest.raises(WeightsError) as caught:
        parse_manifest(changed(path, value), origin="small.yaml")
    assert str(caught.value).startswith("small.yaml")
    assert message in str(caught.value)


def test_files_are_named_after_their_spec(tmp_path):
    (tmp_path / "other.yaml").write_text("spec: small\n")
    with pytest.raises(WeightsError, match=r"other\.yaml: default: missing"):
        read_manifest(tmp_path / "other.yaml")
    (tmp_path / "broken.yaml").write_text("spec: [\n")
    with pytest.raises(WeightsError, match=r"broken\.yaml: not valid YAML: line 2"):
        read_manifest(tmp_path / "broken.yaml")
    text = (weights_folder() / "lightsaft.yaml").read_text(encoding="utf-8")
    (tmp_path / "renamed.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsError, match="must be 'renamed' as the file is named"):
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
    assert entry.training == {"steps": 900, "hardware": "two cores"}
    assert entry.to_dict()["metrics"] == [MEASURED]
    assert entry_with(**entry.to_dict()) == entry


def test_the_older_name_of_a_protocol_is_read():
    entry = entry_with(metrics=[MEASURED | {"protocol": "museval"}])
    assert entry.metrics[0].protocol == "bsseval"
    bundled = read_checkpoint(weights_folder() / "lightsaft_tfctdf_small.house_1.safetensors").entry
    assert bundled is not None
    assert [metric.protocol for metric in bundled.metrics] == ["mdx", "bsseval", "mdx"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "intervals",
            {"vocals": [1.0]},
            r"metrics\[0\].intervals.vocals: must be a list of 2 values, got 1",
        ),
        (
            "intervals",
            {"vocals": [1.0, "x"]},
            r"intervals.vocals\[1\]: must be a number, got str 'x'",
        ),
        ("beside", {"silence": 0.0}, "beside.silence: must be a mapping, got float"),
        ("sdr", {"vocals": float("nan")}, "sdr.vocals: must be a finite number"),
    ],
)
def test_bad_results_are_named(key, value, message):
    with pytest.raises(WeightsError, match=message):
        entry_with(metrics=[{**MEASURED, key: value}])


def test_a_training_record_holds_texts_and_numbers():
    with pytest.raises(
        WeightsError, match=r"training\.steps: must be text or an integer or a number, got list"
    ):
        entry_with(training={"steps": [1]})
