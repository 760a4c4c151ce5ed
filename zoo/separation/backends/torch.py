"""The torch backend: runs every network of torch on every device."""

from pathlib import Path

import torch
from torch import nn

from zoo.graphs.exported import ExportedNetwork
from zoo.networks.folding import fold_batch_norms
from zoo.separation.backends.backend import BACKENDS

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
        """Return None, as it runs everything, but for graphs that were exported."""
        del device
        if isinstance(network, ExportedNetwork):
            return (
                "it runs networks of torch, not exported graphs; onnxruntime and openvino run those"
            )
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
