"""Decode the next blocks of a signal while whoever asked for the last one works on it."""

import queue
import threading
from collections.abc import Iterator

import numpy as np

from zoo.audio.reader import AudioReader

__all__ = ["read_ahead"]

NUM_BLOCKS = 8  # of 1.5 s at 44.1 kHz: 4 MiB of stereo, and more than a chunk of most networks


def read_ahead(reader: AudioReader, *, num_blocks: int = NUM_BLOCKS) -> AudioReader:
    """Return a reader of the same signal that a thread decodes ahead, from this call on.

    Blocks, errors and warnings are those of the given reader, which the returned one closes.

    Args:
        reader: A signal that nobody has begun to read.
        num_blocks: How many decoded blocks may wait; this bounds the memory.
    """
    thread = _DecodingThread(reader, num_blocks)
    return AudioReader(
        reader.info,
        blocks=thread.blocks(),
        close=thread.close,
        warnings=reader.warnings,
        max_values=reader.max_values,
    )


class _DecodingThread:
    """Reads a signal into a queue until it ends, fails or is closed."""

    def __init__(self, reader: AudioReader, num_blocks: int) -> None:
        self._reader = reader
        self._queue: queue.Queue[np.ndarray | Exception | None] = queue.Queue(num_blocks)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._decode, name="decoding", daemon=True)
        self._thread.start()

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield what the thread decoded; raise what it raised."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        """End the thread, wherever it is, and close the reader."""
        self._is_closed.set()
        while self._thread.is_alive():
            while not self._queue.empty():  # it may wait for room
                self._queue.get()
            self._thread.join(0.01)
        self._reader.close()

    def _decode(self) -> None:
        try:
            for block in self._reader.blocks():
                self._queue.put(block)
                if self._is_closed.is_set():
                    return
            self._queue.put(None)
        except Exception as error:  # noqa: BLE001  # raised again where the blocks are read
            self._queue.put(error)
