"""New sources for a trained network: what stays, what is learnt, what is refused."""

import numpy as np
import pytest
import soundfile
import torch
import yaml
from accelerate.state import AcceleratorState

import zoo
from tests.training_data import RATE, SPEC, make_config, make_tracks
from zoo.cli import main
from zoo.data.decoded import decode_tracks
from zoo.data.parts import add_parts
from zoo.data.tracks import find_tracks
from zoo.errors import ExamplesError, SpecError, UnknownNameError, WeightsError
from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.extending.examples import gather_examples, read_tracks
from zoo.extending.mixtures import hold_out_background, mix_held_out
from zoo.networks.builder import build_network, load_into
from zoo.networks.extending import add_source, extend_spec
from zoo.specs.loading import load_spec
from zoo.training.errors import TrainingError
from zoo.training.learning import fold, prepare_learning
from zoo.training.session import DataFolders, start_run
from zoo.weights.entries import WeightsEntry

QUICK = {
    "schedule": {"name": "constant", "total_steps": 4},
    "validate_every": 2,
    "log_every": 1,
    "mixtures": 2,
}


@pytest.fixture(autouse=True, scope="module")
def _fresh_accelerator():
    """Let this module choose its precision; accelerate keeps the first choice of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    return make_tracks(tmp_path_factory.mktemp("band"), names=("one", "two", "three"), seconds=3)


@pytest.fixture(scope="module")
def base(band, tmp_path_factory):
    """A network that has learnt the generated sources a little."""
    folder = tmp_path_factory.mktemp("base")
    trainer = start_run(
        zoo.parse_spec(SPEC),
        make_config(schedule={"name": "constant", "total_steps": 150}, log_every=50),
        folders=DataFolders(train=band, cache=folder / "cache"),
        output=folder / "run",
        device="cpu",
    )
    trainer.run()
    network = zoo.build(folder / "run" / "last.safetensors")
    network.weights_entry = WeightsEntry(
        spec="generated", tag="mine", licence="CC-BY-4.0", training_data="tones", credits=("Me",)
    )
    return network


def write_examples(folder, *, count=4, seconds=5.0, seed=0):
    """Write chirps, a sound that no other source of the generated tracks makes."""
    folder.mkdir(parents=True, exist_ok=True)
    times = np.arange(int(seconds * RATE)) / RATE
    for number in range(count):
        pitch = 500 * (1 + (seed + number) / 7)
        wave = 0.2 * np.sin(2 * np.pi * pitch * times * (1 + 0.3 * times))
        soundfile.write(folder / f"{number}.wav", np.stack([wave, wave], 1), RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return write_examples(tmp_path_factory.mktemp("chirps"))


def mixture(seconds=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, 2, int(seconds * RATE), generator=generator)


@torch.no_grad()
def outputs(network, sources=None):
    return network(mixture(), sources=sources)


def test_another_source_leaves_the_others_as_they_are_to_the_last_bit(base):
    extended = add_source(base, "chirp")
    assert extended.sources == (*base.sources, "chirp")
    assert dict(extended.spec.part_of) == {"chirp": "other"}
    assert torch.equal(outputs(extended, base.sources), outputs(base))
    alone, whole = outputs(extended, ["chirp"]), outputs(extended, ["other"])
    assert torch.equal(alone, whole)  # it begins as the source that holds it
    (vector,) = (torch.full((8,), 0.3),)
    other = add_source(base, "chirp", vectors=[vector])
    assert torch.equal(other.embedding.weight[-1], vector)
    assert not torch.equal(outputs(other, ["chirp"]), whole)


def test_a_low_band_gets_a_row_too():
    network = zoo.build("lightsaft_tfctdf_small", weights="random")
    extended = add_source(network, "guitar")
    assert [part.embedding.weight.shape[0] for part in extended.parts] == [5, 5]


@pytest.mark.parametrize(
    ("name", "part_of", "error", "message"),
    [
        ("drums", None, ValueError, "has a source 'drums' already"),
        ("Electric Guitar", None, SpecError, "1 to 64 lower-case letters"),
        ("../guitar", None, SpecError, "1 to 64 lower-case letters"),
        ("", None, SpecError, "1 to 64 lower-case letters"),
        ("guitar", "others", UnknownNameError, "did you mean 'other'"),
    ],
)
def test_a_name_that_will_not_do_is_refused(base, name, part_of, error, message):
    with pytest.raises(error, match=message):
        extend_spec(base.spec, name, part_of=part_of)


def test_a_network_that_cannot_be_asked_or_has_no_other_says_so(base):
    single = zoo.build("tfc_tdf_unet", weights="random")
    with pytest.raises(ValueError, match="no condition"):
        add_source(single, "guitar")
    spec = zoo.parse_spec({**SPEC, "sources": ["left", "right"]})
    with pytest.raises(ValueError, match=r"no source 'other'.*left, right"):
        extend_spec(spec, "guitar")
    assert extend_spec(spec, "guitar", part_of="left").part_of == {"guitar": "left"}


def test_a_part_is_in_the_spec_and_nowhere_else():
    spec = extend_spec(zoo.parse_spec(SPEC), "chirp")
    assert load_spec(yaml.safe_load(yaml.safe_dump(spec.to_dict()))) == spec
    assert "part_of" not in zoo.parse_spec(SPEC).to_dict()
    assert spec.whole_sources == tuple(SPEC["sources"])
    for part_of, message in (
        ({"chirp": "othr"}, "did you mean 'other'"),
        ({"chirp": "chirp"}, "chirp is a part itself"),
        ({"violin": "other"}, "unknown source 'violin'"),
    ):
        with pytest.raises(SpecError, match=message):
            zoo.parse_spec({**spec.to_dict(), "part_of": part_of})


def test_parts_are_added_to_the_sources_that_hold_them():
    targets = np.arange(8.0).reshape(4, 2)
    names = ("drums", "other", "guitar", "piano")
    held = add_parts(targets, sources=names, part_of={"guitar": "other", "piano": "other"})
    np.testing.assert_array_equal(held[1], targets[1] + targets[2] + targets[3])
    np.testing.assert_array_equal(np.delete(held, 1, 0), np.delete(targets, 1, 0))
    assert add_parts(targets, sources=names, part_of={"guitar": "vocals"}) is targets
    same = add_parts(torch.tensor(targets), sources=names, part_of={"guitar": "other"})
    torch.testing.assert_close(same[1], torch.tensor(targets[1] + targets[2]))


@pytest.mark.parametrize(
    "name", ["lightsaft_tfctdf_tiny", "lightsaft_tfctdf_small", "lasaft_v2_light", "lightsaft"]
)
def test_a_low_rank_update_leaves_the_old_conditions_alone_and_folds(name):
    torch.manual_seed(1)
    network = add_source(zoo.build(name, weights="random"), "guitar")
    sound = 0.1 * torch.randn(1, 2, 20_000)
    with torch.no_grad():
        before = network(sound)
        prepare_learning(network, "low_rank", kept=range(4))
        for key, parameter in network.named_parameters():
            if parameter.requires_grad and "update" in key:
                parameter.normal_(std=0.5)
        for part in network.parts:
            part.embedding.weight[4] += torch.randn_like(part.embedding.weight[4])
        after = network(sound)
        folded = load_into(build_network(network.spec), fold(network, network.state_dict()))
        again = folded(sound)
        torch.testing.assert_close(network(sound), after)  # it can go on learning
    scale = before.square().mean().sqrt()
    assert (after - before)[:, :4].square().mean().sqrt() < 1e-5 * scale
    assert (after - before)[:, 4].square().mean().sqrt() > 0.05 * scale
    torch.testing.assert_close(again, after, atol=float(1e-4 * scale), rtol=0)


@pytest.mark.parametrize(
    ("method", "learnt"),
    [("row", {"embedding"}), ("decoder", {"embedding", "decoder", "exit"})],
)
def test_a_method_lets_nothing_else_learn(base, method, learnt):
    network = add_source(base, "chirp")
    prepare_learning(network, method, kept=range(4))
    found = {
        key.removeprefix("unet.").partition(".")[0]
        for key, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    assert found == learnt


@pytest.fixture(scope="module")
def extended(base, examples, band, tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "chirp"
    changes = {
        **QUICK,
        "schedule": {"name": "constant", "total_steps": 40},
        "validate_every": 20,
        "mixtures": 4,
    }
    network = zoo.extend(
        base,
        "chirp",
        examples,
        background=band,
        output=folder,
        changes=changes,
        licence="CC0-1.0",
        training_data="chirps",
        credits=["A chirper"],
    )
    return network, folder


def test_a_whole_is_scored_and_learnt_with_its_parts(base, examples, band, extended, tmp_path):
    for source in base.sources:
        sound, _ = soundfile.read(band / "one" / f"{source}.wav", dtype="float32", always_2d=True)
        soundfile.write(tmp_path / f"{source}.wav", sound, RATE, subtype="FLOAT")
    chirps, _ = soundfile.read(examples / "0.wav", dtype="float32", always_2d=True)
    soundfile.write(tmp_path / "chirp.wav", chirps[: len(sound)], RATE, subtype="FLOAT")
    spec = extended[0].spec
    (track,) = find_evaluation_tracks(tmp_path, sources=spec.sources, part_of=spec.part_of)
    audio = track.load()
    rest, _ = soundfile.read(tmp_path / "other.wav", dtype="float32", always_2d=True)
    np.testing.assert_allclose(audio.targets["other"], (rest + chirps[: len(rest)]).T, atol=1e-6)
    wholes = sum(audio.targets[name] for name in spec.whole_sources)
    np.testing.assert_allclose(wholes, audio.mixture, atol=1e-6)
    (plain,) = find_evaluation_tracks(tmp_path, sources=spec.sources)
    assert plain.fingerprint() != track.fingerprint()
    (old,) = find_evaluation_tracks(band / "one", sources=spec.sources, part_of=spec.part_of)
    assert old.sources == base.sources  # nobody has the part apart there


def test_learning_a_row_gains_and_keeps_the_rest_to_the_last_bit(base, extended):
    network, folder = extended
    assert torch.equal(outputs(network, base.sources), outputs(base))
    state = network.state_dict()
    row = state["embedding.weight"]
    assert torch.equal(row[:4], base.embedding.weight)
    rest = base.state_dict().keys() - {"embedding.weight"}
    assert all(torch.equal(state[key], base.state_dict()[key]) for key in rest)
    metric = network.weights_entry.metrics[0]
    before = metric.beside["before, chirp taken from other"]["chirp"]
    assert metric.sdr["chirp"] > before + 0.5
    again = zoo.build(folder)
    assert torch.equal(outputs(again), outputs(network))
    assert not (folder / "checkpoints").exists()


def test_what_goes_along_names_base_data_licences_and_credits(extended):
    entry = extended[0].weights_entry
    assert entry.licence == "CC-BY-4.0 AND CC0-1.0"
    assert entry.credits == ("Me", "A chirper")
    assert "minutes of chirp: chirps" in entry.training_data
    assert "generated.mine" in entry.training_data
    assert entry.training["method"] == "row"
    assert "to the last bit" in entry.notes
    assert zoo.build(extended[1]).weights_entry == entry
    card = (extended[1] / "README.md").read_text()
    assert "chirp" in card


def test_old_stems_stay_and_parts_count_in_no_sum(base, extended):
    song = (mixture(3.0).numpy()[0], RATE)
    old = zoo.Separator(base, device="cpu", backend="torch")(song)
    new = zoo.Separator(extended[0], device="cpu", backend="torch")
    everything = new(song)
    assert everything.parts == ("chirp",)
    for name, stem in old.stems.items():
        np.testing.assert_array_equal(everything.stems[name], stem)
    assert np.abs(everything.residual).max() < 1e-6
    np.testing.assert_allclose(everything.mixture, song[0], atol=1e-6)
    np.testing.assert_allclose(
        everything.everything_but("chirp"), song[0] - everything.stems["chirp"], atol=1e-6
    )
    pair = new(song, sources=["vocals", "chirp"])
    assert pair.parts == ()
    total = pair.residual + pair.stems["vocals"] + pair.stems["chirp"]
    np.testing.assert_allclose(total, song[0], atol=1e-6)
    two = new(song, two_stems="chirp")
    np.testing.assert_allclose(two.stems["chirp"] + two.stems["no_chirp"], song[0], atol=1e-6)


def test_a_stopped_run_goes_on_and_another_one_is_refused(base, examples, band, tmp_path):
    steps = iter(range(100))
    given = {
        "background": band,
        "output": tmp_path / "new",
        "changes": {**QUICK, "checkpoint_minutes": 0.0},
    }
    with pytest.raises(TrainingError, match="stopped after step 2; the same command goes on"):
        zoo.extend(base, "chirp", examples, should_stop=lambda: next(steps) >= 1, **given)
    with pytest.raises(TrainingError, match="holds another run"):
        zoo.extend(base, "chirp", examples, method="decoder", **given)
    resumed = zoo.extend(base, "chirp", examples, **given)
    straight = zoo.extend(base, "chirp", examples, **{**given, "output": None})
    assert torch.equal(outputs(resumed), outputs(straight))
    with pytest.raises(TrainingError, match="holds a finished network"):
        zoo.extend(base, "chirp", examples, **given)


@pytest.mark.parametrize("method", ["low_rank", "decoder"])
def test_what_else_learns_is_in_the_file_and_its_cost_is_said(base, examples, band, method):
    network = zoo.extend(base, "chirp", examples, background=band, method=method, changes=QUICK)
    assert network.state_dict().keys() == base.state_dict().keys()
    assert "lost" in network.weights_entry.notes
    old, new = outputs(base), outputs(network, base.sources)
    close = (new - old).abs().max() < 1e-4 * old.abs().max()
    assert close == (method == "low_rank")


def test_examples_come_as_a_folder_of_any_files_as_tracks_or_one_by_one(base, examples, band):
    known = [*base.sources, "chirp"]
    loose = read_tracks(examples, known=known, loose="chirp")
    assert [list(track.files) for track in loose] == [["chirp"]] * 4
    files = sorted(examples.iterdir())
    assert [t.files for t in read_tracks(files, known=known, loose="chirp")] == [
        t.files for t in loose
    ]
    assert read_tracks(loose, known=known, loose="chirp") == loose
    assert read_tracks(files[0], known=known, loose="chirp") == loose[:1]
    tracks = read_tracks(band, known=known, loose="chirp")
    assert set(tracks[0].files) == set(base.sources)


def gather(tmp_path, tracks, valid=()):
    return gather_examples(
        "chirp",
        tracks=tracks,
        background=(),
        valid=valid,
        cache=tmp_path / "cache",
        sample_rate=RATE,
    )


def as_tracks(folder):
    return read_tracks(folder, known=["chirp"], loose="chirp")


def test_examples_that_teach_nothing_are_refused(tmp_path, examples, band):
    silent = tmp_path / "silent"
    silent.mkdir()
    soundfile.write(silent / "a.wav", np.zeros((20 * RATE, 2)), RATE)
    with pytest.raises(ExamplesError, match=r"'chirp' is silent in a\.wav"):
        gather(tmp_path, as_tracks(silent))
    short = write_examples(tmp_path / "short", count=1, seconds=1.0)
    with pytest.raises(ExamplesError, match=r"sound for 1\.0 s in all; at least 10 s"):
        gather(tmp_path, as_tracks(short))
    same = write_examples(tmp_path / "same", count=1, seconds=12.0)
    for number in (1, 2):
        (same / f"copy{number}.wav").write_bytes((same / "0.wav").read_bytes())
    with pytest.raises(ExamplesError, match="all 3 examples of 'chirp' are the same recording"):
        gather(tmp_path, as_tracks(same))
    with pytest.raises(ValueError, match="validation must be on other tracks"):
        gather(tmp_path, as_tracks(examples), valid=as_tracks(examples)[:1])
    with pytest.raises(ExamplesError, match="no track has a file for 'chirp'"):
        gather(tmp_path, find_tracks(band, sources=["drums"]))


def test_a_fifth_is_held_out_and_never_learnt_from(tmp_path, examples):
    many = write_examples(tmp_path / "many", count=10, seconds=2.0)
    found = gather(tmp_path, as_tracks(many))
    names = [{track.name for track in tracks} for tracks in (found.train, found.valid)]
    assert (len(names[0]), len(names[1])) == (8, 2)
    assert not names[0] & names[1]
    one = write_examples(tmp_path / "one", count=1, seconds=20.0)
    single = gather(tmp_path, as_tracks(one))
    (train,), (valid,) = single.train, single.valid
    assert (train.num_samples, valid.num_samples) == (16 * RATE, 4 * RATE)
    whole, _ = soundfile.read(one / "0.wav", dtype="float32", always_2d=True)
    heard = valid.files["chirp"].read(0, 4 * RATE)
    np.testing.assert_allclose(heard, whole[16 * RATE :].T, atol=1e-4)
    assert valid.files["chirp"].active_seconds == pytest.approx(4.0, abs=0.11)


def test_held_out_mixtures_are_over_tracks_that_are_not_learnt_from(tmp_path, examples, band):
    valid = decode_tracks(as_tracks(examples), cache_directory=tmp_path, sample_rate=RATE)
    tracks = decode_tracks(
        find_tracks(band, sources=["vocals", "drums", "bass", "other"]),
        cache_directory=tmp_path,
        sample_rate=RATE,
    )
    left, held_out = hold_out_background(tracks, 4)
    assert [len(left), len(held_out)] == [2, 1]
    mixed = mix_held_out("chirp", valid, held_out)
    assert len(mixed) == 4
    assert set(mixed[0].files) == {"chirp", "vocals", "drums", "bass", "other"}
    power = [each.active_level**2 for each in held_out[0].files.values()]
    level = np.sqrt(np.mean(mixed[0].read(["chirp"], 0, RATE)[0] ** 2))
    assert level == pytest.approx(np.sqrt(np.mean(power)), rel=0.1)


def test_a_licence_without_derivatives_is_refused(base, examples, band):
    closed = add_source(base, "noise", part_of="drums")  # any network of its own
    closed.weights_entry = WeightsEntry(
        spec=closed.spec.name, tag="closed", licence="CC-BY-ND-4.0", training_data="tones"
    )
    with pytest.raises(WeightsError, match=r"CC-BY-ND-4\.0, which forbids"):
        zoo.extend(closed, "chirp", examples, background=band, changes=QUICK)


def test_the_result_may_be_one_file(base, examples, band, tmp_path):
    path = tmp_path / "chirp.safetensors"
    given = {"background": band, "output": path, "changes": QUICK}
    network = zoo.extend(base, "chirp", examples, **given)
    assert list(tmp_path.iterdir()) == [path]
    again = zoo.build(path)
    assert torch.equal(outputs(again), outputs(network))
    assert again.weights_entry == network.weights_entry
    with pytest.raises(TrainingError, match="holds a finished network"):
        zoo.extend(base, "chirp", examples, **given)


def test_an_unknown_method_names_the_closest(base, examples, band):
    with pytest.raises(UnknownNameError, match="did you mean 'row'"):
        zoo.extend(base, "chirp", examples, background=band, method="rwo")


def test_without_any_background_the_demo_song_is_one(examples):
    tiny = zoo.build("lightsaft_tfctdf_tiny", weights="random")
    network = zoo.extend(tiny, "chirp", examples, changes={**QUICK, "validate_seconds": 1.0})
    assert network.sources[-1] == "chirp"


def chirp(seconds=8.0, pitch=700.0):
    times = np.arange(int(seconds * RATE)) / RATE
    wave = 0.2 * np.sin(2 * np.pi * pitch * times * (1 + 0.2 * times / seconds))
    return np.stack([wave, wave]).astype(np.float32)


@pytest.fixture(scope="module")
def found(base, band):
    drums, _ = soundfile.read(band / "one" / "drums.wav", dtype="float32", always_2d=True)
    return zoo.find_condition(
        base, (chirp(), RATE), [(drums.T, RATE)], source="chirp", steps=40, seed=1
    )


def test_a_condition_is_found_that_does_better_than_any_source(base, found):
    assert found.sdr["found"] > found.sdr["nearest"] + 0.2
    assert (found.source, found.part_of, found.spec) == ("chirp", "other", "generated")
    assert [len(vector) for vector in found.vectors] == [8]
    assert found.weights is None
    state = {key: tensor.clone() for key, tensor in base.state_dict().items()}
    assert all(torch.equal(base.state_dict()[key], tensor) for key, tensor in state.items())


def test_a_mixture_of_sources_is_sought_between_nothing_and_all(base, band):
    given = {"source": "chirp", "kind": "weights", "steps": 20}
    condition = zoo.find_condition(base, (chirp(), RATE), **given)
    assert condition.weights.keys() == set(base.sources)
    assert all(0 <= weight <= 1 for weight in condition.weights.values())
    weights = torch.tensor([[list(condition.weights.values())]])
    with torch.no_grad():
        blend = base(mixture(), condition=weights)
        named = condition.apply(base)(mixture(), sources=["chirp"])
    torch.testing.assert_close(named, blend)


def test_a_condition_goes_to_a_file_and_into_a_separator(base, found, tmp_path):
    path = found.save(tmp_path / "chirp.json")
    song = (mixture(3.0).numpy()[0], RATE)
    separator = zoo.Separator(base, condition=path, device="cpu", backend="torch")
    result = separator(song)
    assert list(result.stems) == ["chirp"]
    np.testing.assert_allclose(result.mixture, song[0], atol=1e-6)
    everything = separator(song, sources=separator.sources)
    assert everything.parts == ("chirp",)
    plain = zoo.Separator(base, device="cpu", backend="torch")
    np.testing.assert_array_equal(everything.stems["drums"], plain(song).stems["drums"])
    assert separator.identity != plain.identity
    again = zoo.Separator(base, condition=found, device="cpu", backend="torch")
    assert again.identity == separator.identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": [[0.0] * 7]}, "has 8 numbers, got"),
        ({"vectors": [[float("nan")] * 8]}, "must be a finite number"),
        ({"vectors": []}, "vectors"),
        ({"source": "../x"}, "source: must be 1 to 64 lower-case letters"),
        ({"source": "drums"}, "has a source 'drums' already"),
        ({"part_of": "violin"}, "unknown source"),
        ({"weights_sha256": "0" * 64}, "found for other weights than these"),
        ({"vektors": []}, "did you mean 'vectors'"),
    ],
)
def test_a_condition_that_will_not_do_is_refused(base, found, change, message):
    plain = {key: getattr(found, key) for key in found.__dataclass_fields__ if key != "weights"}
    with pytest.raises((WeightsError, ValueError, UnknownNameError), match=message):
        zoo.Separator(base, condition={**plain, "vectors": [*map(list, found.vectors)], **change})


def test_sounds_that_say_nothing_are_refused(base):
    with pytest.raises(ExamplesError, match="keep: the examples are silent"):
        zoo.find_condition(base, (np.zeros((2, 2 * RATE)), RATE))
    with pytest.raises(ExamplesError, match=r"keep: 0\.50 s of examples; at least 1 s"):
        zoo.find_condition(base, (chirp(0.5), RATE))
    with pytest.raises(ExamplesError, match="remove: the examples are silent"):
        zoo.find_condition(base, (chirp(), RATE), (np.zeros((2, 2 * RATE)), RATE))
    with pytest.raises(ExamplesError, match="keep: no example"):
        zoo.find_condition(base, [])


def test_examples_may_have_any_rate_and_channels(base):
    mono = (chirp()[:1], 2 * RATE)
    assert zoo.find_condition(base, mono, steps=1).source == "target"


def test_the_command_learns_a_source_and_separates_it(base, examples, band, tmp_path, capsys):
    weights, song = tmp_path / "base", tmp_path / "song.wav"
    zoo.save_pretrained(base, weights, picture=False)
    soundfile.write(song, mixture(2.0).numpy()[0].T, RATE, subtype="FLOAT")
    new = tmp_path / "new"
    changes = [f"--set={key}={value}" for key, value in QUICK.items() if key != "schedule"]
    command = ["extend", "--weights", str(weights), "--add", "chirp", "-o", str(new)]
    learning = ["--data", str(examples), "--background", str(band), "--licence", "CC0-1.0"]
    changes.append("--set=schedule.total_steps=4")
    assert main([*command, *learning, *changes]) == 0
    printed = capsys.readouterr().out
    assert "best-gain mixture" in printed
    assert f"separate SONG -m {new} -s chirp" in printed
    assert main(["separate", str(song), "-o", str(tmp_path / "out"), "-m", str(new)]) == 0
    names = {path.name for path in tmp_path.glob("out/**/*.wav")}
    assert names == {f"{name}.wav" for name in (*base.sources, "chirp")}
    assert main([*command, *learning]) == 1
    assert "holds a finished network" in capsys.readouterr().err


def test_the_command_finds_a_condition_and_separates_by_it(base, tmp_path, capsys):
    weights, song = tmp_path / "base", tmp_path / "song.wav"
    zoo.save_pretrained(base, weights, picture=False)
    soundfile.write(song, chirp(2.0).T, RATE, subtype="FLOAT")
    found, out = tmp_path / "chirp.json", tmp_path / "out"
    command = ["extend", "--weights", str(weights), "--add", "chirp", "-o"]
    assert main([*command, str(found), "--keep", str(song)]) == 0
    assert "in mixtures of the examples" in capsys.readouterr().out
    separate = ["separate", str(song), "-o", str(out), "-m", str(weights)]
    assert main([*separate, "--condition", str(found)]) == 0
    assert [path.name for path in out.glob("**/*.wav")] == ["chirp.wav"]
    assert main([*command, str(tmp_path / "no"), "--keep", str(song)]) == 1
    assert main([*command, str(found)]) == 1
    assert "give either --data FOLDER" in capsys.readouterr().err
