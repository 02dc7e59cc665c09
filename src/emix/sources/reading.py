"""How far a pass over rows that are not in memory has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emix.arrays import Block

# Seconds between two times that it is told of.
BETWEEN = 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows done in a pass, of how many (None before anything tells), the bytes that one takes as
    numbers, and the seconds since the pass began."""

    rows: int
    n_rows: int | None
    row_bytes: int
    seconds: float

    @property
    def bytes(self) -> int:
        """Bytes of numbers done."""
        return self.rows * self.row_bytes

    @property
    def n_bytes(self) -> int | None:
        """Bytes of numbers in all."""
        return None if self.n_rows is None else self.n_rows * self.row_bytes

    @property
    def seconds_left(self) -> float | None:
        """Until the end of the pass, at its pace so far."""
        if self.n_rows is None or self.rows == 0:
            return None
        return self.seconds * (self.n_rows / self.rows - 1)


def told(
    blocks: Iterator[Block], tell: Callable[[Reading], None], n_rows: int | None, row_bytes: int
) -> Iterator[Block]:
    """The same blocks; when the next one is asked for, the last has been worked on."""
    began = time.monotonic()
    rows, due = 0, began + BETWEEN
    for block in blocks:
        yield block
        rows += block.n_rows
        now = time.monotonic()
        if now >= due:
            due = now + BETWEEN
            tell(Reading(rows, n_rows, row_bytes, now - began))
