"""A table of who belongs where, as text: label, responsibilities, log-density of each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from emix.sources.streamed import Streamed

if TYPE_CHECKING:
    from emix.arrays import Points
    from emix.mixture import Mixture
    from emix.sources.protocol import Source

__all__ = ["answers", "as_csv", "header_of"]

ROWS_AT_A_TIME = 4096


def header_of(k: int, with_shares: bool = True, with_density: bool = False) -> list[str]:
    """The names of what `answers` gives.

    >>> header_of(2)
    ['label', 'p1', 'p2']
    """
    shares = [f"p{j + 1}" for j in range(k)] if with_shares else []
    return ["label", *shares, *(["logpdf"] if with_density else [])]


def answers(
    mixture: Mixture, source: Source, with_shares: bool = True, with_density: bool = False
) -> Iterator[list[object]]:
    """Rows of the answer, made block by block so that a long table needs no n × k array: label,
    the probability of each component, log-density."""
    for points in _blocks(source):
        for first in range(0, len(points), ROWS_AT_A_TIME):
            rows = points[first:first + ROWS_AT_A_TIME]
            columns: list[list[object]] = [(mixture.predict(rows) + 1).tolist()]
            if with_shares:
                columns += mixture.responsibilities(rows).T.tolist()
            if with_density:
                columns.append(mixture.logpdf(rows).tolist())
            yield from map(list, zip(*columns, strict=True))


def _blocks(source: Source) -> Iterator[Points]:
    if isinstance(source, Streamed):
        yield from (block.points for block in source.blocks())
        return
    rows = source.whole(source.n_rows)
    assert rows is not None
    yield rows.points


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A table as CSV text, in pieces; floats with all their digits (repr)."""
    rows = iter(rows)
    piece: Iterable[Sequence[object]] = [header]
    while piece:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(piece)
        yield text.getvalue()
        piece = list(islice(rows, ROWS_AT_A_TIME))
