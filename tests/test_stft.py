"""The STFT against torch's own, and the layout of complex parts and sub-bands."""

import pytest
import torch

from blocks import STFT, stack_subbands, unstack_subbands


def test_channels_are_real_parts_then_imaginary_parts():
    stft = STFT(n_fft=64, hop_length=16)
    waveform = torch.randn(2, 2, 320, generator=torch.Generator().manual_seed(0))
    spectrogram = stft(waveform)
    window = torch.hann_window(64)
    for channel in range(2):
        expected = torch.stft(
            waveform[:, channel], 64, hop_length=16, window=window, return_complex=True
        ).transpose(1, 2)
        torch.testing.assert_close(spectrogram[:, channel], expected.real)
        torch.testing.assert_close(spectrogram[:, 2 + channel], expected.imag)


@pytest.mark.parametrize("hop", [8, 16, 32])
@pytest.mark.parametrize("num_samples", [320, 321])
def test_inverse_returns_the_waveform(hop, num_samples):
    stft = STFT(n_fft=64, hop_length=hop)
    waveform = torch.randn(1, 3, num_samples, generator=torch.Generator().manual_seed(0))
    restored = stft.inverse(stft(waveform), num_samples=num_samples)
    # Past the last frame's centre the windows no longer cover everything.
    covered = (num_samples // hop) * hop
    torch.testing.assert_close(restored[..., :covered], waveform[..., :covered])


@pytest.mark.parametrize("hop", [8, 12, 20, 32])  # 12 and 20 are no divisors of 64
@pytest.mark.parametrize("num_bins", [33, 9])
def test_the_inverse_of_any_spectrogram_is_that_of_torch(hop, num_bins):
    generator = torch.Generator().manual_seed(0)
    spectrogram = torch.randn(2, 4, 10, num_bins, generator=generator)
    length = 9 * hop
    real, imaginary = torch.nn.functional.pad(spectrogram, (0, 33 - num_bins)).chunk(2, dim=1)
    expected = torch.istft(
        torch.complex(real, imaginary).flatten(0, 1).transpose(1, 2),
        64,
        hop_length=hop,
        window=torch.hann_window(64),
        length=length,
    )
    stft = STFT(n_fft=64, hop_length=hop)
    found = stft.inverse(spectrogram, num_samples=length)
    torch.testing.assert_close(found.flatten(0, 1), expected)
    longer = stft.inverse(spectrogram, num_samples=length + 100)
    torch.testing.assert_close(longer[..., :length], found)
    assert longer.isfinite().all()
    assert not longer[..., length + 32 :].any()


def test_a_tone_stays_in_its_bin_and_others_die():
    stft = STFT(n_fft=1024, hop_length=256)
    tone = torch.sin(2 * torch.pi * 100 / 1024 * torch.arange(8192)).repeat(1, 1, 1)
    spectrum = stft(tone)[0, :, 8]
    power = spectrum.square().sum(0)
    assert int(power.argmax()) == 100
    assert float(power[104:].sum() + power[:97].sum()) < 1e-6 * float(power.sum())


@pytest.mark.parametrize(("n_fft", "hop"), [(63, 16), (64, 33), (0, 1), (64, 0)])
def test_bad_sizes_are_refused(n_fft, hop):
    with pytest.raises(ValueError, match=r"n_fft|hop_length"):
        STFT(n_fft=n_fft, hop_length=hop)


def test_the_window_is_not_part_of_the_weights():
    assert STFT(n_fft=64, hop_length=16).state_dict() == {}


def test_subbands_vary_slowest_and_come_back():
    spectrogram = torch.arange(2 * 8.0).view(1, 2, 1, 8)
    stacked = stack_subbands(spectrogram, 4)
    assert stacked.shape == (1, 8, 1, 2)
    assert stacked[0, :, 0].tolist() == [
        [0, 1], [8, 9], [2, 3], [10, 11], [4, 5], [12, 13], [6, 7], [14, 15]
    ]  # fmt: skip
    torch.testing.assert_close(unstack_subbands(stacked, 4), spectrogram)
    with pytest.raises(ValueError, match="cannot be cut into 3"):
        stack_subbands(spectrogram, 3)
