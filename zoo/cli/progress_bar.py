"""A progress bar for downloads, in the form that the library's ``progress`` arguments take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def download_bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a callback that draws a bar on the terminal from the first byte on.

    Args:
        title: What is being fetched.
    """
    from tqdm import tqdm

    bars: list[tqdm] = []

    def show(done: int, total: int | None) -> None:
        if not bars:
            bars.append(tqdm(desc=title, total=total, unit="B", unit_scale=True, disable=None))
        bars[0].total = total
        bars[0].update(done - bars[0].n)

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()
