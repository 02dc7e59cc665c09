"""Rows that come in pieces, in an order: what all sources share that read their data bit by bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from emix.arrays import Block, Place
from emix.errors import DataError
from emix.sources.columns import Columns
from emix.sources.protocol import M, block_rows, merge, sampled_rows
from emix.sources.reading import Reading, told

if TYPE_CHECKING:
    from emix.arrays import Order

R = TypeVar("R", Block, "Block | Columns")
Blocks = Generator[Block, None, None]
Pieces = Generator[Block | Columns, None, None]


class Streamed(ABC):
    """A source whose pieces, however long, are put together to blocks of just the rows that an
    array's are: the same rows give the same bits, wherever they come from.

    A pass holds two blocks, one that is worked on and one that is read meanwhile. `name` is what
    messages call the whole, `n_rows` None where only a pass will tell.
    """

    def __init__(
        self, name: str, names: tuple[str, ...], dtype: np.dtype[np.floating],
        is_weighted: bool, n_rows: int | None = None,
    ) -> None:
        self.name, self.column_names, self.dtype = name, names, dtype
        self.is_weighted = is_weighted
        self._n_rows = n_rows
        self._spare: list[_Frame] = []
        # Called with how far a pass has come.
        self.tell: Callable[[Reading], None] | None = None

    @abstractmethod
    def pieces(self) -> Pieces:
        """All rows from the beginning, in their order, each piece with its place; a piece stays as
        it is when the next one is asked for."""

    @property
    def n_features(self) -> int:
        return len(self.column_names)

    @property
    def row_bytes(self) -> int:
        """Bytes that the numbers of a row take."""
        return self.n_features * self.dtype.itemsize

    @property
    def n_rows(self) -> int:
        if self._n_rows is None:
            with closing(self._counted()) as pieces:
                for _ in pieces:
                    pass
            assert self._n_rows is not None
        return self._n_rows

    def _counted(self) -> Pieces:
        """The pieces, the rows of which are seen to be as many as at first.

        Raises `DataError` where they are not, or where there are none.
        """
        count = 0
        with closing(self.pieces()) as pieces:
            for piece in pieces:
                if piece.n_rows:
                    count += piece.n_rows
                    yield piece
        if count == 0 and not self._n_rows:
            raise DataError(f"{self.name} holds no rows; at least one is needed")
        if self._n_rows is not None and count != self._n_rows:
            raise DataError(f"{self.name} held {self._n_rows} rows at first and {count} now; every "
                            f"pass reads it from the beginning, and must find the same rows")
        self._n_rows = count

    def blocks(self) -> Iterator[Block]:
        """All rows in blocks; each is good until the next one but one is asked for."""
        n_rows, made = block_rows(self.n_features), 0
        # Two are enough, in turn; they are kept from pass to pass, for new memory costs more than
        # what is written into it.
        frames, self._spare = self._spare, []
        frame: _Frame | None = None
        with closing(self._counted()) as pieces:
            for piece in pieces:
                start = 0
                while start < piece.n_rows:
                    if frame is None and piece.n_rows == n_rows and isinstance(piece, Block):
                        yield piece
                        break
                    if frame is None:
                        if len(frames) < 2:
                            frames.append(_Frame(n_rows, self))
                        frame = frames[made % len(frames)]
                        frame.clear()
                        made += 1
                    start += frame.take(piece.rows(start, piece.n_rows))
                    if frame.is_full:
                        yield frame.block
                        frame = None
        if frame is not None:
            yield frame.block
        self._spare = frames

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        with closing(ahead(self.blocks())) as coming:
            blocks: Iterator[Block] = coming
            if self.tell is not None:
                blocks = told(coming, self.tell, self._n_rows, self.row_bytes)
            return merge(map(map_block, blocks), zero)

    def sample(self, n: int, seed: int) -> Block:
        if self.n_rows <= n:
            rows = self.whole(n)
            assert rows is not None
            return rows
        wanted, first = sampled_rows(self.n_rows, n, seed), 0
        taken = []
        with closing(ahead(self._counted())) as pieces:
            for piece in pieces:
                begin, end = np.searchsorted(wanted, (first, first + piece.n_rows))
                taken.append(_copied(piece, wanted[begin:end] - first))
                first += piece.n_rows
        return Block.joined(taken)

    def whole(self, most: int) -> Block | None:
        if self._n_rows is not None and self._n_rows > most:
            return None
        taken, runs, count = [], [], 0
        with closing(self._counted()) as pieces:
            for piece in pieces:
                if count + piece.n_rows > most:
                    return None
                taken.append(_copied(piece, slice(None)))
                if piece.place is not None:
                    runs += piece.place.moved(count)
                count += piece.n_rows
        return Block.joined(taken, Place(tuple(runs), self.column_names))


class _Frame:
    """Where pieces become a block."""

    def __init__(self, n_rows: int, source: Streamed) -> None:
        self._points = np.empty((n_rows, source.n_features), source.dtype)
        self._weight = np.empty(n_rows) if source.is_weighted else None
        self._names = source.column_names
        self.clear()

    def clear(self) -> None:
        self._filled = 0
        self._runs: list[tuple[int, str, int]] = []

    @property
    def is_full(self) -> bool:
        return self._filled == len(self._points)

    def take(self, piece: Block | Columns) -> int:
        """As many of the first rows of a piece as there is room for; how many."""
        room = slice(self._filled, min(self._filled + piece.n_rows, len(self._points)))
        count = room.stop - room.start
        if isinstance(piece, Block):
            self._points[room] = piece.points[:count]
        else:
            piece.rows(0, count).write(self._points[room])
        if self._weight is not None:
            self._weight[room] = piece.sample_weight[:count]  # type: ignore[index]
        if piece.place is not None:
            self._runs += [run for run in piece.place.moved(room.start) if run[0] < room.stop]
        self._filled = room.stop
        return count

    @property
    def block(self) -> Block:
        """What has been taken."""
        weight = self._weight
        return Block(self._points[: self._filled],
                     None if weight is None else weight[: self._filled],
                     Place(tuple(self._runs), self._names))


def ahead(blocks: Iterator[R]) -> Generator[R, None, None]:
    """The same blocks or pieces, each read while the one before it is worked on."""
    reader = ThreadPoolExecutor(1, thread_name_prefix="emix-reader")
    try:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block
    finally:
        reader.shutdown(cancel_futures=True)
        if isinstance(blocks, Generator):
            blocks.close()


def _copied(piece: Block | Columns, rows: Order | slice) -> Block:
    """Some rows of a piece, which may lie in something much longer."""
    if isinstance(piece, Columns):
        return piece.chosen(rows)
    weight = piece.sample_weight
    return Block(np.array(piece.points[rows]), None if weight is None else np.array(weight[rows]))
