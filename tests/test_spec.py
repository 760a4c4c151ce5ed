"""Specs: what parses, what is refused, and how a refusal reads."""

import dataclasses

import pytest
import yaml

import zoo
from zoo.specs.loading import load_spec
from zoo.specs.parsing import MAX_BYTES, parse_spec, parse_spec_text
from zoo.specs.registry import PACKAGED, SpecRegistry

TINY = PACKAGED / "lightsaft_tfctdf_tiny.yaml"


@pytest.fixture
def tiny():
    return yaml.safe_load(TINY.read_text())


def edited(mapping, path, value):
    *parents, key = path.split(".")
    target = mapping
    for parent in parents:
        target = target[parent]
    if value is ...:
        del target[key]
    else:
        target[key] = value
    return mapping


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_spec_survives_the_way_through_plain_data(name):
    spec = zoo.load_spec(name)
    plain = yaml.safe_load(yaml.safe_dump(spec.to_dict()))
    assert parse_spec(plain) == dataclasses.replace(spec, file=None)
    assert spec.name == name


def test_specs_are_frozen_and_hashable():
    spec = zoo.load_spec(TINY)
    assert hash(spec) == hash(zoo.load_spec("lightsaft_tfctdf_tiny"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.channels = 1


def test_overrides_by_dotted_path_leave_the_source_alone(tiny):
    before = yaml.safe_dump(tiny)
    assert parse_spec(tiny, overrides={"unet.width": 6}).unet.width == 6
    assert yaml.safe_dump(tiny) == before
    spec = load_spec(zoo.load_spec(TINY), overrides={"unet.num_layers": 3})
    layers = {stage.local.options.num_layers for _, stage in spec.unet.stages()}
    assert layers == {3}


def test_a_stage_may_differ_from_the_options_beside_the_stages(tiny):
    tiny["unet"]["middle"]["num_layers"] = 4
    spec = parse_spec(tiny)
    assert spec.unet.middle.local.options.num_layers == 4
    assert spec.unet.encoder.local.options.num_layers == 2
    assert parse_spec(spec.to_dict()) == spec


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "unet.encoder.frequency",
            "lighsaft",
            r"unet\.encoder\.frequency: unknown frequency block 'lighsaft': did you mean 'light",
        ),
        ("unet.encoder.frequency", "gpocm", "unknown frequency block 'gpocm'"),
        ("unet.encoder.local", ..., r"unet\.encoder\.local: missing"),
        ("unet.encoder.local", ["tfc"], "unknown local block"),
        ("unet.encoder", "tfc", r"unet\.encoder: must be a mapping"),
        (
            "unet.activation",
            "rleu",
            r"unet\.activation: unknown activation 'rleu': did you mean 'relu'",
        ),
        ("unet.norm", "bn", r"unet\.norm: unknown normalisation 'bn'"),
        ("unet.widht", 4, r"unet\.widht: unknown key 'widht': did you mean 'width'"),
        ("unet.width", 10**6, r"unet\.width: must be between 1 and 1024, got 1000000"),
        ("unet.width", "16", r"unet\.width: must be an integer, got str '16'"),
        ("unet.width", True, r"unet\.width: must be an integer, got bool"),
        ("unet.width", 4.0, r"unet\.width: must be an integer, got float"),
        ("unet.width", ..., r"unet\.width: missing"),
        ("unet.depth", 40, r"unet\.depth: must be between 1 and 10, got 40"),
        ("unet.depth", 9, r"cannot be halved 9 times"),
        ("unet.kernel_size", [3, 2], "two odd integers"),
        ("unet.kernel_size", [3], "list of 2 values, got 1"),
        ("unet.kernel_size", 3, r"kernel_size: must be a list, got int"),
        ("unet.num_layers", 0, "num_layers must be a positive integer"),
        ("unet.num_layers", 33, "num_layers must be at most 32"),
        ("unet.key_dims", 4, r"unet\.key_dims: unknown key 'key_dims': did you mean 'key_dim'"),
        ("unet.middle.num_latent_sources", 4, r"unet\.middle\.num_latent_sources: unknown key"),
        ("unet", ..., r"^unet: missing"),
        ("stft", ..., r"^stft: missing"),
        ("stft.n_fft", 515, r"stft\.n_fft: must be even"),
        ("stft.hop_length", 512, r"stft\.hop_length: must be between 1 and 256"),
        ("chunk_frames", 63, r"chunk_frames: must be a multiple of 2\*\*depth = 4"),
        ("estimate", "guess", r"estimate: unknown value 'guess'"),
        ("condition", ..., r"condition: missing, but unet\.decoder"),
        ("condition.generator", "pershare", r"condition\.generator: unknown generator"),
        (
            "condition.dropout",
            float("nan"),
            r"condition\.dropout: must be a finite number, got nan",
        ),
        ("sources", [], r"sources: must have 1 to 32 items, got 0"),
        ("sources", ["vocals", "vocals"], "every source once"),
        ("sources", ["../etc"], r"sources\[0\]: must be 1 to 64 lower-case letters, digits"),
        ("sources", "vocals", r"sources: must be a list, got str"),
        ("sources", [1, 2], r"sources\[0\]: must be text"),
        ("name", "../../evil", "name: must be 1 to 64 lower-case"),
        ("title", "x" * 201, "title: must have 0 to 200 characters, got 201"),
        ("_target_", "os.system", "_target_: unknown key"),
        ("sample_rate", 0, r"sample_rate: must be between 8000"),
        ("channels", 99, r"channels: must be between 1 and 8"),
    ],
)
def test_faults_are_named_with_their_path(tiny, path, value, message):
    with pytest.raises(zoo.SpecError, match=message):
        parse_spec(edited(tiny, path, value))


