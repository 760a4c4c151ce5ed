"""The network of a spec: waveform in, one waveform per source out.

Shapes: see the legend in ``blocks.stage``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from blocks import (
    STFT,
    complex_product,
    stack_subbands,
    unstack_subbands,
)
from blocks.condition import expand_batch
from zoo.networks.attention import record_attention
from zoo.networks.inputs import check_mixture, condition_weights, input_gain
from zoo.networks.unet import UNet, UNetFeatures
from zoo.specs.spec import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """Output of the encoder for a mixture; every source is decoded from it.

    Attributes:
        unet: Skip connections and middle features.
        spectrogram: The mixture's, (B, 2 C, T, F).
        num_samples: N of the mixture.
        low_band: Output of the low band's encoder, where there is a low band.
        gain: The factor that brought the mixture to the spec's level, (B, 1, 1). Estimates are
            divided by it.
    """

    unet: UNetFeatures
    spectrogram: Tensor
    num_samples: int
    low_band: "Features | None" = None
    gain: Tensor | None = None


class SeparationNetwork(nn.Module):
    """A conditioned source separation network, built from a spec.

    The U-Net sees a complex spectrogram as real channels. Parts that do not depend on the condition
    are computed once per mixture, whatever the number of sources. A low band is a second network of
    the same kind: it sees the lowest bins of a finer transform, and its estimates are added. Where
    the spec has an ``input_level_dbfs``, the network sees every mixture at that level, and the
    estimates get the mixture's level back.

    Args:
        spec: The network as data.

    Attributes:
        weights_entry: Licence, training data, credits and metrics of the weights that it was built
            with, as a :class:`zoo.WeightsEntry`; None for fresh ones.

    Shape:
        mixture (B, C, N) -> (B, S, C, N), or (B, Q, C, N) for Q soft conditions

    Raises:
        ValueError: If the spec's blocks refuse their sizes.
    """

    # Entries belong to the weights, a layer above, so their type is not named here.
    weights_entry: Any = None

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.stft = STFT(n_fft=spec.stft.n_fft, hop_length=spec.stft.hop_length)
        if spec.condition is not None:
            self.embedding = nn.Embedding(len(spec.sources), spec.condition.embed_dim)
        else:
            self.embedding = None
        self.unet = UNet(spec)
        low_band = spec.low_band_spec
        self.low_band = None if low_band is None else SeparationNetwork(low_band)

    @property
    def parts(self) -> "list[SeparationNetwork]":
        """The networks whose estimates are added: this one, and its low band if it has one."""
        return [self] if self.low_band is None else [self, self.low_band]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources it can be asked for, in the order of its outputs."""
        return self.spec.sources

    @property
    def sample_rate(self) -> int:
        """Hz of the audio it expects and gives."""
        return self.spec.sample_rate

    @property
    def encodes_once(self) -> bool:
        """Whether all sources share one encoding: the encoder does not see the condition."""
        unet = self.spec.unet
        return not (unet.encoder.uses_condition or unet.middle.uses_condition)

    def forward(
        self,
        mixture: Tensor,
        *,
        sources: Sequence[str] | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Separate a batch of mixtures.

        Args:
            mixture: (B, C, N), float32, at ``sample_rate``, any N from 1 up.
            sources: Names of the sources wanted, all by default; cost grows with their number.
            condition: Instead of ``sources``, soft conditions (B, Q, S): a weight for every source.

        Returns:
            (B, S, C, N) in the order of ``sources``, or (B, Q, C, N).

        Raises:
            ValueError: If the mixture or the condition has the wrong shape, dtype or values.
            UnknownNameError: If a source is not one of ``self.sources``.
        """
        check_mixture(mixture, self.spec)
        weights = condition_weights(self.spec, mixture, sources=sources, condition=condition)
        gain = input_gain(mixture, self.spec)
        if gain is None:
            return self._estimate(mixture, weights)
        return self._estimate(mixture * gain, weights) / gain[:, None]

    def encode(self, mixture: Tensor) -> Features:
        """Encode a mixture once for all sources.

        Args:
            mixture: (B, C, N), float32.

        Raises:
            ValueError: If the mixture is bad, or if this network's encoder sees the condition.
        """
        if not self.encodes_once:
            raise ValueError(
                f"the encoder of {self.spec.name} depends on the source, so there is no encoding "
                "to share; call the network itself"
            )
        check_mixture(mixture, self.spec)
        gain = input_gain(mixture, self.spec)
        return self._encode(mixture) if gain is None else self._encode(mixture * gain, gain)

    def decode(
        self,
        features: Features,
        *,
        sources: Sequence[str] | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Decode sources from what ``encode`` returned; arguments and result as of the call."""
        weights = condition_weights(
            self.spec, features.spectrogram, sources=sources, condition=condition
        )
        estimates = self._decode(features, weights)
        return estimates if features.gain is None else estimates / features.gain[:, None]

    def attention(
        self, mixture: Tensor, *, sources: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """Attention over the latent sources of every block that has some.

        Args:
            mixture: (B, C, N), float32.
            sources: Names of the sources, all by default.

        Returns:
            By the block's place (``decoder.0``, ``low_band.decoder.0``) a tensor (B, S, T', L)
            that sums to 1 over L; T' is 1 where the attention does not vary over time.
        """
        with record_attention(self) as maps:
            self(mixture, sources=sources)
        num_sources = len(self.sources if sources is None else sources)
        batch = mixture.shape[0]
        return {
            place: values.expand(batch * num_sources, -1, -1).unflatten(0, (batch, num_sources))
            for place, values in maps.items()
        }

    @classmethod
    def from_pretrained(cls, source: str | Path) -> "SeparationNetwork":
        """Build a network with its weights; see :func:`zoo.from_pretrained`."""
        import zoo

        return zoo.from_pretrained(source)

    def save_pretrained(self, folder: str | Path, **options: Any) -> Path:
        """Write weights, spec and model card; see :func:`zoo.save_pretrained` for the options."""
        import zoo

        return zoo.save_pretrained(self, folder, **options)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Publish it on the Hugging Face Hub; see :func:`zoo.push_to_hub` for the options."""
        import zoo

        return zoo.push_to_hub(self, repo_id, **options)

    def _estimate(self, mixture: Tensor, weights: Tensor) -> Tensor:
        """Mixture (B, C, N), weights (B, Q, S) -> (B, Q, C, N)."""
        spectrogram, stacked = self._analyse(mixture)
        estimate = self.unet(stacked, self._embed(weights))
        out = self._synthesise(estimate, spectrogram, weights.shape[1], mixture.shape[-1])
        return out if self.low_band is None else out + self.low_band._estimate(mixture, weights)

    def _encode(self, mixture: Tensor, gain: Tensor | None = None) -> Features:
        spectrogram, stacked = self._analyse(mixture)
        return Features(
            unet=self.unet.encode(stacked, None),
            spectrogram=spectrogram,
            num_samples=mixture.shape[-1],
            low_band=None if self.low_band is None else self.low_band._encode(mixture),
            gain=gain,
        )

    def _decode(self, features: Features, weights: Tensor) -> Tensor:
        estimate = self.unet.decode(features.unet, self._embed(weights))
        out = self._synthesise(
            estimate, features.spectrogram, weights.shape[1], features.num_samples
        )
        if self.low_band is None or features.low_band is None:
            return out
        return out + self.low_band._decode(features.low_band, weights)

    def padded_length(self, num_samples: int) -> int:
        """The least length from ``num_samples`` up whose spectrogram has fitting frames.

        Frames must be a multiple of 2**depth, and samples more than half a frame for the reflected
        edges.
        """
        hop, multiple = self.spec.stft.hop_length, self.spec.frame_multiple
        # Windows that overlap by three quarters and more reach samples behind the last centre.
        is_enough = num_samples > self.spec.stft.n_fft // 2 and 4 * hop <= self.spec.stft.n_fft
        if is_enough and (1 + num_samples // hop) % multiple == 0:
            return num_samples
        needed = max(num_samples, self.spec.stft.n_fft // 2 + 1)
        frames = -(-needed // hop) + 1
        return (-(-frames // multiple) * multiple - 1) * hop

    def limit_band(self, waveform: Tensor) -> Tensor:
        """Remove the frequencies that the network does not see; most networks see all.

        Shape:
            (B, C, N) -> (B, C, N)
        """
        if self.spec.stft.num_bins is None:
            return waveform
        spectrogram, _ = self._analyse(waveform)
        missing = self.spec.stft.n_fft // 2 + 1 - spectrogram.shape[-1]
        length = self.padded_length(waveform.shape[-1])
        limited = self.stft.inverse(F.pad(spectrogram, (0, missing)), num_samples=length)
        return limited[..., : waveform.shape[-1]]

    def _analyse(self, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, N) -> spectrogram (B, 2 C, T, F) and what of it enters the U-Net."""
        num_samples = mixture.shape[-1]
        padded = F.pad(mixture, (0, self.padded_length(num_samples) - num_samples))
        spectrogram = self.stft(padded)
        if self.spec.sees_all_bins:
            return spectrogram, spectrogram
        kept = spectrogram[..., : self.spec.stft.kept_bins]
        return kept, stack_subbands(kept, self.spec.unet.num_subbands)

    def _synthesise(
        self, estimate: Tensor, spectrogram: Tensor, num_conditions: int, num_samples: int
    ) -> Tensor:
        """U-Net output (B * Q, ...) -> waveforms (B, Q, C, N)."""
        if not self.spec.sees_all_bins:
            estimate = unstack_subbands(estimate, self.spec.unet.num_subbands)
        if self.spec.estimate != "mapping":
            mixture = expand_batch(spectrogram, estimate.shape[0])
            parts = mixture.shape[1]
            if self.spec.estimate == "masking":
                estimate = complex_product(estimate, mixture)
            else:
                mask = estimate[:, parts:]  # (B * Q, C, T, F), for real and imaginary parts alike
                estimate = estimate[:, :parts] + torch.cat((mask, mask), dim=1) * mixture
        if not self.spec.sees_all_bins:
            missing = self.spec.stft.n_fft // 2 + 1 - estimate.shape[-1]
            estimate = F.pad(estimate, (0, missing))
        padded_length = self.padded_length(num_samples)
        waveform = self.stft.inverse(estimate, num_samples=padded_length)
        return waveform[..., :num_samples].unflatten(0, (-1, num_conditions))

    def _embed(self, weights: Tensor) -> Tensor | None:
        """Weights (B, Q, S) -> condition vectors (B * Q, E); None in a single-source network."""
        if self.embedding is None:
            return None
        return (weights @ self.embedding.weight).flatten(0, 1)
