"""Training on mixtures of which only sums of sources are known."""

import numpy as np
import pytest
import soundfile
import torch
from accelerate import Accelerator

import zoo
from tests.training_data import RATE, SOURCES, SPEC, make_config, make_tracks
from zoo.cli import main
from zoo.data import Example, MixingConfig, MixingDataset, decode_tracks, find_tracks
from zoo.data.labels import Certainty, label_path, read_certainty, write_certainty
from zoo.errors import AudioError
from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.specs.loading import load_spec
from zoo.training.labelling import judge_passes
from zoo.training.losses import LOSSES, LossInput
from zoo.training.partial_truth import PartialTruth
from zoo.training.recipe import parse_config
from zoo.training.session import DataFolders, start_run
from zoo.training.step import StepPlan, train_step

SUMS = {"accompaniment": ("drums", "bass", "other")}


class FixedEstimates(torch.nn.Module):
    """Estimates (1, S, C, N) that are parameters, whatever the mixture."""

    def __init__(self, num_samples):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(1, 4, 2, num_samples, generator=generator)
        self.estimates = torch.nn.Parameter(start)

    def forward(self, mixture, condition=None):
        return self.estimates.expand(len(mixture), -1, -1, -1)


def gradients(examples, *, loss="spec_mse", **changes):
    """Train a step on examples; return the gradient of the estimates (S, C, N)."""
    model = FixedEstimates(examples.targets.shape[-1])
    before = model.estimates.detach().clone()
    config = make_config(loss=loss, gradient_clip=0.0, **{"data": {"sums": SUMS}, **changes})
    train_step(
        model,
        torch.optim.SGD(model.parameters(), lr=1.0),
        examples,
        None,
        plan=StepPlan.of_run(load_spec(SPEC), config),
        accelerator=Accelerator(cpu=True),
    )
    return (before - model.estimates.detach())[0]


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def summed(voice, band):
    """A mixture that is known by a voice and an accompaniment."""
    targets = torch.stack([voice, band, *[torch.zeros_like(voice)] * 2])[None]
    return Example(targets, torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0]]))


def labelled(targets, certainty):
    """A mixture of whose last three sources the sum is known, and labels are."""
    return Example(targets, torch.tensor([[1.0, *certainty, 1.0]]))


def known_apart(targets):
    return Example(targets, torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0]]).expand(len(targets), -1))


def losses(estimates, examples):
    plan = StepPlan.of_run(load_spec(SPEC), make_config(data={"sums": SUMS}))
    given = LossInput(
        estimates=estimates,
        targets=examples.targets,
        mixture=examples.targets.sum(dim=1),
        n_fft=256,
        hop_length=128,
    )
    assert plan.partial is not None
    return plan.partial.losses(LOSSES["l1_wave"], given, examples.certainty, torch.ones(4))


def test_sources_of_a_sum_learn_from_their_sum_alone():
    voice, band = noise(2, 2, 256)
    found = gradients(summed(voice, band))
    torch.testing.assert_close(found[1], found[2])
    torch.testing.assert_close(found[1], found[3])
    assert found[1].abs().max() > 0
    estimates = FixedEstimates(256).estimates.detach()[0]
    # What is right: a step along the error of the sum. spec_mse is quadratic, so that adding the
    # error itself to a source's estimate leaves nothing to learn.
    perfect = band - estimates[1:].sum(dim=0)
    correlation = -(found[1] * perfect).sum() / (found[1].norm() * perfect.norm())
    assert correlation > 0.9
    assert found[0].abs().max() > 0


def test_the_split_of_a_sum_is_free():
    voice, band = noise(2, 2, 256)
    split = torch.stack([voice, -5.0 + 0 * band, band + 5.0, 0 * band])[None]
    found = losses(split, summed(voice, band))
    torch.testing.assert_close(found, torch.zeros(1), atol=1e-6, rtol=0)


def test_without_a_voice_the_voice_must_be_silent():
    band = noise(2, 256)
    leaking = torch.stack([0.5 * band, 0.5 * band, 0 * band, 0 * band])[None]
    found = losses(leaking, summed(torch.zeros(2, 256), band))
    torch.testing.assert_close(found, (0.5 * band).abs().mean()[None])  # twice a half, by two


