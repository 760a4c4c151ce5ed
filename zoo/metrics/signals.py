"""What metrics ask of their signals.

Shape legend: C channels, N samples.
"""

import numpy as np

__all__ = ["DEFAULT_ABSENT_DB", "in_double_precision", "level_below", "require_equal_shapes"]

DEFAULT_ABSENT_DB = 15.0  # a source further below its mixture counts in no mean


def require_equal_shapes(first: np.ndarray, second: np.ndarray) -> None:
    """Refuse to score signals that do not belong together.

    Raises:
        ValueError: If the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"shapes differ: {first.shape} and {second.shape}; score signals of equal length and "
            "channel count"
        )


def in_double_precision(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64; sums over minutes of float32 samples lose digits.

    Raises:
        ValueError: If the shapes differ.
    """
    require_equal_shapes(first, second)
    return first.astype(np.float64), second.astype(np.float64)


def level_below(target: np.ndarray, mixture: np.ndarray) -> float:
    """Compute how far the energy of a target is below that of the mixture, in dB.

    Args:
        target: The true source.
        mixture: What it is a part of.

    Shape:
        - target, mixture: the same, (C, N).

    Returns:
        Positive where the target is the quieter one, ``inf`` for a silent target.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> level_below(np.full((1, 8), 0.1), np.full((1, 8), 1.0))
        20.0
    """
    target, mixture = in_double_precision(target, mixture)
    target_energy, mixture_energy = np.sum(target**2), np.sum(mixture**2)
    if target_energy == 0:
        return float("inf")
    if mixture_energy == 0:
        return float("-inf")
    return float(10 * np.log10(mixture_energy / target_energy))