def test_a_condition_that_nothing_uses_is_refused(tiny):
    tiny["unet"]["decoder"] = dict(tiny["unet"]["encoder"])
    for key in ("num_latent_sources", "key_dim"):
        del tiny["unet"][key]
    with pytest.raises(zoo.SpecError, match="no block of unet depends on it"):
        parse_spec(tiny)
    del tiny["condition"]
    with pytest.raises(zoo.SpecError, match="more than one, but no block"):
        parse_spec(tiny)
    tiny["sources"] = ["vocals"]
    assert parse_spec(tiny).condition is None


def test_the_message_names_the_file(tmp_path, tiny):
    file = tmp_path / "broken.yaml"
    file.write_text(yaml.safe_dump(edited(tiny, "unet.width", 0)))
    with pytest.raises(zoo.SpecError, match=rf"{file}: unet\.width: must be between"):
        zoo.build(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "must be a mapping, got list"),
        ("", "must be a mapping, got nothing"),
        ("just words", "must be a mapping, got str 'just words'"),
        ("name:\n\ttabs: 1\n", "not valid YAML .indent with spaces, not tabs."),
        ("a: &x [1]\nb: *x\n", "anchors and aliases"),
        ("a: 1\na: 2\n", "line 2: key 'a' given twice"),
        ("a: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
        ("[" * 1000 + "]" * 1000, "nested deeper than 12"),
        ("{a: " * 1000 + "1" + "}" * 1000, "nested deeper than 12"),
        ("- " * 1000 + "a", "nested deeper than 12"),
        ("name: " + "x" * MAX_BYTES, "larger than 65536 bytes"),
        ("a: [", "not valid YAML"),
        ("a: 2001-99-99", "not valid YAML: line 1: 2001-99-99 reads as a date"),
        ("\x00", "not valid YAML"),
        (b"\xff\xfe\xff", "not UTF-8 text"),
        ("? [1, 2]\n: 3\n", "line 1: a key must be text, not a list"),
        ("1: 2", "1: unknown key"),
    ],
)
def test_text_that_is_no_spec_is_refused(text, message):
    with pytest.raises(zoo.SpecError, match=message):
        parse_spec_text(text)


def test_a_ten_megabyte_file_is_refused_unread(tmp_path):
    file = tmp_path / "huge.yaml"
    with file.open("wb") as out:
        out.truncate(10 * 2**20)
    with pytest.raises(zoo.SpecError, match="larger than 65536 bytes"):
        zoo.build(file)


@pytest.mark.parametrize(
    "overrides",
    [
        {"unet.width": 1024, "unet.num_layers": 32},
        {"stft.n_fft": 32768, "stft.hop_length": 256, "unet.num_latent_sources": 10**6},
        {"chunk_frames": 8192, "unet.width": 512},
    ],
)
def test_networks_too_large_to_build_are_refused_before_they_are_built(overrides):
    with pytest.raises(zoo.SpecError, match="more than the limit"):
        zoo.build("lightsaft_tfctdf", overrides=overrides)


def test_registry_takes_files_and_folders_and_sees_new_files(tmp_path, tiny):
    registry = SpecRegistry(PACKAGED)
    registry.add(tmp_path)
    assert registry.names() == SpecRegistry(PACKAGED).names()
    tiny["name"] = "mine"
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tiny))
    assert "mine" in registry.names()
    assert registry["mine"].unet.width == 4


def test_registry_refuses_what_is_taken_or_misnamed(tmp_path, tiny):
    registry = SpecRegistry(PACKAGED)
    taken = tmp_path / "lightsaft_tfctdf_tiny.yaml"
    taken.write_text(yaml.safe_dump(tiny))
    with pytest.raises(ValueError, match="exists already"):
        registry.add(taken)
    misnamed = tmp_path / "other.yaml"
    misnamed.write_text(yaml.safe_dump(tiny))
    with pytest.raises(zoo.SpecError, match="a file is named as its spec"):
        registry.add(misnamed)
    with pytest.raises(FileNotFoundError):
        registry.add(tmp_path / "absent.yaml")
    assert registry.names() == SpecRegistry(PACKAGED).names()


def test_unknown_model_lists_the_closest():
    with pytest.raises(zoo.UnknownNameError, match="did you mean 'lightsaft_tfctdf"):
        zoo.build("lightsaft_tfctd")
    with pytest.raises(KeyError):
        zoo.build("nothing like it")
