"""Augmentations keep what they promise; examples depend on their number alone."""

import multiprocessing
import os
import signal

import numpy as np
import pytest
import soundfile

from zoo.data import MixingConfig, MixingDataset, decode_tracks, find_tracks
from zoo.data.augmentations import AUGMENTATIONS
from zoo.data.augmentations.dynamics import Attack, Saturation, soft_clip_bus
from zoo.data.augmentations.filtering import BandLimit, Equaliser, Reverberation
from zoo.data.augmentations.levels import Gain
from zoo.data.augmentations.pitch_and_tempo import EDGE_SAMPLES, Pitch, Speed, Stops, Tempo
from zoo.data.augmentations.production import Doubling, Echo, Stutter
from zoo.data.augmentations.stereo import ChannelSwap, SignFlip, StereoWidth
from zoo.data.mixing_config import PlannedAugmentation
from zoo.training.batches import StepSampler, load_batches

SOURCES = ("vocals", "drums", "bass", "other")
RATE = 8000


def tone(frequency: float, num_samples: int = 16384, sample_rate: int = 44100) -> np.ndarray:
    wave = 0.25 * np.sin(2 * np.pi * frequency * np.arange(num_samples) / sample_rate)
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio))))


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def peak_frequency(audio: np.ndarray, sample_rate: int = 44100) -> float:
    window = np.hanning(audio.shape[-1])
    spectrum = np.abs(np.fft.rfft(audio[0] * window, n=1 << 18))
    return float(spectrum.argmax() * sample_rate / (1 << 18))


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_every_augmentation_is_seeded_and_leaves_its_input_alone(name):
    transform, audio = AUGMENTATIONS[name](), tone(440)
    kept = audio.copy()
    first, second = transform(audio, generator(3)), transform(audio, generator(3))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(audio, kept)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert first.shape == audio.shape or AUGMENTATIONS[name].shared


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_silence_stays_silence(name):
    silence = np.zeros((2, 4096), dtype=np.float32)
    assert not AUGMENTATIONS[name]()(silence, generator()).any()


def test_gain_is_the_drawn_one():
    audio = tone(440)
    np.testing.assert_allclose(
        Gain(low_db=6.0, high_db=6.0)(audio, generator()), audio * 10 ** (6 / 20), rtol=1e-6
    )


@pytest.mark.parametrize("ratio", [0.5, 2.0, 3.0])
def test_stops_add_the_same_notes_at_another_pitch(ratio):
    audio = tone(440.0, num_samples=65536)
    made = Stops(ratios=(ratio,), low_db=0.0, high_db=0.0)(audio, generator())
    assert made.shape == audio.shape
    assert rms(made) == pytest.approx(rms(audio), rel=1e-3)
    middle = made[:, 16384:49152]
    spectrum = np.abs(np.fft.rfft(middle[0] * np.hanning(middle.shape[-1])))
    near = [spectrum[round(f * 32768 / 44100) + np.arange(-4, 5)].max() for f in (440, 440 * ratio)]
    assert 0.7 < near[1] / near[0] < 1.4
    left = spectrum.copy()
    for f in (440, 440 * ratio):
        left[round(f * 32768 / 44100) + np.arange(-12, 13)] = 0.0
    assert left.max() < 0.05 * min(near)


def test_attacks_are_sharpened_or_softened_and_nothing_else_moves():
    times = np.arange(44100) / 44100
    pluck = np.exp(-(times % 0.25) / 0.05) * np.sin(2 * np.pi * 440 * times)
    audio = np.stack([pluck, 0.5 * pluck]).astype(np.float32)

    def crest(signal):
        blocks = signal[0][:44000].reshape(-1, 440)
        levels = np.sqrt(np.mean(blocks**2, axis=1))
        return levels.max() / np.sqrt(np.mean(levels**2))

    drawn = [Attack()(audio, generator(seed)) for seed in range(30)]
    crests = [crest(made) for made in drawn]
    assert min(crests) < 0.8 * crest(audio) < 1.05 * crest(audio) < max(crests)
    for made in drawn:
        assert rms(made) == pytest.approx(rms(audio), rel=1e-3)
        np.testing.assert_allclose(made[1], 0.5 * made[0], atol=1e-6)
        assert (np.sign(made[0]) == np.sign(audio[0])).all()


def test_swap_and_flip_are_exact():
    audio = tone(440)
    np.testing.assert_array_equal(ChannelSwap()(audio, generator()), audio[[1, 0]])
    np.testing.assert_array_equal(SignFlip()(audio, generator()), -audio)


