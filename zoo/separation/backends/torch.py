"""The torch backend: runs every network on every device."""

from pathlib import Path

import torch
from torch import nn

from zoo.separation.backends.backend import BACKENDS
from zoo.separation.backends.folding import fold_batch_norms

__all__ = ["TorchBackend"]


class TorchBackend:
    """Runs a network eagerly, its batch normalisations folded into its convolutions."""

    name = "torch"
    rank = 0
    fills_last_chunk = False
    autocasts = True

    def version(self) -> str:
        """Return torch's version."""
        return torch.__version__

    def obstacle(self, network: nn.Module, device: torch.device) -> str | None:
        """Return None: it runs everything."""
        del network, device
        return None

    def fastest_precision(self, device: torch.device) -> torch.dtype:
        """Return bfloat16 where the device has instructions for it."""
        if device.type == "cuda":
            has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            # Before torch 2.10 a CPU cannot be asked. No other device was measured.
            ask = getattr(torch.cpu, "get_capabilities", dict)
            has_bfloat16 = device.type == "cpu" and bool(ask().get("avx512_bf16", False))
        return torch.bfloat16 if has_bfloat16 else torch.float32

    def prepare(
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: torch.dtype,
        cache: Path | None,
        may_fall_back: bool,
    ) -> nn.Module:
        """Fold the batch normalisations and move the network to its device."""
        del precision, cache, may_fall_back
        fold_batch_norms(network)
        return network.to(device)


BACKENDS.add("torch", TorchBackend())
