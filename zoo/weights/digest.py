"""What identifies weights: their tensors, not the file or the tag that they came from."""

import hashlib
from collections.abc import Mapping

from torch import Tensor

__all__ = ["digest_tensors"]


def digest_tensors(state_dict: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, types, shapes and values of tensors, in any order of names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state_dict.items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()
