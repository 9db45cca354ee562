"""Several processes, on one machine or more, that draw their work from one queue."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch.distributed as dist

T = TypeVar("T")

_LONG = timedelta(days=30)  # nobody may give up on a process that is at work
_POLL_S = 0.2


class Workers:
    """The processes that ``accelerate launch`` (or ``torchrun``) started, or this one alone.

    They need no process group and so no common device: each takes the next item when it is free, so that a fast or idle
    one takes over what is left. Every process must call ``share`` and ``wait`` the same number of times.

    Args:
        alone: Whether this process works alone even where a launcher started others beside it.

    Raises:
        ValueError: The launcher's variables do not belong together.

    Examples:
        >>> workers = Workers()  # alone
        >>> workers.rank, workers.share(lambda: [1, 2]), list(workers.draw("ab"))
        (0, [1, 2], ['a', 'b'])
    """

    def __init__(self, *, alone: bool = False):
        self.size = 1 if alone else int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.size > 1 else 0
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0")) if self.size > 1 else 0
        self._calls = 0
        if self.size == 1:
            self._store: dist.Store = dist.HashStore()
            return
        from torch.distributed.rendezvous import rendezvous

        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
        if missing:
            raise ValueError(
                f"WORLD_SIZE={self.size} but {', '.join(missing)} is not set. Start several processes by "
                "`accelerate launch`, or unset WORLD_SIZE."
            )
        store, _, _ = next(iter(rendezvous("env://", timeout=timedelta(minutes=10))))
        store.set_timeout(_LONG)
        self._store = dist.PrefixStore("blv_trainer.asr", store)

    @property
    def is_main(self) -> bool:
        """Whether this is the process that talks."""
        return self.rank == 0

    def share(self, make: Callable[[], Any]) -> Any:
        """What ``make`` gives in the main process, as JSON carries it; ``make`` is called there only.

        Raises:
            RuntimeError: ``make`` failed in the main process.
        """
        self._calls += 1
        key = f"share/{self._calls}"
        if self.size == 1:
            return make()
        if self.is_main:
            try:
                value = make()
            except BaseException as error:
                self._store.set(key, json.dumps({"error": str(error)}))
                raise
            self._store.set(key, json.dumps({"value": value}))
            return value
        answer = json.loads(self._store.get(key))
        if "error" in answer:
            raise RuntimeError(f"the main process failed: {answer['error']}")
        return answer["value"]

    def draw(self, items: Sequence[T]) -> Iterator[T]:
        """Items that no other process has drawn, one by one, in order; ``items`` must be the same in all."""
        while (index := self._store.add("drawn", 1) - 1) < len(items):
            yield items[index]

    def count(self, name: str, amount: int = 0) -> int:
        """Adds to a number that all processes share; its new value."""
        return self._store.add(f"count/{name}", amount)

    def wait(self, tick: Callable[[], None] = lambda: None) -> None:
        """Returns when every process has come here; calls ``tick`` now and then meanwhile."""
        self._calls += 1
        key = f"wait/{self._calls}"
        self._store.add(key, 1)
        while self._store.add(key, 0) < self.size:
            tick()
            time.sleep(_POLL_S)
