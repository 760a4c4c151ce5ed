"""fetch, convert, push and list --weights as a person meets them."""

import hashlib
import json

import pytest
import torch
import yaml
from reference import Reference
from servers import hub_server

import zoo
from zoo.cli import main
from zoo.weights.manifests import get_manifest, weights_folder

TINY = "lightsaft_tfctdf_tiny"


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTSAFT_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture
def run(capsys):
    def call(*argv):
        status = main([str(argument) for argument in argv])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_fetch_prints_tag_and_path(run):
    status, out, _ = run("fetch", TINY, f"{TINY}.test")
    line = f"{TINY}.test\t{weights_folder() / 'lightsaft_tfctdf_tiny.test.safetensors'}"
    assert (status, out.splitlines()) == (0, [line, line])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("lightsaft_tfctdf_tiney", "did you mean 'lightsaft_tfctdf_tiny'"),
        (f"{TINY}.house2", "unknown weights tag of lightsaft_tfctdf_tiny 'house2'"),
        ("../x", "expected NAME or NAME.TAG"),
        ("cunet_tfc_film", "no weights are listed for 'cunet_tfc_film'"),
    ],
)
def test_fetch_fails_kindly(run, argument, message):
    status, _, err = run("fetch", argument)
    assert status == 1
    assert message in err


def test_fetch_offline_says_so(run, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    status, _, err = run("fetch", "lightsaft_tfctdf.mdx2021")
    assert status == 1
    assert "lightsaft_tfctdf.mdx2021: offline mode is on" in err


def test_list_and_info_name_the_tags(run):
    _, out, _ = run("list", "--weights", "--json")
    listed = {row["name"]: row["weights"] for row in json.loads(out)}
    assert listed[TINY] == ["test"]
    assert listed["lightsaft"] == ["mdx2021"]
    assert "cunet_tfc_film" not in listed
    assert "mdx2021" in zoo.model_info("lightsaft_tfctdf").metrics


def test_convert_a_published_checkpoint(run, tmp_path):
    reference = Reference.load("tfc_tdf_unet")
    torch.save({"state_dict": reference.state_dict()}, tmp_path / "vocals.ckpt")
    output = tmp_path / "vocals.safetensors"
    arguments = ("convert", tmp_path / "vocals.ckpt", "--spec", "tfc_tdf_unet", "-o", output)
    status, out, _ = run(*arguments, "--licence", "MIT", "--training-data", "songs", "--tag", "old")
    assert status == 0
    record = yaml.safe_load(out)["tags"]["old"]
    assert record == {
        "place": {"file": "vocals.safetensors"},
        "num_bytes": output.stat().st_size,
        "sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
        "licence": "MIT",
        "training_data": "songs",
    }
    model = zoo.build(str(output))
    expected = zoo.build("tfc_tdf_unet", weights=tmp_path / "vocals.ckpt")
    assert all(
        torch.equal(model.state_dict()[key], value) for key, value in expected.state_dict().items()
    )
    assert model.weights_entry.licence == "MIT"


def test_a_record_file_says_what_must_go_along(run, tmp_path):
    source = weights_folder() / get_manifest(TINY)["test"].place.file
    record = {
        "licence": "CC-BY-SA-3.0",
        "training_data": "house data",
        "credits": ["One", "Two"],
        "metrics": [
            {
                "protocol": "mdx",
                "dataset": "valid",
                "sdr": {"vocals": 1.0},
                "measured_by": "measured",
                "reference": "python -m zoo evaluate",
            }
        ],
    }
    (tmp_path / "record.yaml").write_text(yaml.safe_dump(record))
    output = tmp_path / "house.safetensors"
    arguments = ("convert", source, "-o", output, "--tag", "house")
    status, out, _ = run(*arguments, "--record", tmp_path / "record.yaml")
    assert status == 0
    written = yaml.safe_load(out)["tags"]["house"]
    assert {key: written[key] for key in record} == record
    assert zoo.build(output).weights_entry.credits == ("One", "Two")
    (tmp_path / "record.yaml").write_text("[]")
    status, _, err = run(*arguments, "--record", tmp_path / "record.yaml")
    assert status == 1
    assert "record.yaml: must be a mapping, got list" in err
    (tmp_path / "record.yaml").write_text("licence: MIT\nlicence: CC0-1.0\n")
    status, _, err = run(*arguments, "--record", tmp_path / "record.yaml")
    assert status == 1
    assert "record.yaml: not valid YAML: line 2: key 'licence' given twice" in err


def test_convert_recognises_a_file_of_a_manifest(run, tmp_path):
    entry = get_manifest(TINY)["test"]
    source = weights_folder() / entry.place.file
    status, out, _ = run("convert", source, "-o", tmp_path / "again.safetensors")
    assert status == 0
    record = yaml.safe_load(out)["tags"]["test"]
    assert record["credits"] == list(entry.credits)
    assert (tmp_path / "again.safetensors").read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("-o", "x.ckpt"), "expected a .safetensors file"),
        (("-o", "no/folder/x.safetensors"), "there is no folder"),
        (("-o", "OUT", "--licence", "MIT"), "give --training-data too"),
        (("-o", "OUT", "--licence", "x", "--training-data", "y", "--tag", "A"), "--tag: expected"),
    ],
)
def test_convert_fails_kindly(run, tmp_path, extra, message):
    torch.save(zoo.build(TINY).state_dict(), tmp_path / "bare.pt")
    extra = [str(tmp_path / "out.safetensors") if part == "OUT" else part for part in extra]
    status, _, err = run("convert", tmp_path / "bare.pt", "--spec", TINY, *extra)
    assert status == 1
    assert message in err
    assert not (tmp_path / "out.safetensors").exists()


