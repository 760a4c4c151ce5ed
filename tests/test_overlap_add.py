import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.overlap_add import Chunking, overlap_add, stream_overlap_add

TOLERANCE = 4e-7  # of a signal within [-1, 1]: two roundings of float32


@st.composite
def chunkings(draw: st.DrawFn) -> Chunking:
    context = draw(st.integers(0, 40))
    kept = draw(st.integers(1, 200))
    return Chunking(
        chunk_length=kept + 2 * context,
        context=context,
        crossfade=draw(st.integers(0, kept // 2)),
        alignment=draw(st.sampled_from([1, 2, 16, 64])),
    )


def identity(chunks: torch.Tensor) -> torch.Tensor:
    return chunks.unsqueeze(1)


def noise(num_samples: int, *, signals: int = 1, channels: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(num_samples)
    return torch.rand((signals, channels, num_samples), generator=generator) * 2 - 1


def split(signal: torch.Tensor, sizes: list[int]) -> list[torch.Tensor]:
    blocks = []
    while signal.shape[-1]:
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(signal[..., :size])
        signal = signal[..., size:]
    return blocks


@given(
    chunking=chunkings(),
    num_samples=st.integers(1, 1500),
    batch_size=st.integers(1, 7),
    signals=st.integers(1, 2),
)
@settings(max_examples=150, deadline=None)
def test_identity_returns_its_input(chunking, num_samples, batch_size, signals):
    mixture = noise(num_samples, signals=signals)
    before = mixture.clone()
    estimates = overlap_add(identity, mixture, chunking=chunking, batch_size=batch_size)
    assert estimates.shape == (signals, 1, 2, num_samples)
    torch.testing.assert_close(estimates[:, 0], mixture, rtol=0, atol=TOLERANCE)
    assert torch.equal(mixture, before)


@given(
    chunking=chunkings(),
    num_samples=st.integers(1, 1500),
    batch_size=st.integers(1, 7),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_blocks_and_batches_change_no_sample(chunking, num_samples, batch_size, sizes):
    def position_dependent(chunks: torch.Tensor) -> torch.Tensor:
        ramp = torch.linspace(0, 1, chunks.shape[-1])
        return torch.stack([chunks * ramp, chunks + ramp], dim=1)

    mixture = noise(num_samples)
    whole = overlap_add(position_dependent, mixture, chunking=chunking)
    streamed = stream_overlap_add(
        position_dependent, split(mixture, sizes), chunking=chunking, batch_size=batch_size
    )
    assert torch.equal(torch.cat(list(streamed), dim=-1), whole)


@given(
    reach=st.integers(0, 20),
    kept=st.integers(1, 120),
    num_samples=st.integers(1, 900),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_context_hides_the_cuts_from_a_filter(reach, kept, num_samples, data):
    taps = torch.rand(2 * reach + 1, generator=torch.Generator().manual_seed(reach))
    taps = (taps / taps.sum()).reshape(1, 1, -1)

    def smooth(chunks: torch.Tensor) -> torch.Tensor:
        mono = chunks.reshape(-1, 1, chunks.shape[-1])
        return F.conv1d(mono, taps, padding=reach).reshape(chunks.shape).unsqueeze(1)

    crossfade = data.draw(st.integers(0, kept // 2))
    chunking = Chunking(chunk_length=kept + 2 * reach, context=reach, crossfade=crossfade)
    mixture = noise(num_samples)
    chunked = overlap_add(smooth, mixture, chunking=chunking, batch_size=3)
    torch.testing.assert_close(chunked, smooth(mixture), rtol=0, atol=2e-6)


def test_without_enough_context_the_cuts_are_heard():
    taps = torch.full((1, 1, 9), 1 / 9)

    def smooth(chunks: torch.Tensor) -> torch.Tensor:
        mono = chunks.reshape(-1, 1, chunks.shape[-1])
        return F.conv1d(mono, taps, padding=4).reshape(chunks.shape).unsqueeze(1)

    mixture = torch.ones(1, 2, 100)
    chunked = overlap_add(smooth, mixture, chunking=Chunking(chunk_length=20))
    assert float((chunked - smooth(mixture))[..., 19].abs().max()) == pytest.approx(4 / 9)


def test_crossfade_blends_neighbours_with_weights_that_sum_to_one():
    calls = iter(range(10))

    def number_of_the_call(chunks: torch.Tensor) -> torch.Tensor:
        return torch.full_like(chunks, float(next(calls))).unsqueeze(1)

    chunking = Chunking(chunk_length=8, crossfade=2)
    estimates = overlap_add(number_of_the_call, torch.zeros(1, 1, 20), chunking=chunking)
    low, high = torch.sin(torch.tensor([0.25, 0.75]) * torch.pi / 2).square().tolist()
    expected = [0.0] * 6 + [low, high] + [1.0] * 4 + [1 + low, 1 + high] + [2.0] * 6
    assert estimates.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_first_call_gets_one_chunk_then_whole_batches():
    shapes = []

    def record(chunks: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(chunks.shape))
        return identity(chunks)

    chunking = Chunking(chunk_length=12, context=1, alignment=4)
    overlap_add(record, torch.zeros(1, 2, 83), chunking=chunking, batch_size=4)
    assert shapes == [(1, 2, 12), (4, 2, 12), (3, 2, 12), (1, 2, 8)]
    assert chunking.count_chunks(83) == 9


def test_output_arrives_as_soon_as_it_is_final():
    consumed = []

    def blocks():
        for index in range(6):
            consumed.append(index)
            yield torch.ones(1, 1, 10)

    stream = stream_overlap_add(identity, blocks(), chunking=Chunking(chunk_length=12, context=1))
    assert next(stream).shape[-1] == 10
    assert consumed == [0, 1]


def test_no_samples_yield_nothing():
    chunking = Chunking(chunk_length=8)
    assert list(stream_overlap_add(identity, [], chunking=chunking)) == []
    assert list(stream_overlap_add(identity, [torch.zeros(1, 2, 0)], chunking=chunking)) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk_length": 8, "context": 4}, "chunk_length > 8"),
        ({"chunk_length": 0}, "leave nothing"),
        ({"chunk_length": 8, "crossfade": 5}, "at most 4"),
        ({"chunk_length": 8, "context": -1}, "context >= 0"),
        ({"chunk_length": 8, "crossfade": -1}, "crossfade >= 0"),
        ({"chunk_length": 8, "alignment": 0}, "alignment >= 1"),
    ],
)
def test_impossible_chunking_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Chunking(**options)


def test_wrong_mixtures_and_batch_sizes_are_refused():
    chunking = Chunking(chunk_length=8)
    with pytest.raises(ValueError, match=r"\(2, 10\).*signals, channels, samples"):
        overlap_add(identity, torch.zeros(2, 10), chunking=chunking)
    with pytest.raises(ValueError, match="at least one sample"):
        overlap_add(identity, torch.zeros(1, 2, 0), chunking=chunking)
    with pytest.raises(ValueError, match="batch_size=0"):
        overlap_add(identity, torch.zeros(1, 2, 9), chunking=chunking, batch_size=0)


def test_estimates_of_a_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"returned \(1, 1, 2, 7\).*\(1, sources, 2, 8\)"):
        overlap_add(
            lambda chunks: chunks[:, None, :, 1:],
            torch.zeros(1, 2, 20),
            chunking=Chunking(chunk_length=8),
        )
