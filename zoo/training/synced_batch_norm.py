"""Batch normalisation over the examples of all processes, on any device.

torch's own synchronised batch normalisation runs on GPUs only; this one runs wherever processes can
sum tensors, so that two CPU processes train exactly what one would.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SyncedBatchNorm(nn.SyncBatchNorm):
    """Batch normalisation with the statistics of all processes.

    In eval mode, or with one process, it is torch's own.

    Shape:
        (B, H) or (B, H, T, F) -> the same
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; see the class for shapes."""
        if not (self.training and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(input)
        values = input.float()
        reduced = [0, *range(2, values.ndim)]
        counted = values.new_full((values.shape[1],), values.numel() / values.shape[1])
        sums = torch.stack([values.sum(dim=reduced), values.square().sum(dim=reduced), counted])
        total, squares, count = all_reduce(sums)  # each (H,)
        mean = total / count
        variance = squares / count - mean.square()
        self._update_running(mean.detach(), variance.detach(), count[0])
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        shape = (1, -1, *[1] * (values.ndim - 2))
        normalised = (values - mean.view(shape)) * scale.view(shape)
        if self.affine:
            normalised = normalised + self.bias.view(shape)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _update_running(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        momentum = 0.1 if self.momentum is None else self.momentum
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), momentum)


def sync_batch_norms(module: nn.Module) -> None:
    """Turn every batch normalisation inside a module into a synced one, keeping its state."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            synced = SyncedBatchNorm(
                child.num_features, eps=child.eps, momentum=child.momentum, affine=child.affine
            )
            synced.load_state_dict(child.state_dict())
            setattr(module, name, synced.train(child.training))
        else:
            sync_batch_norms(child)
