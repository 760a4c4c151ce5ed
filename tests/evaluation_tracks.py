"""Small generated tracks and systems with a known answer, for the tests of evaluation."""

import numpy as np
import soundfile

RATE = 8000
SOURCES = ("vocals", "drums", "bass", "other")


def make_stems(seed=0, *, seconds=1.0, channels=2, sources=SOURCES, rate=RATE):
    """Return noise bands, one a source, each (C, N) float32."""
    rng = np.random.default_rng(seed)
    num_samples = round(seconds * rate)
    stems = {}
    for index, source in enumerate(sources):
        spectrum = np.fft.rfft(rng.standard_normal((channels, num_samples)))
        band = np.zeros(spectrum.shape[-1])
        width = spectrum.shape[-1] // len(sources)
        band[index * width : (index + 2) * width] = 1  # neighbours overlap by half
        stems[source] = (0.1 * np.fft.irfft(spectrum * band, n=num_samples)).astype(np.float32)
    return stems


def write_track(folder, stems, *, rate=RATE, mixture=None, suffix="wav"):
    """Write a track's folder; float WAV keeps the samples exactly."""
    folder.mkdir(parents=True, exist_ok=True)
    files = dict(stems) if mixture is None else {**stems, "mixture": mixture}
    for name, samples in files.items():
        subtype = "FLOAT" if suffix == "wav" else None
        soundfile.write(folder / f"{name}.{suffix}", samples.T, rate, subtype=subtype)
    return folder


class ScaledMixture:
    """Estimates every source as the mixture times a gain, and counts its separations."""

    def __init__(self, gain=0.25, *, name="scaled", sources=SOURCES, fail_at=None):
        self.gain, self.name, self.sources, self.fail_at = gain, name, tuple(sources), fail_at
        self.fingerprint = f"scaled by {gain}"
        self.num_separations = 0

    def separate(self, mixture, *, sample_rate):
        self.num_separations += 1
        if self.num_separations == self.fail_at:
            raise KeyboardInterrupt
        return {source: (self.gain * mixture).astype(np.float32) for source in self.sources}