def test_speed_moves_pitch_and_length_by_the_same_ratio():
    audio = tone(1000, num_samples=44100)
    for seed in range(4):
        ratio = 2 ** (generator(seed).uniform(-3, 3) / 12)
        changed = Speed(max_semitones=3)(audio, generator(seed))
        assert changed.shape[-1] == pytest.approx(44100 / ratio, abs=2)
        assert peak_frequency(changed) == pytest.approx(1000 * ratio, rel=2e-3)


def test_tempo_moves_length_and_keeps_pitch():
    audio = tone(1000, num_samples=44100)
    for seed in range(3):
        rate = 1.2 ** generator(seed).uniform(-1, 1)
        changed = Tempo(max_change=0.2)(audio, generator(seed))
        assert changed.shape[-1] == pytest.approx(44100 / rate, abs=EDGE_SAMPLES)
        assert peak_frequency(changed) == pytest.approx(1000, rel=2e-3)


def test_pitch_moves_pitch_and_keeps_length():
    audio = tone(1000, num_samples=44100)
    for seed in range(3):
        ratio = 2 ** (generator(seed).uniform(-4, 4) / 12)
        changed = Pitch(max_semitones=4)(audio, generator(seed))
        assert changed.shape[-1] == pytest.approx(44100, abs=EDGE_SAMPLES)
        assert peak_frequency(changed) == pytest.approx(1000 * ratio, rel=2e-3)
        assert rms(changed[:, 4000:-4000]) == pytest.approx(rms(audio), rel=0.05)


def test_equaliser_changes_a_tone_by_its_curve_and_keeps_the_level():
    bins = np.array([300, 12000])  # tones of whole periods, so that a bin holds all of each
    frequencies = bins * 44100 / 65536
    low, high = (tone(frequency, 65536) for frequency in frequencies)
    coloured = Equaliser(deviation_db=6.0)(low + high, generator(1))
    knots = np.geomspace(40.0, 18000.0, 7)
    curve = generator(1).normal(0.0, 6.0, 7)
    expected = np.interp(np.log(frequencies), np.log(knots), curve)
    levels = 20 * np.log10(np.abs(np.fft.rfft(coloured[0]))[bins])
    assert levels[0] - levels[1] == pytest.approx(expected[0] - expected[1], abs=0.05)
    assert rms(coloured) == pytest.approx(rms(low + high), rel=1e-4)


@pytest.mark.parametrize(
    "transform",
    [
        Saturation(),
        Reverberation(),
        StereoWidth(),
        Equaliser(),
        BandLimit(),
        Doubling(),
        Echo(min_seconds=0.01, max_seconds=0.02),
        Stutter(),
    ],
)
def test_timbre_keeps_the_level(transform):
    audio = tone(440)
    changed = transform(audio, generator(5))
    assert rms(changed) == pytest.approx(rms(audio), rel=1e-4)
    assert np.abs(changed - audio).max() > 1e-3


def test_band_limit_takes_what_is_above_its_edge_and_leaves_what_is_below():
    bins = np.array([300, 2000])  # whole periods
    low, high = (tone(number * 44100 / 16384) for number in bins)
    dull = BandLimit(min_hz=2000, max_hz=2000)(low + high, generator())
    spectrum = np.abs(np.fft.rfft(dull[0]))[bins]
    assert spectrum[1] < 1e-4 * spectrum[0]
    np.testing.assert_allclose(dull, low * rms(low + high) / rms(low), atol=1e-4)


def test_saturation_makes_odd_harmonics_only():
    changed = Saturation(low_db=12, high_db=12)(tone(441, 44100), generator())
    spectrum = np.abs(np.fft.rfft(changed[0]))
    assert spectrum[3 * 441] > 0.05 * spectrum[441]
    assert spectrum[2 * 441] < 1e-3 * spectrum[441]


def test_reverberation_sounds_after_the_source_and_never_before():
    audio = np.zeros((2, 30000), dtype=np.float32)
    audio[:, 10000] = 1.0
    changed = Reverberation(min_seconds=0.3, max_seconds=0.3)(audio, generator(2))
    assert np.abs(changed[:, :10000]).max() < 1e-5
    assert rms(changed[:, 12000:14000]) > 10 * rms(changed[:, 22000:24000]) > 0


def test_doubling_bends_a_tone_no_further_than_its_cents_and_never_early():
    audio = tone(1000, num_samples=88200)
    changed = Doubling(min_cents=20, max_cents=20)(audio, generator(4))
    spectrum = np.abs(np.fft.rfft(changed[0] * np.hanning(88200))) ** 2
    frequencies = np.fft.rfftfreq(88200, 1 / 44100)
    near = np.abs(1200 * np.log2(np.maximum(frequencies, 1) / 1000))
    assert spectrum[near > 25].sum() < 1e-3 * spectrum.sum()
    assert spectrum[(near > 3) & (near < 25)].sum() > 0.02 * spectrum.sum()

    audio[:, :20000] = 0.0
    assert not Doubling()(audio, generator(4))[:, :20000].any()


