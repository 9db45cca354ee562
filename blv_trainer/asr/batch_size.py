"""How many windows to decode at a time: given, or found by trying."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


class BatchSize:
    """A batch size that doubles while memory lasts and halves when it does not.

    Args:
        start: Windows at first.
        limit: Most windows; ``start`` for a fixed size. Even a fixed one shrinks when memory does not suffice.

    Raises:
        ValueError: Not 1 <= start <= limit.

    Examples:
        >>> batch_size = BatchSize(4, limit=32)
        >>> batch_size.grow(4), batch_size.size
        (None, 8)
        >>> batch_size.shrink(8), batch_size.size
        (None, 4)
        >>> batch_size.grow(4), batch_size.size  # 8 is known to be too many
        (None, 4)
    """

    def __init__(self, start: int, *, limit: int):
        if not 1 <= start <= limit:
            raise ValueError(f"start={start}, limit={limit} cannot be used: give 1 <= start <= limit.")
        self.size = start
        self._limit = limit

    def grow(self, decoded: int) -> None:
        """Notes that a batch of ``decoded`` windows went well."""
        if decoded == self.size and 2 * self.size <= self._limit:
            self.size *= 2

    def shrink(self, decoded: int) -> None:
        """Notes that memory did not suffice for ``decoded`` windows."""
        self._limit = max(1, decoded - 1)
        self.size = max(1, min(self.size, decoded) // 2)
        logger.warning("Memory does not suffice for a batch of %d windows; going on with %d.", decoded, self.size)
