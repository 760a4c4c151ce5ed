"""Which network a file of weights is for: by its spec, or by its tensors where it holds none."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from zoo.errors import WeightsError
from zoo.networks.bounds import meta_network
from zoo.specs.registry import SPECS
from zoo.specs.spec import Spec
from zoo.weights.adapters import Layout, rename

__all__ = ["check_same_network", "recognise_spec"]

Shapes: TypeAlias = frozenset[tuple[str, tuple[int, ...]]]
"""Names and shapes of the tensors of a network."""

HINT = (
    "Name the spec, as in zoo.build(NAME, weights=FILE), or run: "
    "python -m zoo convert FILE --spec NAME -o OUT.safetensors"
)
NUM_SHOWN = 3
WINDOW = "stft.window"  # published networks keep it; its length tells n_fft


@dataclass(frozen=True, kw_only=True, slots=True)
class _Comparison:
    """What tensors and a spec's network have in common.

    Attributes:
        spec: The spec.
        num_common: How many tensors they share, by name and shape.
        missing: What only the network has.
        unknown: What only the tensors have.
    """

    spec: Spec
    num_common: int
    missing: Shapes
    unknown: Shapes

    @property
    def is_same(self) -> bool:
        """Whether the tensors are those of the network."""
        return not self.missing and not self.unknown

    def __str__(self) -> str:
        """Name the first tensors of the difference."""
        parts = [f"{_show(self.missing)} missing"] * bool(self.missing)
        parts += [f"{_show(self.unknown)} too many"] * bool(self.unknown)
        return ", ".join(parts)


def recognise_spec(state_dict: Mapping[str, Tensor], *, name: str) -> Spec:
    """Find the registered spec whose network has exactly these tensors.

    Args:
        state_dict: Tensors by published or by our names.
        name: What the weights are called, for the messages.

    Raises:
        WeightsError: If they fit no spec, with the closest one and what differs, or more than one.
    """
    try:
        renamed = rename({key: tensor.to("meta") for key, tensor in state_dict.items()})
    except WeightsError as error:
        raise WeightsError(f"{name}: {error}") from error
    windows = {len(tensor) for key, tensor in state_dict.items() if key.endswith(WINDOW)}
    specs = [SPECS[spec_name] for spec_name in SPECS.names()]
    compared = [_compare(renamed, windows, spec) for spec in specs]
    fitting = [comparison.spec for comparison in compared if comparison.is_same]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(spec.name for spec in fitting)
        raise WeightsError(
            f"{name} holds no spec, and its tensors are those of {names} alike. {HINT}"
        )
    closest = max(compared, key=lambda comparison: comparison.num_common)
    about = f"The closest is {closest.spec.name}, from which it differs: {closest}"
    if not closest.num_common:
        about = f"It has none of their tensors, but {_show(closest.unknown)}"
    raise WeightsError(
        f"{name} holds no spec, and its tensors are not those of any known network. {about}. {HINT}"
    )


def check_same_network(stored: Spec, wanted: Spec, name: str) -> None:
    """Refuse weights of another network, such as one with its sources in another order.

    Args:
        stored: The spec that the weights are for.
        wanted: The spec of the network that is to have them.
        name: What the weights are called, for the message.

    Raises:
        WeightsError: With every key in which the two differ.
    """
    ignored = {"name", "title", "paper", "chunk_frames"}
    mine, theirs = wanted.to_dict(), stored.to_dict()
    keys = [key for key in mine.keys() | theirs.keys() if key not in ignored]
    different = sorted(key for key in keys if mine.get(key) != theirs.get(key))
    if different:
        listed = "; ".join(f"{key}: {theirs.get(key)}, not {mine.get(key)}" for key in different)
        raise WeightsError(
            f"{name} holds weights of {stored.name!r}, which differs from {wanted.name!r} in "
            f"{listed[:600]}"
        )


def _compare(
    renamed: Mapping[str, tuple[Tensor, Layout | None]], windows: set[int], spec: Spec
) -> _Comparison:
    theirs = _shapes({key: _laid_out(*pair, spec) for key, pair in renamed.items()})
    ours = _network_shapes(spec)
    if windows:
        theirs |= {(WINDOW, (length,)) for length in windows}
        ours |= {(WINDOW, (spec.stft.n_fft,))}
    return _Comparison(
        spec=spec, num_common=len(ours & theirs), missing=ours - theirs, unknown=theirs - ours
    )


@functools.lru_cache(maxsize=64)
def _network_shapes(spec: Spec) -> Shapes:
    return _shapes(meta_network(spec).state_dict())


def _shapes(state_dict: Mapping[str, Tensor]) -> Shapes:
    """Names and shapes without the counters of batch norms, which some files leave out."""
    return frozenset(
        (key, tuple(tensor.shape))
        for key, tensor in state_dict.items()
        if not key.endswith("num_batches_tracked")
    )


def _laid_out(tensor: Tensor, layout: Layout | None, spec: Spec) -> Tensor:
    """Change the layout as for a spec; a tensor that does not allow it cannot be of the spec."""
    try:
        return layout(tensor, spec) if layout else tensor
    except (RuntimeError, IndexError, ValueError):
        return tensor


def _show(shapes: Shapes) -> str:
    shown = [f"{key} {shape}" for key, shape in sorted(shapes)[:NUM_SHOWN]]
    return ", ".join(shown) + (" and more" if len(shapes) > NUM_SHOWN else "")