def test_echo_repeats_at_its_delay_from_side_to_side():
    audio = np.zeros((2, 4410), dtype=np.float32)
    audio[0, 100] = 1.0
    places = {"straight": set(), "turned": set()}
    for seed in range(8):
        echo = Echo(min_seconds=0.01, max_seconds=0.01, low_db=-6, high_db=-6)
        changed = echo(audio, generator(seed))
        changed = changed / changed[0, 100]
        turned = bool(changed[1].any())
        places["turned" if turned else "straight"].add(seed)
        for number in range(1, 6):
            channel = number % 2 if turned else 0
            expected = 10 ** (-6 * number / 20)
            assert changed[channel, 100 + 441 * number] == pytest.approx(expected, rel=1e-4)
    assert all(places.values())


def test_stutter_plays_a_slice_again():
    audio = generator(1).standard_normal((2, 44100)).astype(np.float32)
    changed = Stutter(min_seconds=0.1, max_seconds=0.1, max_repeats=1, max_places=1, max_gap=0.0)(
        audio, generator(2)
    )
    places = np.flatnonzero(np.abs(changed / changed[0, 0] - audio / audio[0, 0])[0] > 1e-3)
    start, end = places[0], places[-1] + 1
    # The first slice has its edges faded, the second takes the place of what followed.
    assert end - start == pytest.approx(2 * 4410, abs=4)
    middle = changed[:, start : start + 8820].reshape(2, 2, 4410)[..., 200:-200]
    np.testing.assert_allclose(middle[:, 0], middle[:, 1], rtol=1e-4, atol=1e-3)


def test_stereo_width_zero_is_mono():
    audio = tone(440)
    changed = StereoWidth(min_width=0, max_width=0, max_balance_db=0)(audio, generator())
    np.testing.assert_allclose(changed[0], changed[1], atol=1e-7)


def test_soft_clip_gives_every_source_the_gain_of_the_bus():
    targets = np.stack([tone(110), 2 * tone(700), tone(2000)])
    clipped = soft_clip_bus(targets, drive_db=9.0)
    bus = targets.sum(axis=0)
    driven = bus * 10 ** (9 / 20) / np.abs(bus).max()
    expected = np.tanh(driven) * np.abs(bus).max() / 10 ** (9 / 20)
    np.testing.assert_allclose(clipped.sum(axis=0), expected, atol=1e-5)
    loud = np.abs(targets) > 1e-2
    gains = clipped[0][loud[0]] / targets[0][loud[0]]
    both = loud[0] & loud[1]
    np.testing.assert_allclose(
        clipped[0][both] / targets[0][both], clipped[1][both] / targets[1][both], rtol=1e-4
    )
    assert gains.min() < 0.8
    assert gains.max() <= 1.0 + 1e-6


@pytest.fixture
def tracks(tmp_path):
    """Two full tracks and one of drums alone; every source is a constant that tells its origin."""
    for number, name in enumerate(("a/one", "a/two")):
        for place, source in enumerate(SOURCES):
            level = 0.1 * (place + 1) + 0.01 * number
            _write(tmp_path / "data" / name / f"{source}.wav", level)
    _write(tmp_path / "data" / "b" / "kit" / "drums.wav", 0.9)
    return decode_tracks(
        find_tracks(tmp_path / "data", sources=SOURCES),
        cache_directory=tmp_path / "cache",
        sample_rate=RATE,
    )


def _write(path, level):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full((4 * RATE, 2), level), RATE, subtype="FLOAT")


def dataset(tracks, seed=0, **options):
    config = MixingConfig(**options)
    return MixingDataset(tracks, sources=SOURCES, config=config, chunk_samples=1000, seed=seed)


def origins(example):
    """Level of each source, rounded to tell the tracks apart."""
    return [round(float(source.mean()), 2) for source in example]


def test_remixed_sources_come_from_different_tracks_and_aligned_ones_from_one(tracks):
    remixed = {tuple(origins(dataset(tracks)[index].targets)) for index in range(60)}
    assert any(len({round(level * 100) % 10 for level in levels}) > 1 for levels in remixed)
    assert {levels[1] for levels in remixed} == {0.2, 0.21, 0.9}
    aligned = {
        tuple(origins(dataset(tracks, remix_probability=0.0)[index].targets)) for index in range(20)
    }
    assert aligned == {(0.1, 0.2, 0.3, 0.4), (0.11, 0.21, 0.31, 0.41)}


