"""Record what museval gives for signals made by a rule: the values that ours must have.

Run ``PYTHONPATH=. python tests/record_museval.py`` after a change of the cases, in an environment
with the museval package (and ffmpeg, without which it cannot be imported).
"""

import json
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np

RATE = 2000  # a window; the filters of 512 taps make museval slow at any rate
FILE = Path(__file__).parent / "museval_reference.json"
QUANTITIES = ("sdr", "isr", "sir", "sar")


def make_signals(
    *, sources: int = 2, channels: int = 2, samples: int = 3 * RATE + 1000
) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and estimates (S, C, N) with leakage, a filter and noise.

    The generator is the one whose numbers NumPy promises not to change.
    """
    rng = np.random.RandomState(0)
    targets = rng.standard_normal((sources, channels, samples)) * 0.1
    targets *= np.linspace(0.5, 2.0, sources)[:, None, None]
    leaked = 0.15 * (targets.sum(axis=0) - targets)
    estimates = 0.9 * targets + leaked + 0.2 * np.roll(targets, 1, axis=-1)
    return targets, estimates + 0.01 * rng.standard_normal(targets.shape)


def _silent_window() -> tuple[np.ndarray, np.ndarray]:
    targets, estimates = make_signals()
    targets[1, :, :RATE] = 0
    return targets, estimates


def _silent_window_of_an_estimate() -> tuple[np.ndarray, np.ndarray]:
    targets, estimates = make_signals()
    estimates[0, :, RATE : 2 * RATE] = 0
    return targets, estimates


def _cancelling_window() -> tuple[np.ndarray, np.ndarray]:
    targets, estimates = make_signals()
    targets[1, 1, :RATE] = -targets[1, 0, :RATE]
    return targets, estimates


def _silent_channel() -> tuple[np.ndarray, np.ndarray]:
    targets, estimates = make_signals()
    targets[0, 1] = 0
    return targets, estimates


def _same_in_both_channels() -> tuple[np.ndarray, np.ndarray]:
    targets, estimates = make_signals()
    targets[:, 1] = targets[:, 0]
    return targets, estimates


def _identical_sources() -> tuple[np.ndarray, np.ndarray]:
    targets, estimates = make_signals()
    targets[1] = targets[0]
    return targets, estimates


def _very_quiet_source() -> tuple[np.ndarray, np.ndarray]:
    targets, estimates = make_signals()
    targets[0] *= 1e-6
    estimates[0] *= 1e-6
    return targets, estimates


def _perfect_estimates() -> tuple[np.ndarray, np.ndarray]:
    targets, _ = make_signals()
    return targets, targets


def _changing_error() -> tuple[np.ndarray, np.ndarray]:
    """An estimate without error in one window, although its filters have errors in the others."""
    targets, estimates = make_signals()
    estimates[0, :, :RATE] = targets[0, :, :RATE]
    return targets, estimates


CASES: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "two stereo sources": make_signals,
    "mono": lambda: make_signals(channels=1),
    "one mono source": lambda: make_signals(sources=1, channels=1),
    "one source of three channels": lambda: make_signals(sources=1, channels=3),
    "five sources": lambda: make_signals(sources=5, channels=1),
    "shorter than a window": lambda: make_signals(samples=RATE // 2),
    "shorter than a filter": lambda: make_signals(samples=300),
    "silent window of a target": _silent_window,
    "silent window of an estimate": _silent_window_of_an_estimate,
    "window of cancelling channels": _cancelling_window,
    "silent channel": _silent_channel,
    "same in both channels": _same_in_both_channels,
    "identical sources": _identical_sources,
    "very quiet source": _very_quiet_source,
    "perfect estimates": _perfect_estimates,
    "window without error": _changing_error,
}

CASE_OF_MEDIANS = "silent window of a target"  # one that the median leaves out


def museval_scores(targets: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """Return museval's SDR, ISR, SIR and SAR, (4, S, W)."""
    import museval

    by_channel_last = targets.transpose(0, 2, 1), estimates.transpose(0, 2, 1)
    return np.stack(museval.evaluate(*by_channel_last, win=RATE, hop=RATE))


def museval_medians(scores: np.ndarray) -> np.ndarray:
    """Return museval's aggregation of scores (4, S, W) over windows, (4, S)."""
    import museval

    store, track = museval.EvalStore(), museval.TrackStore(track_name="track")
    kinds, sources = [name.upper() for name in QUANTITIES], range(scores.shape[1])
    for source in sources:
        values = dict(zip(kinds, scores[:, source], strict=True))
        track.add_target(target_name=f"source {source}", values=values)
    store.add_track(track)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        medians = store.agg_frames_tracks_scores()
    return np.array([[medians[f"source {source}", kind] for source in sources] for kind in kinds])


def main() -> None:
    """Write the file."""
    values = {name: museval_scores(*make()) for name, make in CASES.items()}
    cases = {
        name: dict(zip(QUANTITIES, scores.tolist(), strict=True)) for name, scores in values.items()
    }
    content = {
        "museval": metadata.version("museval"),
        "medians": museval_medians(values[CASE_OF_MEDIANS]).tolist(),
        "cases": cases,
    }
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