def test_a_label_counts_as_much_as_its_teacher_was_certain():
    targets = noise(1, 4, 2, 256)
    wrong = targets + torch.tensor([0.0, 1.0, -1.0, 0.0])[:, None, None]  # the sum is right
    for certainty in ([0.0, 0.0, 0.0], [0.5, 0.25, 1.0], [1.0, 1.0, 1.0]):
        found = losses(wrong, labelled(targets, certainty))
        expected = (certainty[0] + certainty[1]) / (2 + sum(certainty))
        torch.testing.assert_close(found, torch.tensor([expected]))


def test_a_certain_label_is_learnt_as_the_truth_is():
    targets = noise(1, 4, 2, 256)
    label = labelled(targets, [1.0, 1.0, 1.0])
    without_sum = Example(label.targets, label.certainty * torch.tensor([1.0, 1, 1, 1, 0]))
    torch.testing.assert_close(gradients(without_sum), gradients(known_apart(targets)))
    # A label of which nothing is certain is a sum: what its sources are makes no difference.
    other = targets.clone()
    other[:, 1] += 3.0
    other[:, 2] -= 3.0
    nothing = [0.0, 0.0, 0.0]
    torch.testing.assert_close(
        gradients(labelled(other, nothing)), gradients(labelled(targets, nothing))
    )


def test_mixtures_known_apart_count_as_ever_beside_others():
    apart = noise(1, 4, 2, 256, seed=3)
    partial = summed(*noise(2, 2, 256))
    plain = Example(apart, torch.ones(1, 4))
    alone = gradients(plain, loss="l1_wave", data={})
    torch.testing.assert_close(gradients(known_apart(apart), loss="l1_wave"), alone)
    batch = Example(*(torch.cat(each) for each in zip(known_apart(apart), partial, strict=True)))
    both = gradients(batch, loss="l1_wave")
    torch.testing.assert_close(both, (alone + gradients(partial, loss="l1_wave")) / 2)


@pytest.mark.parametrize(
    ("sums", "message"),
    [
        ({"accompaniment": ["drums", "guitar"]}, r"data\.sums\.accompaniment: must be a name"),
        ({"accompaniment": ["drums"]}, "two or more"),
        ({"accompaniment": ["drums", "drums"]}, "two or more"),
        ({"vocals": ["drums", "bass"]}, "a name of its own"),
    ],
)
def test_a_sum_that_is_none_is_refused(sums, message):
    with pytest.raises(ValueError, match=message):
        PartialTruth.of(sums, SOURCES, trains_all=True)


def test_all_sources_of_a_mixture_are_needed():
    with pytest.raises(ValueError, match="set sources_per_mixture to 0"):
        PartialTruth.of(SUMS, SOURCES, trains_all=False)


@pytest.fixture
def folder(tmp_path):
    """Tracks known apart, and one of which only the accompaniment is."""
    root = make_tracks(tmp_path / "data", names=("one", "two"))
    (root / "band").mkdir()
    wave = 0.3 * np.sin(np.arange(2 * RATE) / 5)
    soundfile.write(root / "band" / "accompaniment.wav", np.stack([wave, wave], 1), RATE)
    return root


def draw(folder, tmp_path, count, **options):
    tracks = decode_tracks(
        find_tracks(folder, sources=(*SOURCES, *SUMS)),
        cache_directory=tmp_path / "cache",
        sample_rate=RATE,
    )
    config = MixingConfig(sums=SUMS, **{"sum_probability": 0.5, **options})
    drawn = MixingDataset(tracks, sources=SOURCES, config=config, chunk_samples=2000, seed=4)
    return [drawn[index] for index in range(count)]


def test_a_sum_is_drawn_in_place_of_its_sources(folder, tmp_path):
    examples = draw(folder, tmp_path, 60, remix_probability=0.8)
    with_sum = [each for each in examples if each.certainty[4]]
    assert 12 < len(with_sum) < 40
    for targets, certainty in with_sum:
        assert certainty.tolist() == [1, 0, 0, 0, 1]
        assert targets[0].any()
        assert targets[1:].any()
    for targets, certainty in (each for each in examples if not each.certainty[4]):
        assert certainty.tolist() == [1, 1, 1, 1, 0]
        assert all(source.any() for source in targets)


