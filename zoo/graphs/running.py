"""The arithmetic around graphs: level, transform, one encoding for all sources, and back.

B: mixtures, Q: conditions, S: sources, C: channels, N: samples
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blocks import STFT
from zoo.graphs.cutting import CONDITION, SPECTROGRAM
from zoo.networks.inputs import check_mixture, condition_weights, input_gain
from zoo.networks.spectra import analyse, synthesise
from zoo.specs.spec import Spec

__all__ = ["GraphNetwork", "RunnablePart", "Runner"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """A graph that is ready to run.

    Attributes:
        inputs: Names of what it takes, in order.
        outputs: Names of what it gives, in order.
        run: Maps contiguous float32 tensors to such tensors.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[[Sequence[Tensor]], Sequence[Tensor]]

    def __call__(self, known: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the inputs from what is known by name; return the outputs by name."""
        values = self.run([known[name] for name in self.inputs])
        return dict(zip(self.outputs, values, strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class RunnablePart:
    """A part of a network whose graphs are ready to run.

    Attributes:
        spec: The part's own.
        graphs: ``encoder`` and ``decoder``, or ``network``.
    """

    spec: Spec
    graphs: Mapping[str, Runner]


class GraphNetwork(nn.Module):
    """Separates as :class:`~zoo.networks.network.SeparationNetwork` does, through graphs.

    Args:
        spec: The network as data.
        parts: Its graphs.

    Shape:
        mixture (B, C, N) -> (B, S, C, N), or (B, Q, C, N) for Q soft conditions
    """

    def __init__(self, spec: Spec, parts: Sequence[RunnablePart]) -> None:
        super().__init__()
        self.spec = spec
        self.parts = tuple(parts)
        self._transforms = [
            STFT(n_fft=part.spec.stft.n_fft, hop_length=part.spec.stft.hop_length)
            for part in self.parts
        ]

    def forward(
        self,
        mixture: Tensor,
        *,
        sources: Sequence[str] | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Separate a batch of mixtures; arguments, result and errors as of a network's call."""
        check_mixture(mixture, self.spec)
        weights = condition_weights(self.spec, mixture, sources=sources, condition=condition)
        gain = input_gain(mixture, self.spec)
        seen = mixture if gain is None else mixture * gain
        estimates = sum(
            self._estimate(part, stft, seen, weights)
            for part, stft in zip(self.parts, self._transforms, strict=True)
        )
        assert isinstance(estimates, Tensor)
        return estimates if gain is None else estimates / gain[:, None]

    def _estimate(self, part: RunnablePart, stft: STFT, mixture: Tensor, weights: Tensor) -> Tensor:
        """Mixture (B, C, N), weights (B, Q, S) -> (B, Q, C, N)."""
        spectrogram = analyse(stft, part.spec, mixture).contiguous()
        estimates = []
        for index in range(mixture.shape[0]):
            known = {SPECTROGRAM: spectrogram[index : index + 1]}
            if "encoder" in part.graphs:
                known |= part.graphs["encoder"](known)
            decode = part.graphs["decoder" if "decoder" in part.graphs else "network"]
            for condition in weights[index].contiguous():
                known[CONDITION] = condition[None]
                estimates.extend(decode(known).values())
        return synthesise(
            stft,
            part.spec,
            torch.cat(estimates),
            num_conditions=weights.shape[1],
            num_samples=mixture.shape[-1],
        )
