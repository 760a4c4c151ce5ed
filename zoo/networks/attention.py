"""Recording what the attention blocks of a network attend to."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

from torch import Tensor, nn

from blocks import LatentSourceAttention


@contextmanager
def record_attention(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Record the attention blocks' outputs of this thread; other threads go unseen.

    Yields:
        By the block's place (``decoder.0``, ``low_band.decoder.0``) the last of its outputs.
    """
    maps: dict[str, Tensor] = {}
    thread = get_ident()
    handles = []
    for name, module in network.named_modules():
        if not isinstance(module, LatentSourceAttention):
            continue
        place = name.removesuffix(".frequency.attention").replace(".stage", "")
        place = place.replace("unet.", "")

        def record(_module: nn.Module, _inputs: object, out: Tensor, place: str = place) -> None:
            if get_ident() == thread:
                maps[place] = out.detach()

        handles.append(module.register_forward_hook(record))
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()
