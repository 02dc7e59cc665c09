"""Every kind of source, made of the same rows; the conformance suite runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emix.sources.array import ArraySource
from emix.sources.blocks import BlocksSource
from emix.sources.protocol import Source

# Rows of a piece, where a source is made of pieces: no multiple of anything.
PIECE = 137


@dataclass(frozen=True)
class Rows:
    """Points (n, d), their weights (n,) if any, the names (d,), and a folder to write to."""

    points: np.ndarray
    weight: np.ndarray | None
    names: tuple[str, ...]
    folder: Path

    def pieces(self) -> Iterator[slice]:
        for start in range(0, len(self.points), PIECE):
            yield slice(start, start + PIECE)

    def columns(self, rows: slice = slice(None)) -> dict[str, np.ndarray]:
        """By name, the weights as "w"."""
        columns = dict(zip(self.names, self.points[rows].T, strict=True))
        return columns if self.weight is None else columns | {"w": self.weight[rows]}

    @property
    def weight_name(self) -> str | None:
        return None if self.weight is None else "w"


def of_array(rows: Rows) -> Source:
    return ArraySource.of(rows.points, rows.weight, rows.names)


def of_blocks(rows: Rows) -> Source:
    """Data frames, as a function makes them."""
    import polars

    def make() -> Iterator[Any]:
        return (polars.DataFrame(rows.columns(part)) for part in rows.pieces())

    return BlocksSource(make, rows.weight_name)


MAKERS: dict[str, Callable[[Rows], Source]] = {"array": of_array, "blocks": of_blocks}
