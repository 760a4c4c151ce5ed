"""Networks of other packages as rows on the same data, each through one small adapter.

The packages are optional and imported when a baseline is asked for. Their own loaders find (or
download) their weights; this module says clearly what is missing when they cannot.

Shape legend: C channels, N samples, S sources.
"""

import importlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from blocks.registry import Registry
from zoo.errors import WeightsError

if TYPE_CHECKING:
    import torch

# Hybrid Demucs of torchaudio takes whole signals; a song is cut as the network was trained, 10 s.
SEGMENT_SECONDS = 10.0
CONTEXT_SECONDS = 1.0
CROSSFADE_SECONDS = 0.1

SeparateStereo = Callable[["torch.Tensor"], "torch.Tensor"]


class BaselineError(WeightsError):
    """A baseline whose package or weights cannot be had; the message says how to get them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBaseline:
    """A network of another package, ready to separate.

    Args:
        sources: Names of its sources, in the order of its output.
        sample_rate: Hz that it works at.
        separate_stereo: Maps a mixture (2, N) to estimates (S, 2, N).
    """

    sources: tuple[str, ...]
    sample_rate: int
    separate_stereo: SeparateStereo


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How to get one published network from its package.

    Args:
        title: What heads its row.
        package: The Python package that has it.
        install: What to type if the package is missing.
        weights: Where its weights come from, for the message when they cannot be had.
        load: Imports the package and loads the network.
    """

    title: str
    package: str
    install: str
    weights: str
    load: Callable[[], LoadedBaseline]


class BaselineSystem:
    """A baseline as a system that can be evaluated.

    Mono mixtures go in on both channels and the mean of the two comes back; other sample rates are
    converted there and back.

    Args:
        baseline: Which network.

    Raises:
        BaselineError: If its package is not installed or its weights cannot be had.
    """

    def __init__(self, baseline: Baseline) -> None:
        self.name = baseline.title
        self._loaded = _load(baseline)
        self.sources = self._loaded.sources
        self.fingerprint = f"{baseline.title} of {baseline.package} {version(baseline.package)}"

    def separate(self, mixture: np.ndarray, *, sample_rate: int) -> Mapping[str, np.ndarray]:
        """Estimate every source of a mixture (C, N), each (C, N) at the mixture's rate.

        Raises:
            ValueError: If the mixture has more than two channels.
        """
        import torch

        from zoo.audio import resample

        num_channels, num_samples = mixture.shape
        if num_channels > 2:
            raise ValueError(f"{self.name} takes mono or stereo, got {num_channels} channels")
        rate = self._loaded.sample_rate
        stereo = np.broadcast_to(mixture, (2, num_samples))
        stereo = resample(np.ascontiguousarray(stereo), from_rate=sample_rate, to_rate=rate)
        with torch.inference_mode():
            estimates = self._loaded.separate_stereo(torch.from_numpy(stereo)).numpy()  # (S, 2, N)
        separated = {}
        for source, estimate in zip(self.sources, estimates, strict=True):
            back = resample(estimate, from_rate=rate, to_rate=sample_rate)
            back = back[:, :num_samples] if num_channels == 2 else back.mean(axis=0)[None]
            separated[source] = np.ascontiguousarray(back[:, :num_samples])
        return separated


def load_baseline(name: str) -> BaselineSystem:
    """Load a baseline by its name.

    Raises:
        UnknownNameError: If there is no such baseline.
        BaselineError: If its package is not installed or its weights cannot be had.
    """
    return BaselineSystem(BASELINES[name])


def _load(baseline: Baseline) -> LoadedBaseline:
    """Load a baseline, and say what to do where that fails."""
    try:
        return baseline.load()
    except ImportError as error:
        raise BaselineError(
            f"{baseline.title} needs the {baseline.package} package ({error}); {baseline.install}"
        ) from error
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise BaselineError(
            f"the weights of {baseline.title} could not be had: {error}. They come from "
            f"{baseline.weights}; connect once to the internet, or copy that cache from a machine "
            "that has it"
        ) from error


