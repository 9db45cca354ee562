"""Windows on their way through the encoder, beside the decoder where there is a processor core to spare.

The encoder multiplies large matrices, the decoder waits for memory: side by side, each with half of the threads, they
are done sooner than one after the other with all of them.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from whisper.model import Whisper

from blv_trainer.asr.whisper_windows import Window, encode


class FeatureQueue:
    """Gives windows back in the order in which they came, encoded.

    Args:
        model: A Whisper model on a processor.
        threads: Of torch, for encoder and decoder together; with one, a window is encoded when it is asked for.
    """

    def __init__(self, model: Whisper, threads: int):
        self.decoder_threads = threads - threads // 2  # those that are left
        self.is_ahead = threads > 1
        self._model = model
        self._windows: deque[tuple[Window, Future | None]] = deque()
        self._pool = None
        if self.is_ahead:
            self._pool = ThreadPoolExecutor(
                1, thread_name_prefix="encode", initializer=torch.set_num_threads, initargs=(threads // 2,)
            )

    def put(self, window: Window) -> None:
        """Takes a window."""
        self._windows.append((window, self._pool.submit(self._encode, window) if self._pool else None))

    def take(self, *, wait: bool) -> Window | None:
        """The next window, encoded; None without windows, or where it is not ready and ``wait`` is off."""
        if not self._windows:
            return None
        window, future = self._windows[0]
        if future is None:
            self._encode(window)
        elif wait or future.done():
            future.result()
        else:
            return None
        self._windows.popleft()
        return window

    @contextlib.contextmanager
    def beside(self) -> Iterator[None]:
        """Leaves the encoder its threads while the decoder is at work."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.decoder_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def close(self) -> None:
        """Forgets the windows."""
        self._windows.clear()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @torch.no_grad()
    def _encode(self, window: Window) -> None:
        encode(self._model, window)
