"""Sounds read ahead of their use, by threads, a bounded number at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from os import PathLike
from typing import TypeVar

from blv_trainer.asr.audio import Audio, load_audio

PathT = TypeVar("PathT", bound=str | PathLike)


def load_ahead(
    paths: Iterable[PathT], *, ahead: int = 2, workers: int = 2
) -> Iterator[tuple[PathT, Audio | BaseException]]:
    """Reads sounds in order while the caller works on earlier ones.

    Decoding and resampling release the interpreter lock, so that the threads really run side by side. A path is taken
    from ``paths`` only when there is room, so that several processes can draw theirs from one queue.

    Args:
        paths: Files to read.
        ahead: Most sounds that are read and not yet taken.
        workers: Threads.

    Yields:
        Each path with its sound, or with the exception that reading it raised.

    Raises:
        ValueError: ``ahead`` or ``workers`` below 1.
    """
    if ahead < 1 or workers < 1:
        raise ValueError(f"ahead={ahead}, workers={workers} cannot be used: give numbers from 1 up.")
    waiting: deque[tuple[PathT, Future[Audio]]] = deque()
    paths = iter(paths)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="load_audio")
    try:
        while True:
            while len(waiting) < ahead and (path := next(paths, None)) is not None:
                waiting.append((path, pool.submit(load_audio, path)))
            if not waiting:
                return
            path, future = waiting.popleft()
            error = future.exception()
            yield path, error or future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