def _demucs(name: str) -> Callable[[], LoadedBaseline]:
    """Return a loader of a network of demucs 4."""

    def load() -> LoadedBaseline:
        pretrained = importlib.import_module("demucs.pretrained")
        apply_model = importlib.import_module("demucs.apply").apply_model
        model = pretrained.get_model(name)

        def separate(mixture: "torch.Tensor") -> "torch.Tensor":
            reference = mixture.mean(0)
            mean, scale = reference.mean(), reference.std() + 1e-8
            normalised = ((mixture - mean) / scale)[None]
            # Without the random shifts of its default, for the same numbers in every run.
            return apply_model(model, normalised, shifts=0, split=True)[0] * scale + mean

        return LoadedBaseline(
            sources=tuple(model.sources),
            sample_rate=int(model.samplerate),
            separate_stereo=separate,
        )

    return load


def _demucs48_hq() -> LoadedBaseline:
    """Load the time-domain network of the 2021 challenge, which only demucs 2 has."""
    pretrained = importlib.import_module("demucs.pretrained")
    if not hasattr(pretrained, "load_pretrained"):
        raise ImportError(f"demucs {version('demucs')} no longer has demucs48_hq")
    apply_model = importlib.import_module("demucs.utils").apply_model
    model = pretrained.load_pretrained("demucs48_hq").eval()

    def separate(mixture: "torch.Tensor") -> "torch.Tensor":
        reference = mixture.mean(0)
        mean, scale = reference.mean(), reference.std() + 1e-8
        return apply_model(model, (mixture - mean) / scale, split=True) * scale + mean

    return LoadedBaseline(
        sources=tuple(model.sources), sample_rate=int(model.samplerate), separate_stereo=separate
    )


def _umx(name: str) -> Callable[[], LoadedBaseline]:
    """Return a loader of a network of openunmix, with its Wiener filter as published."""

    def load() -> LoadedBaseline:
        openunmix = importlib.import_module("openunmix")
        separator = getattr(openunmix, name)(pretrained=True).eval()

        def separate(mixture: "torch.Tensor") -> "torch.Tensor":
            return separator(mixture[None])[0][..., : mixture.shape[-1]]

        return LoadedBaseline(
            sources=tuple(separator.target_models),
            sample_rate=int(separator.sample_rate),
            separate_stereo=separate,
        )

    return load


def _hdemucs_high(bundle_name: str) -> Callable[[], LoadedBaseline]:
    """Return a loader of a hybrid demucs bundle of torchaudio, which leaves the cutting to us."""

    def load() -> LoadedBaseline:
        from zoo.overlap_add import Chunking, overlap_add

        bundle = getattr(importlib.import_module("torchaudio.pipelines"), bundle_name)
        model = bundle.get_model().eval()
        segment = round(SEGMENT_SECONDS * bundle.sample_rate)
        chunking = Chunking(
            chunk_length=segment,
            context=round(CONTEXT_SECONDS * bundle.sample_rate),
            crossfade=round(CROSSFADE_SECONDS * bundle.sample_rate),
            alignment=segment,
        )

        def separate(mixture: "torch.Tensor") -> "torch.Tensor":
            reference = mixture.mean(0)
            mean, scale = reference.mean(), reference.std() + 1e-8
            normalised = ((mixture - mean) / scale)[None]
            return overlap_add(model, normalised, chunking=chunking)[0] * scale + mean

        return LoadedBaseline(
            sources=tuple(model.sources),
            sample_rate=int(bundle.sample_rate),
            separate_stereo=separate,
        )

    return load


