import io
import threading

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import noise, tone

import zoo
from tests.fake_networks import TINY, Gains, OneAtATime, OutOfMemory, Smoothing
from zoo.errors import SeparationCancelledError
from zoo.separation.chunking import choose_chunking

RATE = 44100
SOURCES = ("vocals", "drums", "bass", "other")


def total(result):
    return np.sum([*result.stems.values(), result.residual], axis=0)


def make(network=None, **options):
    return zoo.Separator(network or Gains(), device="cpu", **options)


@pytest.mark.parametrize("num_samples", [1, 2, 1000, 44100, 300_000])
def test_stems_have_the_songs_length_and_true_levels(num_samples):
    mixture = noise(num_samples)
    result = make()((mixture, RATE))
    assert tuple(result.stems) == SOURCES
    for name, gain in Gains().gains.items():
        assert result.stems[name].dtype == np.float32
        np.testing.assert_allclose(result.stems[name], gain * mixture, rtol=0, atol=3e-7)
    np.testing.assert_allclose(total(result), mixture, rtol=0, atol=3e-7)
    assert result.sample_rate == RATE
    assert result.seconds == num_samples / RATE
    assert (result.model, result.weights, result.name) == ("gains", "given", "array")


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_channel_count_comes_back_as_it_went_in(rate, channels):
    low = (110, 440, 1760, 3000)  # well below the Nyquist frequency of any rate here
    mixture = tone(*low, num_samples=rate * 2 + 17, rate=rate, gains=[0.2] * channels)
    result = make(mixture_consistency=False)((mixture, rate))
    assert result.sample_rate == rate
    inner = slice(rate // 20, -rate // 20)
    for name, gain in Gains().gains.items():
        assert result.stems[name].shape == mixture.shape
        np.testing.assert_allclose(
            result.stems[name][:, inner], gain * mixture[:, inner], rtol=0, atol=2e-4
        )
    np.testing.assert_allclose(total(result), mixture, rtol=0, atol=3e-7)


def test_a_mono_network_takes_the_channels_of_a_stereo_song_one_by_one():
    mixture = noise(300_000)
    network = Gains(channels=1)
    result = make(network, batch_size=1)((mixture, RATE))
    np.testing.assert_allclose(result.stems["vocals"], 0.5 * mixture, rtol=0, atol=3e-7)


def test_more_channels_than_the_network_has_are_refused_with_advice():
    with pytest.raises(zoo.AudioError, match=r"6 channels.*mono and stereo.*-ac 2"):
        make()((noise(1000, channels=6), RATE))
    with pytest.raises(zoo.AudioError, match="4-channel audio"):
        make(Gains(channels=4))((noise(1000, channels=2), RATE))


def test_every_kind_of_source_is_taken(tmp_path):
    mixture = noise(50_000)
    soundfile.write(tmp_path / "a.wav", mixture.T, RATE, subtype="FLOAT")
    separator = make()
    expected = separator((mixture, RATE)).stems["bass"]
    for source in (
        tmp_path / "a.wav",
        str(tmp_path / "a.wav"),
        io.BytesIO((tmp_path / "a.wav").read_bytes()),
        (torch.from_numpy(mixture), RATE),
    ):
        np.testing.assert_array_equal(separator(source).stems["bass"], expected)


@given(
    num_samples=st.integers(1, 200_000),
    rate=st.sampled_from([32000, 44100, 48000]),
    channels=st.integers(1, 2),
    batch_size=st.integers(1, 4),
    chunk_seconds=st.floats(1.5, 6),
)
@settings(max_examples=15, deadline=None)
def test_stream_yields_the_samples_of_the_whole_call(
    num_samples, rate, channels, batch_size, chunk_seconds
):
    separator = make(Smoothing(), batch_size=batch_size, chunk_seconds=chunk_seconds)
    mixture = noise(num_samples, channels=channels)
    result = separator((mixture, rate))
    position = 0
    for block in separator.stream((mixture, rate)):
        assert block.start == position
        assert block.sample_rate == rate
        position += block.num_samples
        part = slice(block.start, position)
        for name in SOURCES:
            np.testing.assert_array_equal(block.stems[name], result.stems[name][:, part])
        np.testing.assert_array_equal(block.residual, result.residual[:, part])
    assert position == num_samples


def test_chunks_and_batches_are_not_heard():
    mixture = noise(250_000)
    long = make(Smoothing(), chunk_seconds=60)((mixture, RATE))
    short = make(Smoothing(), chunk_seconds=1.5, batch_size=3)((mixture, RATE))
    for name in SOURCES:
        np.testing.assert_allclose(short.stems[name], long.stems[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", zoo.list_models())
def test_chunks_begin_on_the_grid_of_every_network(name):
    spec = zoo.load_spec(name)
    for seconds in (None, 10.0, 3.3):
        chunking = choose_chunking(spec, chunk_seconds=seconds)
        assert chunking.hop_length % (spec.stft.hop_length * spec.frame_multiple) == 0
        assert (chunking.chunk_length // spec.stft.hop_length + 1) % spec.frame_multiple == 0
        assert chunking.context >= max(part.stft.n_fft for part in spec.parts)
        assert chunking.crossfade >= 7 * spec.stft.hop_length


def test_long_frames_have_as_much_context():
    long = {"low_band.n_fft": 32768, "low_band.hop_length": 8192, "low_band.num_bins": 2048}
    spec = zoo.load_spec("lightsaft_tfctdf_small", overrides=long)
    assert choose_chunking(spec).context == 32768
    assert choose_chunking(zoo.load_spec("lightsaft_tfctdf_small")).context == 12 * 1024


def test_chunks_too_short_are_refused():
    with pytest.raises(ValueError, match=r"chunk_seconds=0\.1; expected at least 0\.35"):
        make(chunk_seconds=0.1)
    make(chunk_seconds=0.35)
    for endless in (float("inf"), float("nan"), 1e9):
        with pytest.raises(ValueError, match="expected at most 3600"):
            make(chunk_seconds=endless)


def test_a_full_separation_sums_to_the_mixture():
    mixture = noise(300_000)
    network = Gains({"vocals": 0.1, "drums": 0.1, "bass": 0.1, "other": 0.1})
    result = make(network)((mixture, 48000))
    np.testing.assert_allclose(sum(result.stems.values()), mixture, rtol=0, atol=3e-7)
    assert np.abs(result.residual).max() < 3e-7
    np.testing.assert_allclose(result.stems["vocals"], 0.25 * mixture, rtol=0, atol=0.01)


def test_mixture_consistency_can_be_off_and_spares_partial_separations():
    mixture = noise(300_000)
    network = Gains({"vocals": 0.1})
    raw = make(network, mixture_consistency=False)((mixture, RATE))
    np.testing.assert_allclose(raw.stems["vocals"], 0.1 * mixture, rtol=0, atol=1e-6)
    np.testing.assert_allclose(raw.residual, 0.4 * mixture, rtol=0, atol=1e-6)
    partial = make(network)((mixture, RATE), sources=["vocals", "bass", "drums"])
    np.testing.assert_allclose(partial.stems["vocals"], 0.1 * mixture, rtol=0, atol=1e-6)
    everything = make(network)((mixture, RATE), sources=["bass", "other", "drums", "vocals"])
    assert tuple(everything.stems) == ("bass", "other", "drums", "vocals")
    np.testing.assert_allclose(sum(everything.stems.values()), mixture, rtol=0, atol=1e-6)


def test_everything_but_a_source():
    mixture = noise(300_000)
    separator = make(Gains({"vocals": 0.3}))
    alone = separator((mixture, RATE), sources="vocals")
    assert tuple(alone.stems) == ("vocals",)
    np.testing.assert_allclose(alone.everything_but("vocals"), 0.7 * mixture, atol=1e-6)
    full = separator((mixture, RATE))
    np.testing.assert_allclose(
        full.everything_but("vocals"), mixture - full.stems["vocals"], atol=1e-6
    )
    with pytest.raises(zoo.UnknownNameError, match="bass"):
        alone.everything_but("bass")


def test_two_stems_cost_one_source_and_sum_to_the_mixture():
    mixture = noise(300_000)
    separator = make(Gains({"drums": 0.2}))
    result = separator((mixture, RATE), two_stems="drums")
    assert tuple(result.stems) == ("drums", "no_drums")
    np.testing.assert_allclose(result.stems["no_drums"], 0.8 * mixture, atol=1e-6)
    np.testing.assert_allclose(sum(result.stems.values()), mixture, rtol=0, atol=3e-7)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sources": []}, ValueError, "one or more"),
        ({"sources": ["bass", "bass"]}, ValueError, "each once"),
        ({"sources": ["vocal"]}, zoo.UnknownNameError, "did you mean 'vocals'"),
        ({"two_stems": "voice"}, zoo.UnknownNameError, "source of gains 'voice'"),
        ({"two_stems": "bass", "sources": ["bass"]}, ValueError, "both"),
    ],
)
def test_wrong_sources_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        make()((noise(100), RATE), **options)
    with pytest.raises(error, match=message):
        make().stream((noise(100), RATE), **options)


def test_digital_silence_stays_silent_without_any_work():
    separator = make(Smoothing())
    result = separator((np.zeros((2, 600_000), np.float32), 48000))
    for name in SOURCES:
        assert not result.stems[name].any()
    assert not result.residual.any()
    assert separator._engine.network.shapes == []
    assert not separator((np.zeros((1, 1), np.float32), RATE)).stems["bass"].any()


def test_silence_inside_a_song_stays_silent():
    mixture = noise(400_000)
    mixture[:, 100_000:200_000] = 0
    mixture[:, -3:] = 0
    mixture[:, 300_000:300_010] = 0
    for rate in (44100, 48000):
        result = make(Smoothing(), mixture_consistency=False)((mixture, rate))
        for stem in (*result.stems.values(), result.residual):
            assert not stem[:, 100_000:200_000].any()
            assert not stem[:, -3:].any()
        assert result.stems["vocals"][:, 300_000:300_010].all()
        assert result.stems["vocals"][:, 99_999].any()


def test_running_out_of_memory_halves_the_batch_and_goes_on():
    mixture = noise(3_000_000)
    separator = make(OutOfMemory(3), batch_size=8, chunk_seconds=3)
    result = separator((mixture, RATE))
    np.testing.assert_allclose(result.stems["vocals"], 0.5 * mixture, rtol=0, atol=1e-6)
    sizes = [shape[0] for shape in separator._engine.network.shapes]
    assert sizes[:5] == [1, 8, 4, 2, 2]
    assert max(sizes[3:]) == 2


def test_one_chunk_too_many_is_a_named_error():
    with pytest.raises(MemoryError, match="chunk_seconds"):
        make(OutOfMemory(0))((noise(300_000), RATE))


def test_other_failures_of_the_network_are_not_taken_for_a_lack_of_memory():
    class Broken(Gains):
        def forward(self, mixture, *, sources):
            raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        make(Broken())((noise(300_000), RATE))


def test_threads_get_their_own_results():
    separator = make(OneAtATime(), chunk_seconds=2)
    songs = [noise(200_000 + 1000 * index, seed=index) for index in range(6)]
    results = [None] * len(songs)

    def work(index):
        results[index] = separator((songs[index], RATE))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(songs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mixture, result in zip(songs, results, strict=True):
        np.testing.assert_allclose(result.stems["vocals"], 0.5 * mixture, rtol=0, atol=1e-6)


def test_progress_rises_to_one():
    calls = []
    make(chunk_seconds=2)(
        (noise(300_000), RATE), progress=lambda fraction, stage: calls.append((fraction, stage))
    )
    fractions = [fraction for fraction, _ in calls]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len(fractions) > 4
    assert {stage for _, stage in calls} == {"separating", "done"}


def test_cancelling_stops_the_work():
    cancel = threading.Event()
    separator = make(chunk_seconds=2)

    def progress(fraction, stage):
        if fraction > 0.3:
            cancel.set()

    with pytest.raises(SeparationCancelledError, match="cancelled"):
        separator((noise(1_000_000), RATE), progress=progress, cancel=cancel)
    assert len(separator._engine.network.shapes) < 10


def test_the_callers_network_stays_as_it_is():
    network = zoo.build("lightsaft_tfctdf_tiny")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    make(network, backend="torch")((noise(50_000), RATE))
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_a_real_network_through_the_engine_is_the_network():
    torch.manual_seed(0)
    network = zoo.build("lightsaft_tfctdf_tiny").eval()
    mixture = noise(60_000)
    separator = make(network, mixture_consistency=False, precision="float32", chunk_seconds=10)
    context = separator._chunking.context
    to_whole_frames = -(2 * context + 60_000) % TINY.stft.hop_length
    padded = np.pad(mixture, ((0, 0), (context, context + to_whole_frames)))
    with torch.no_grad():
        expected = network(torch.from_numpy(padded)[None])[0].numpy()[..., context:][..., :60_000]
    result = separator((mixture, RATE))
    for index, name in enumerate(SOURCES):
        error = result.stems[name] - expected[index]
        assert np.abs(error).max() < 1e-4 * np.abs(expected).max()


def test_weights_have_to_be_there_or_random_said_aloud():
    separator = zoo.Separator("lightsaft_tfctdf_tiny", weights="random", device="cpu")
    assert separator.weights == "random"
    assert "random weights" in separator.notices[0]
    assert separator.sources == SOURCES
    assert separator.sample_rate == 44100
    with pytest.raises(zoo.WeightsError, match="cunet_tfc_film"):
        zoo.Separator("cunet_tfc_film", device="cpu")
    with pytest.raises(zoo.UnknownNameError, match="lightsaft"):
        zoo.Separator("lightsaft_tfctdf_tinny", weights="random")
    with pytest.raises(ValueError, match="built already"):
        make(Gains(), weights="random")
    with pytest.raises(ValueError, match="without a spec"):
        make(torch.nn.Identity())


def test_devices_and_precisions_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        zoo.Separator(Gains(), device="gpu")
    with pytest.raises(ValueError, match="no device 'cuda:99'"):
        zoo.Separator(Gains(), device="cuda:99")
    with pytest.raises(ValueError, match="unknown precision 'half'"):
        make(precision="half")
    with pytest.raises(ValueError, match="no use for float16"):
        make(precision="float16")
    with pytest.raises(ValueError, match="batch_size=0"):
        make(batch_size=0)


def test_bfloat16_is_near_float32():
    torch.manual_seed(0)
    network = zoo.build("lightsaft_tfctdf_tiny").eval()
    mixture = noise(60_000)
    exact = make(network, precision="float32", backend="torch")(
        (mixture, RATE), sources="vocals"
    ).stems["vocals"]
    rough = make(network, precision="bfloat16", backend="torch")(
        (mixture, RATE), sources="vocals"
    ).stems["vocals"]
    assert rough.dtype == np.float32
    error = np.square(rough - exact).mean() / np.square(exact).mean()
    assert 0 < error < 1e-3


def test_the_one_liner_saves_what_it_returns(tmp_path):
    result = zoo.separate(
        (noise(40_000), RATE), tmp_path, model=Gains(), device="cpu", sources=["bass", "drums"]
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bass.wav", "drums.wav"]
    saved, rate = soundfile.read(tmp_path / "bass.wav", dtype="float32")
    assert rate == RATE
    np.testing.assert_array_equal(saved.T, result.stems["bass"])
    with pytest.raises(zoo.UnknownNameError, match="audio format"):
        zoo.separate((noise(40), RATE), tmp_path, model=Gains(), format="wave")
