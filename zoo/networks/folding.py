"""Batch normalisation folded into the convolution before it: the same function, one pass less."""

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fold_batch_norms"]


def fold_batch_norms(module: nn.Module) -> int:
    """Fold every batch normalisation that directly follows a convolution in a Sequential.

    Args:
        module: In eval mode; changed in place.

    Returns:
        How many were folded.

    Raises:
        ValueError: A module in train mode, whose normalisation depends on the batch.
    """
    if module.training:
        raise ValueError("got a module in train mode; expected eval mode: call .eval() first")
    num_folded = 0
    for sequence in module.modules():
        if not isinstance(sequence, nn.Sequential):
            continue
        for index in range(len(sequence) - 1):
            convolution, norm = sequence[index], sequence[index + 1]
            is_transposed = isinstance(convolution, nn.ConvTranspose2d)
            if not is_transposed and not isinstance(convolution, nn.Conv2d):
                continue
            if isinstance(norm, nn.BatchNorm2d) and norm.track_running_stats:
                sequence[index] = fuse_conv_bn_eval(convolution, norm, transpose=is_transposed)
                sequence[index + 1] = nn.Identity()
                num_folded += 1
    return num_folded