def _xumx() -> LoadedBaseline:
    """Load X-UMX of asteroid.

    asteroid 0.7 refuses to build it under torch 2, whose inverse STFT takes complex input only; the
    network itself is sound, so the adapter takes the masks and inverts the STFT itself. The masks
    are applied as they are, without the Wiener filter of the published scores.
    """
    import torch

    x_umx: Any = importlib.import_module("asteroid.models.x_umx")
    hub = importlib.import_module("asteroid.utils.hub_utils")
    path = hub.cached_download("r-sawata/XUMX_MUSDB18_music_separation")
    content = torch.load(path, map_location="cpu", weights_only=True)
    network = getattr(x_umx, "BrokenXUMX", x_umx.XUMX)
    model = network(**content["model_args"]).eval()
    model.load_state_dict(content["state_dict"])

    def separate(mixture: "torch.Tensor") -> "torch.Tensor":
        window = torch.hann_window(model.window_length)
        spectrogram = torch.stft(
            mixture, model.in_chan, hop_length=model.n_hop, window=window, return_complex=True
        )  # (2, F, T)
        magnitude = spectrogram.abs().permute(2, 0, 1)[:, None]  # (T, 1, 2, F)
        masks = model.forward_masker(magnitude.clone())  # (S, T, 1, 2, F)
        masked = masks[:, :, 0].permute(0, 2, 3, 1) * spectrogram  # (S, 2, F, T)
        waves = torch.istft(
            masked.flatten(0, 1),
            model.in_chan,
            hop_length=model.n_hop,
            window=window,
            length=mixture.shape[-1],
        )
        return waves.view(len(model.sources), *mixture.shape)

    return LoadedBaseline(
        sources=tuple(model.sources), sample_rate=int(model.sample_rate), separate_stereo=separate
    )


BASELINES: Registry[Baseline] = Registry("baseline")
_DEMUCS_CACHE = "the Hugging Face Hub or dl.fbaipublicfiles.com, through the demucs package"
for _name, _title in (
    ("htdemucs", "HT Demucs"),
    ("htdemucs_ft", "HT Demucs (fine-tuned)"),
    ("hdemucs", "Hybrid Demucs (hdemucs_mmi)"),
):
    BASELINES.add(
        _name,
        Baseline(
            title=_title,
            package="demucs",
            install="pip install demucs",
            weights=_DEMUCS_CACHE,
            load=_demucs("hdemucs_mmi" if _name == "hdemucs" else _name),
        ),
    )
BASELINES.add(
    "demucs48_hq",
    Baseline(
        title="Demucs48-HQ",
        package="demucs",
        install="pip install 'demucs<3' (in an environment of its own: newer ones dropped it)",
        weights="dl.fbaipublicfiles.com, through the demucs package",
        load=_demucs48_hq,
    ),
)
for _name, _title in (("umx", "UMX"), ("umxhq", "UMX-HQ"), ("umxl", "UMX-L")):
    BASELINES.add(
        _name,
        Baseline(
            title=_title,
            package="openunmix",
            install="pip install openunmix",
            weights="zenodo.org, through torch.hub's cache",
            load=_umx(_name),
        ),
    )
BASELINES.add(
    "xumx",
    Baseline(
        title="X-UMX",
        package="asteroid",
        install=(
            "pip install --no-deps asteroid asteroid-filterbanks (it pins an old torchmetrics, so "
            "without its dependencies) and what it then asks for"
        ),
        weights="zenodo.org, through the asteroid package's cache",
        load=_xumx,
    ),
)
for _name, _title, _bundle in (
    ("hdemucs_high", "Hybrid Demucs (torchaudio, MUSDB-HQ)", "HDEMUCS_HIGH_MUSDB"),
    (
        "hdemucs_high_plus",
        "Hybrid Demucs (torchaudio, MUSDB-HQ + 150 songs)",
        "HDEMUCS_HIGH_MUSDB_PLUS",
    ),
):
    BASELINES.add(
        _name,
        Baseline(
            title=_title,
            package="torchaudio",
            install="pip install torchaudio",
            weights="download.pytorch.org, through torch.hub's cache",
            load=_hdemucs_high(_bundle),
        ),
    )