def test_swapped_sources_come_from_elsewhere_and_the_others_stay_together(tracks):
    mixed = [
        origins(dataset(tracks, remix_probability=0.0, swap_probability=0.3)[index].targets)
        for index in range(200)
    ]
    others = [tuple(round(level * 100) % 10 for level in levels) for levels in mixed]
    # The kit, a group of its own, has half of the drums that come from elsewhere.
    assert np.mean([levels[1] == 0.9 for levels in mixed]) == pytest.approx(0.15, abs=0.06)
    assert np.mean([len(set(names)) == 1 for names in others]) > 0.25
    assert len(set(others)) > 2


def test_scattered_sources_come_from_one_track_and_not_from_one_time(tmp_path):
    ramp = np.linspace(0.1, 0.9, 4 * RATE)
    folder = tmp_path / "data" / "a" / "song"
    folder.mkdir(parents=True)
    for source in SOURCES[:3]:
        stereo = np.stack([ramp, ramp], axis=1)
        soundfile.write(folder / f"{source}.wav", stereo, RATE, subtype="FLOAT")
    _write(tmp_path / "data" / "b" / "kit" / "drums.wav", 0.95)
    found = find_tracks(tmp_path / "data", sources=SOURCES[:3])
    song = decode_tracks(found, cache_directory=tmp_path / "cache", sample_rate=RATE)

    def means(**options):
        config = MixingConfig(remix_probability=0.0, **options)
        drawn = MixingDataset(song, sources=SOURCES[:3], config=config, chunk_samples=1000)
        return np.array([[float(source.mean()) for source in drawn[i].targets] for i in range(40)])

    together, apart = means(), means(scatter_probability=1.0)
    assert np.ptp(together, axis=1).max() < 1e-3
    assert np.median(np.ptp(apart, axis=1)) > 0.1
    assert apart.max() < 0.91  # never the kit
    sometimes = np.ptp(means(scatter_probability=0.5), axis=1) > 1e-3
    assert 0.3 < sometimes.mean() < 0.7


def test_scattering_leaves_a_source_without_a_file_silent(tracks, tmp_path):
    _write(tmp_path / "more" / "a" / "duo" / "drums.wav", 0.3)
    _write(tmp_path / "more" / "a" / "duo" / "bass.wav", 0.4)
    found = find_tracks(tmp_path / "more", sources=SOURCES)
    duo = decode_tracks(found, cache_directory=tmp_path / "cache", sample_rate=RATE)
    drawn = dataset([*tracks, *duo], remix_probability=0.0, scatter_probability=1.0)
    seen = {tuple(origins(drawn[index].targets)) for index in range(60)}
    assert seen == {(0.1, 0.2, 0.3, 0.4), (0.11, 0.21, 0.31, 0.41), (0.0, 0.3, 0.4, 0.0)}


def test_a_layered_source_is_the_sum_of_two_draws_at_the_level_of_one(tracks):
    flat = {"bass": -20.0}
    layered = dataset(tracks, layer_probability={"bass": 1.0}, level_dbfs=flat)
    singles, levels = dataset(tracks, level_dbfs=flat), []
    for index in range(40):
        example, single = layered[index].targets, singles[index].targets
        # Sources drawn before it are what they were, and those that are not named are one draw.
        assert (example[:2] == single[:2]).all()
        assert origins(example)[3] in (0.4, 0.41)
        levels.append(float(example[2].mean()) / 0.1)
    shares = 10 ** (np.array([-10.0, 0.0]) / 20)
    low, high = (1 + shares) / np.hypot(1, shares)  # two equal constants, one of them quieter
    assert low - 1e-3 <= min(levels) < max(levels) <= high + 1e-3
    sometimes = dataset(tracks, layer_probability={"bass": 0.3}, level_dbfs=flat)
    share = np.mean([float(sometimes[index].targets[2].mean()) > 0.101 for index in range(300)])
    assert share == pytest.approx(0.3, abs=0.08)


def test_remixed_sources_are_brought_to_their_level_and_aligned_ones_are_not(tracks):
    levels = {"drums": -20.0, "bass": -26.0}
    for index in range(20):
        example = dataset(tracks, level_dbfs=levels)[index].targets
        assert float(example[1].square().mean().sqrt()) == pytest.approx(0.1, rel=1e-3)
        assert float(example[2].square().mean().sqrt()) == pytest.approx(0.05012, rel=1e-3)
        assert origins(example)[3] in (0.4, 0.41)
        aligned = dataset(tracks, remix_probability=0.0, level_dbfs=levels)[index].targets
        assert origins(aligned)[1] in (0.2, 0.21)