def test_the_tensors_of_a_file_say_which_network_it_is_for(run, tmp_path):
    reference = Reference.load("lightsaft_tfctdf")
    torch.save({"state_dict": reference.state_dict()}, tmp_path / "epoch=1.ckpt")
    output = tmp_path / "out.safetensors"
    status, out, err = run("convert", tmp_path / "epoch=1.ckpt", "-o", output)
    assert status == 0
    assert out.startswith("# for zoo/weights/lightsaft_tfctdf.yaml\n")
    assert "note: epoch=1.ckpt was taken for weights of lightsaft_tfctdf, which separates" in err
    expected = zoo.build("lightsaft_tfctdf", weights=tmp_path / "epoch=1.ckpt").state_dict()
    converted = zoo.build(output)
    assert converted.spec == zoo.load_spec("lightsaft_tfctdf")
    assert all(torch.equal(value, expected[key]) for key, value in converted.state_dict().items())

    torch.save(zoo.build(TINY).state_dict(), tmp_path / "bare.pt")
    record = ("--licence", "MIT", "--training-data", "songs")
    status, _, _ = run("push", tmp_path / "bare.pt", "a/b", "--dry-run", tmp_path / "dry", *record)
    assert status == 0
    assert zoo.build(tmp_path / "dry").weights_entry.training_data == "songs"


def test_convert_needs_to_know_the_network(run, tmp_path):
    strange = zoo.build(TINY, overrides={"unet.width": 6}).state_dict()
    torch.save(strange, tmp_path / "bare.pt")
    output = tmp_path / "out.safetensors"
    for command in (
        ("convert", tmp_path / "bare.pt", "-o", output),
        ("push", tmp_path / "bare.pt", "a/b"),
    ):
        status, _, err = run(*command)
        assert status == 1
        assert f"The closest is {TINY}" in err
        assert "--spec NAME" in err
    assert not output.exists()


def test_half_precision_that_changes_the_sound_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.publishing.hub.MAX_STORAGE_ERROR", 1e-7)
    source = weights_folder() / get_manifest(TINY)["test"].place.file
    output = tmp_path / "half.safetensors"
    status, _, err = run("convert", source, "-o", output, "--dtype", "float16")
    assert status == 1
    assert "Store them as float32" in err
    assert not output.exists()


def test_push_and_dry_run(run, tmp_path, monkeypatch):
    status, out, _ = run("push", f"{TINY}.test", "user/tiny", "--dry-run", tmp_path / "dry")
    assert status == 0
    assert "nothing was pushed" in out
    assert "license: mit" in (tmp_path / "dry" / "README.md").read_text(encoding="utf-8")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with hub_server() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        status, out, _ = run("push", tmp_path / "dry", "user/tiny", "--notes", "Hello.")
        assert (status, out) == (0, f"pushed to {server.address}/user/tiny\n")
        assert b"Hello." in server.repositories["user/tiny"]["README.md"]


def test_push_without_a_record_is_refused(run, tmp_path):
    zoo.build(TINY).save_pretrained(tmp_path, picture=False)
    status, _, err = run("push", tmp_path / "model.safetensors", "user/tiny")
    assert status == 1
    assert "needs a licence" in err