def test_a_sum_that_is_left_out_is_known_to_be_silent(folder, tmp_path):
    examples = draw(
        folder, tmp_path, 30, remix_probability=1.0, sum_probability=1.0, dropout_probability=0.5
    )
    silent = [each for each in examples if not each.targets[1:].any()]
    assert 5 < len(silent) < 25
    assert all(each.certainty.tolist() == [1, 1, 1, 1, 0] for each in silent)


def label(folder, levels, certainty):
    """Write labels of the band: shares of it, and how certain they are."""
    (file,) = folder.glob("accompaniment.*")
    band, rate = soundfile.read(file)
    for source, level in levels.items():
        soundfile.write(label_path(folder, source), level * band, rate, subtype="FLOAT")
    write_certainty(folder, Certainty(teacher="somebody", sources=certainty))
    return band


def test_labels_are_drawn_with_the_sum_and_changed_as_it_is(folder, tmp_path):
    levels = {"drums": 0.5, "bass": 0.2, "other": 0.3}
    certainty = {"drums": (0.5, 0.5), "bass": (0.25, 0.25), "other": (1.0, 1.0)}
    label(folder / "band", levels, certainty)
    gain = {"name": "gain", "low_db": -6, "high_db": 6}
    config = parse_config({"model": "x", "data": {"augmentations": [gain]}}).data
    examples = draw(folder, tmp_path, 40, remix_probability=1.0, augmentations=config.augmentations)
    with_sum = [each for each in examples if each.certainty[4]]
    assert 10 < len(with_sum) < 30
    heights = set()
    for targets, known in with_sum:
        assert known.tolist() == [1.0, 0.5, 0.25, 1.0, 1.0]
        shares = targets[1:].abs().amax(dim=(1, 2)) / targets[1:].sum(dim=0).abs().max()
        torch.testing.assert_close(shares, torch.tensor([0.5, 0.2, 0.3]), atol=1e-3, rtol=0)
        heights.add(round(float(targets[1].abs().max()), 3))
    assert len(heights) > 3  # of a gain each, the same for all three
    for targets, known in (each for each in examples if not each.certainty[4]):
        assert known.tolist() == [1, 1, 1, 1, 0]
        assert targets[1].abs().max() > 0.02  # never the label


def test_how_certain_a_chunk_is_depends_on_where_it_lies():
    certainty = Certainty(teacher="t", sources={"drums": (0.0, 0.5, 1.0)})
    assert certainty.mean("drums", 0.0, 1.0) == 0.0
    assert certainty.mean("drums", 1.0, 3.0) == 0.75
    assert certainty.mean("drums", 1.9, 2.1) == 0.5
    assert certainty.mean("drums", 7.0, 8.0) == 0.0
    coarse = Certainty(teacher="t", step_seconds=2.0, sources={"drums": (0.0, 0.5, 1.0)})
    assert coarse.mean("drums", 2.0, 4.0) == 0.5
    assert coarse.mean("drums", 2.5, 3.0) == 0.5


def test_labels_of_a_long_song_are_read_back(folder, teacher, monkeypatch):
    monkeypatch.setattr("zoo.training.labelling.MAX_ITEMS", 1)
    assert main(["label", str(folder), "--weights", teacher, "--pitches", "3"]) == 0
    certainty = read_certainty(folder / "band")
    assert certainty is not None
    assert certainty.step_seconds == 2
    assert {len(each) for each in certainty.sources.values()} == {1}


def test_labels_are_never_taken_for_sources(folder, caplog):
    label(folder / "band", {"drums": 1.0}, {"drums": (1.0,)})
    assert find_tracks(folder, sources=(*SOURCES, *SUMS))
    assert not caplog.records  # nothing in the folder is unknown
    (band,) = [each for each in find_tracks(folder, sources=(*SOURCES, *SUMS)) if each.labels]
    assert set(band.files) == {"accompaniment"}
    assert set(band.labels) == {"drums"}
    names = {track.name for track in find_tracks(folder, sources=SOURCES)}
    assert names == {"one", "two"}
    assert {track.name for track in find_evaluation_tracks(folder, sources=SOURCES)} == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"teacher": "t", "sources": {"drums": [1.5]}}', r"drums\[0\]: must be between"),
        ('{"teacher": "t", "sources": {"drums": "sure"}}', r"sources\.drums: must be a list"),
        ('{"teacher": "t"}', "sources"),
        ("no JSON", "JSON"),
        ('{"teacher": "t", "sources": {"drums": [1.0]}}', r"there is no drums\.label\.wav"),
        ('{"teacher": "t", "sources": {"../drums": [1.0]}}', r"there is no"),
    ],
)
def test_a_certainty_that_says_nothing_is_refused(folder, content, message):
    (folder / "band" / "certainty.json").write_text(content)
    with pytest.raises(AudioError, match=message):
        find_tracks(folder, sources=(*SOURCES, *SUMS))