def test_group_weights_set_the_share_of_a_group(tracks):
    weighted = dataset(tracks, group_weights={"a": 1.0, "b": 3.0})
    share = np.mean([origins(weighted[index].targets)[1] == 0.9 for index in range(400)])
    assert share == pytest.approx(0.75, abs=0.07)


def test_dropout_leaves_sources_out(tracks):
    examples = dataset(tracks, dropout_probability=0.5)
    silent = np.mean(
        [[not source.any() for source in examples[index].targets] for index in range(200)]
    )
    assert silent == pytest.approx(0.5, abs=0.06)


def test_an_example_depends_on_seed_and_number_alone(tracks):
    augmentations = tuple(
        PlannedAugmentation(transform=AUGMENTATIONS[name](), probability=0.5)
        for name in AUGMENTATIONS.names()
    )
    first, second = (dataset(tracks, seed=7, augmentations=augmentations) for _ in range(2))
    forward = [first[index].targets for index in range(6)]
    backward = [second[index].targets for index in reversed(range(6))][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert one.shape == (4, 2, 1000)
        assert (one == other).all()
    assert (dataset(tracks, seed=8, augmentations=augmentations)[0].targets != forward[0]).any()


def test_aligned_sources_share_their_speed(tmp_path):
    wave = np.sin(2 * np.pi * 500 * np.arange(4 * RATE) / RATE)
    for source, level in (("vocals", 0.5), ("drums", 0.25)):
        path = tmp_path / "data" / "one" / f"{source}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.stack([level * wave] * 2, axis=1), RATE, subtype="FLOAT")
    names = ("vocals", "drums")
    decoded = decode_tracks(
        find_tracks(tmp_path / "data", sources=names),
        cache_directory=tmp_path / "cache",
        sample_rate=RATE,
    )
    config = MixingConfig(
        remix_probability=0.0,
        augmentations=(PlannedAugmentation(transform=Speed(max_semitones=4)),),
    )
    examples = MixingDataset(decoded, sources=names, config=config, chunk_samples=4000)
    for index in range(4):
        vocals, drums = examples[index].targets.numpy()
        np.testing.assert_allclose(vocals, 2 * drums, atol=1e-3)


def test_augmentations_can_be_for_some_sources(tracks):
    only_bass = PlannedAugmentation(transform=SignFlip(), sources=("bass",))
    levels = origins(dataset(tracks, augmentations=(only_bass,))[0].targets)
    assert [level < 0 for level in levels] == [False, False, True, False]


def test_chunks_are_placed_where_the_source_sounds(tmp_path):
    samples = np.zeros((20 * RATE, 2))
    samples[15 * RATE : 16 * RATE] = 0.3
    path = tmp_path / "data" / "one" / "vocals.wav"
    path.parent.mkdir(parents=True)
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    decoded = decode_tracks(
        find_tracks(tmp_path / "data", sources=("vocals",)),
        cache_directory=tmp_path / "cache",
        sample_rate=RATE,
    )
    config = MixingConfig(active_probability=1.0)
    examples = MixingDataset(decoded, sources=("vocals",), config=config, chunk_samples=RATE)
    assert all(examples[index].targets.any() for index in range(50))


def test_workers_outlive_a_signal_to_the_whole_group(tracks):
    # Ctrl-C and schedulers signal the processes that prepare examples too.
    sampler = StepSampler(0, 40, mixtures=1, process=0, num_processes=1)
    batches = load_batches(dataset(tracks), sampler, workers=1)
    taken, before = 0, set(multiprocessing.active_children())
    for _ in batches:
        if taken == 0:
            (worker,) = set(multiprocessing.active_children()) - before
            os.kill(worker.pid, signal.SIGTERM)
            os.kill(worker.pid, signal.SIGINT)
        taken += 1
    assert taken == 40


def test_a_source_without_any_track_is_named(tracks):
    only_drums = [track for track in tracks if set(track.files) == {"drums"}]
    with pytest.raises(ValueError, match="'vocals'"):
        dataset(only_drums)


@pytest.mark.parametrize(
    "options",
    [
        {"level_dbfs": {"vocal": -19.0}},
        {"layer_probability": {"vocal": 0.1}},
        {"augmentations": (PlannedAugmentation(transform=Gain(), sources=("vocal",)),)},
    ],
)
def test_a_setting_for_a_source_that_is_not_drawn_is_warned_of(tracks, options):
    with pytest.warns(UserWarning, match=f"{next(iter(options))} is set for vocal,"):
        dataset(tracks, **options)
