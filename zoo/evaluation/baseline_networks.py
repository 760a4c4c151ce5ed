"""Loaders of networks of other packages; each imports its package when it is called.

Shape legend: S sources, N samples, F bins, T frames.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

# Hybrid Demucs of torchaudio takes whole signals; a song is cut as the network was trained, 10 s.
SEGMENT_SECONDS = 10.0
CONTEXT_SECONDS = 1.0
CROSSFADE_SECONDS = 0.1

SeparateStereo = Callable[["torch.Tensor"], "torch.Tensor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBaseline:
    """A network of another package, ready to separate.

    Args:
        sources: Names of its sources, in the order of its output.
        sample_rate: Hz that it works at.
        network: What holds its weights.
        separate_stereo: Maps a mixture (2, N) to estimates (S, 2, N).
    """

    sources: tuple[str, ...]
    sample_rate: int
    network: "nn.Module"
    separate_stereo: SeparateStereo


def demucs_loader(name: str) -> Callable[[], LoadedBaseline]:
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
            network=model,
            separate_stereo=separate,
        )

    return load


def load_demucs48_hq() -> LoadedBaseline:
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
        sources=tuple(model.sources),
        sample_rate=int(model.samplerate),
        network=model,
        separate_stereo=separate,
    )


def umx_loader(name: str) -> Callable[[], LoadedBaseline]:
    """Return a loader of a network of openunmix, with its Wiener filter as published."""

    def load() -> LoadedBaseline:
        openunmix = importlib.import_module("openunmix")
        separator = getattr(openunmix, name)(pretrained=True).eval()

        def separate(mixture: "torch.Tensor") -> "torch.Tensor":
            return separator(mixture[None])[0][..., : mixture.shape[-1]]

        return LoadedBaseline(
            sources=tuple(separator.target_models),
            sample_rate=int(separator.sample_rate),
            network=separator,
            separate_stereo=separate,
        )

    return load


def hdemucs_high_loader(bundle_name: str) -> Callable[[], LoadedBaseline]:
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
            network=model,
            separate_stereo=separate,
        )

    return load


def load_xumx() -> LoadedBaseline:
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
        sources=tuple(model.sources),
        sample_rate=int(model.sample_rate),
        network=model,
        separate_stereo=separate,
    )
