"""The network of a spec: waveform in, one waveform per source out.

Shapes: see the legend in ``blocks.stage``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from blocks import STFT
from zoo.networks.attention import record_attention
from zoo.networks.inputs import check_mixture, condition_weights, input_gain
from zoo.networks.spectra import analyse, enter_unet, leave_unet, padded_length, synthesise
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
        spectrogram = analyse(self.stft, self.spec, mixture)
        estimate = self.unet(enter_unet(self.spec, spectrogram), self._embed(weights))
        estimate = leave_unet(self.spec, estimate, spectrogram)
        out = self._synthesise(estimate, weights.shape[1], mixture.shape[-1])
        return out if self.low_band is None else out + self.low_band._estimate(mixture, weights)

    def _encode(self, mixture: Tensor, gain: Tensor | None = None) -> Features:
        spectrogram = analyse(self.stft, self.spec, mixture)
        return Features(
            unet=self.unet.encode(enter_unet(self.spec, spectrogram), None),
            spectrogram=spectrogram,
            num_samples=mixture.shape[-1],
            low_band=None if self.low_band is None else self.low_band._encode(mixture),
            gain=gain,
        )

    def _decode(self, features: Features, weights: Tensor) -> Tensor:
        estimate = self.unet.decode(features.unet, self._embed(weights))
        estimate = leave_unet(self.spec, estimate, features.spectrogram)
        out = self._synthesise(estimate, weights.shape[1], features.num_samples)
        if self.low_band is None or features.low_band is None:
            return out
        return out + self.low_band._decode(features.low_band, weights)

    def padded_length(self, num_samples: int) -> int:
        """Return the least length whose frames fit: :func:`zoo.networks.spectra.padded_length`."""
        return padded_length(self.spec, num_samples)

    def limit_band(self, waveform: Tensor) -> Tensor:
        """Remove the frequencies that the network does not see; most networks see all.

        Shape:
            (B, C, N) -> (B, C, N)
        """
        if self.spec.stft.num_bins is None:
            return waveform
        spectrogram = analyse(self.stft, self.spec, waveform)
        return self._synthesise(spectrogram, 1, waveform.shape[-1]).squeeze(1)

    def _synthesise(self, estimate: Tensor, num_conditions: int, num_samples: int) -> Tensor:
        """Spectrograms (B * Q, 2 C, T, F) -> waveforms (B, Q, C, N)."""
        return synthesise(
            self.stft, self.spec, estimate, num_conditions=num_conditions, num_samples=num_samples
        )

    def _embed(self, weights: Tensor) -> Tensor | None:
        """Weights (B, Q, S) -> condition vectors (B * Q, E); None in a single-source network."""
        if self.embedding is None:
            return None
        return (weights @ self.embedding.weight).flatten(0, 1)