def test_a_track_with_something_twice_is_refused(folder, tmp_path):
    (folder / "band" / "drums.wav").write_bytes((folder / "one" / "drums.wav").read_bytes())
    with pytest.raises(ValueError, match=r"track 'band' has 'drums' twice.*'accompaniment'"):
        draw(folder, tmp_path, 1)


def test_passes_that_agree_are_certain():
    rate, mixture = 100, torch.ones(2, 250)
    steady = torch.full((2, 250), 0.5)
    passes = torch.stack([torch.stack([steady, steady * (1 + d), 0 * steady]) for d in (-1, 0, 1)])
    mean, certainty = judge_passes(passes, mixture, step=rate)
    torch.testing.assert_close(mean, torch.stack([steady, steady, 0 * steady]))
    assert certainty.shape == (3, 3)
    np.testing.assert_allclose(certainty[0], 1.0, atol=1e-3)
    np.testing.assert_allclose(certainty[2], 1.0)  # silent, all say
    # Apart by sqrt(2/3) of what they have in common, beside the floor of a hundredth.
    np.testing.assert_allclose(certainty[1], 1 - np.sqrt((2 / 3) * 0.25 / 0.26), atol=1e-6)
    wild = passes * torch.tensor([9.0, -9.0, 0.0])[:, None, None, None]
    assert (judge_passes(wild, mixture, step=rate)[1][:2] == 0).all()
    silent = judge_passes(0 * passes, 0 * mixture, step=rate)[1]
    np.testing.assert_allclose(silent, 1.0)


@pytest.fixture
def teacher(tmp_path):
    torch.manual_seed(0)
    return str(zoo.build(SPEC).save_pretrained(tmp_path / "teacher"))


def test_a_teacher_labels_a_folder(folder, teacher, capsys):
    command = ["label", str(folder), "--weights", teacher, "--pitches", "3"]
    assert main(command) == 0
    assert "labelled 1 tracks" in capsys.readouterr().out
    labels = [soundfile.read(label_path(folder / "band", each))[0] for each in SOURCES[1:]]
    band, _ = soundfile.read(folder / "band" / "accompaniment.wav")
    np.testing.assert_allclose(sum(labels), band, atol=1e-5)
    certainty = read_certainty(folder / "band")
    assert certainty is not None
    assert certainty.teacher == "generated, 3 pitches"
    assert {len(each) for each in certainty.sources.values()} == {2}
    assert main(command) == 0
    assert "labelled 0 tracks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pitches", "1"], "passes that can agree"),
        (["--pitches", "4"], "expected 1, 3, 5 or 7"),
        (["--sum", "accompaniment"], "--sum takes NAME=SOURCE"),
        (["--sum", "accompaniment=drums"], "two sources or more"),
        (["--sum", "accompaniment=drums,guitar"], "the teacher has no guitar"),
        (["--sum", "choir=drums,bass"], "no track has a file named choir"),
    ],
)
def test_what_cannot_be_labelled_is_named(folder, teacher, capsys, options, message):
    assert main(["label", str(folder), "--weights", teacher, *options]) == 1
    assert message in capsys.readouterr().err
    assert not list(folder.rglob("*.label.wav"))


def test_a_run_learns_from_both(folder, tmp_path):
    config = make_config(data={"sums": SUMS, "sum_probability": 0.5})
    trainer = start_run(
        load_spec(SPEC),
        config,
        folders=DataFolders(
            train=folder,
            valid=make_tracks(tmp_path / "v", names=("x",), seed=7),
            cache=tmp_path / "cache",
        ),
        output=tmp_path / "run",
        device="cpu",
    )
    trainer.run()
    (*_, last) = [each for each in trainer.folder.read_metrics() if "sdr" in each]
    assert last["sdr"].keys() == {*SOURCES, "mean"}
