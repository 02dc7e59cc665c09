"""Spark's data frames: their rows as blocks that Spark keeps, work on those, and columns put beside
theirs. The one place that imports pyspark.

All goes through `mapInArrow`: what a block is asked goes out with the query, what comes of it is
one row, and rows are put in the order of partitions and blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emix import errors
from emix.engines.traffic import packed, unpacked
from emix.errors import ClusterError, DataError, EmixError, MissingExtraError
from emix.names import listed, near

# A block as a row: whose it is, what it holds, or in words what went wrong there; and what is made
# of one. Nothing is missing in them, so that Arrow sees from values alone of what types they are.
BLOCK = "partition long, block long, n_rows long, points binary, weight binary, error string"
ANSWER = "partition long, block long, answer binary, error string"
NUMBERS = frozenset(("byte", "short", "integer", "long", "float", "double", "decimal", "boolean"))
# How Java's and Python's accounts of an error begin the line that names it.
ERROR = re.compile(r"(Caused by: )?[\w.]*(Error|Exception)\b")
# Bytes of a partition that come to a worker of Spark's in one piece.
MOST_BYTES = 1 << 30

Points = NDArray[np.floating[Any]]
Weight = NDArray[np.float64] | None
# Partition and block; the number of the block's first row in the partition; rows and weights.
Work = Callable[[tuple[int, int], int, Points, Weight], Any]


def pyspark() -> Any:
    """The package, with the parts that frames need; raises `MissingExtraError`."""
    try:
        import pyspark
        import pyspark.sql.functions
        import pyspark.sql.types
    except ImportError as reason:
        raise MissingExtraError("pyspark", "spark", "reading a data frame of Spark's") from reason
    return pyspark


def is_frame(x: object) -> bool:
    """Whether x is a data frame of Spark's; does not import it."""
    return hasattr(x, "mapInArrow") and any(
        base.__module__.startswith("pyspark.sql") for base in type(x).__mro__)


def refuse_text(x: Any, names: Sequence[str]) -> None:
    """Raises `DataError` for columns that x has not, or twice, or that do not hold numbers."""
    kinds = {field.name: field.dataType.typeName() for field in x.schema.fields}
    twice = [name for name in names if x.columns.count(name) > 1]
    if twice:
        raise DataError(f"x has several columns that are called {listed(twice)}; give each a name "
                        f"of its own, x.toDF(...)")
    missing = [name for name in names if name not in kinds]
    if missing:
        raise DataError(f"x has no column {listed(missing)}{near(missing[0], list(kinds))}; the "
                        f"columns are {listed(list(kinds))}")
    text = [f"{name!r} ({kinds[name]})" for name in names if kinds[name] not in NUMBERS]
    if text:
        raise DataError(f"x has columns that do not hold numbers: {listed(text, str)}; choose "
                        f"those to fit, columns=[...]")


def dtype_of(x: Any, names: Sequence[str]) -> np.dtype[np.floating]:
    """float32 where all columns are, else float64."""
    kinds = {field.name: field.dataType.typeName() for field in x.schema.fields}
    return np.dtype(np.float32 if {kinds[name] for name in names} == {"float"} else np.float64)


def _number(name: str, kind: str) -> Any:
    """A column by its name, whatever is in that, as a type of number."""
    quoted = name.replace("`", "``")
    return pyspark().sql.functions.col(f"`{quoted}`").cast(kind)


class Blocks:
    """The rows of some columns, and their weights if any, as blocks that Spark keeps in memory or
    on its disks; let go of with this."""

    def __init__(
        self, x: Any, names: Sequence[str], weight: str | None, most_rows: int
    ) -> None:
        dtype = dtype_of(x, names)
        wanted = [_number(name, "float" if dtype.itemsize == 4 else "double") for name in names]
        if weight is not None:
            wanted.append(_number(weight, "double"))
        rows = x.select([each.alias(f"c{j}") for j, each in enumerate(wanted)])
        divide = _Divide(tuple(names), weight, dtype, most_rows)
        self._dtype = dtype
        # Not serialized, as which they would be compressed, and for each pass expanded.
        self._blocks = rows.mapInArrow(divide, BLOCK).persist()

    def __del__(self) -> None:
        # Where the session has ended before, so has what it kept.
        try:
            self._blocks.unpersist()
        except Exception:
            return

    def counts(self) -> dict[tuple[int, int], int]:
        """The rows of every block, in the order of the blocks."""
        with _sparks_failures():
            found = self._blocks.select("partition", "block", "n_rows", "error").collect()
        return {(row.partition, row.block): row.n_rows for row in _in_order(found)}

    def each(self, work: Work) -> list[Any]:
        """What work makes of every block, in their order; None is left out."""
        with _sparks_failures():
            found = self._blocks.mapInArrow(_Ask(work, self._dtype), ANSWER).collect()
        return [unpacked(row.answer) for row in _in_order(found)]


@contextmanager
def _sparks_failures() -> Iterator[None]:
    """Raises `ClusterError` for whatever goes wrong in a query."""
    try:
        yield
    except Exception as reason:
        raise ClusterError(f"Spark failed in a pass over x: {_last_line(reason)}") from reason


def _last_line(reason: Exception) -> str:
    """What a failure came down to: of the lines that Spark and its workers tell the last one that
    names an error, else the first."""
    told = [line.strip() for line in str(reason).splitlines() if line.strip()]
    named = [line for line in told if ERROR.match(line)]
    return named[-1] if named else told[0] if told else type(reason).__name__


def _in_order(found: list[Any]) -> list[Any]:
    """Rows in the order of their blocks. Raises the first error that one tells of."""
    found.sort(key=lambda row: (row.partition, row.block))
    for row in found:
        if row.error:
            name, _, message = row.error.partition("\n")
            raise getattr(errors, name)(message)
    return found


@dataclass(frozen=True, slots=True)
class _Divide:
    """Arrow's batches of a partition to blocks of so many rows."""

    names: tuple[str, ...]
    weight: str | None
    dtype: np.dtype[np.floating]
    most_rows: int

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        partition = _partition()
        held: list[tuple[Points, Weight]] = []
        first, block, made = 0, 0, None
        for batch in batches:
            if batch.num_rows == 0:
                continue
            made = type(batch)
            try:
                held.append(self._rows(batch, partition, first + _count(held)))
            except EmixError as reason:
                yield _block(made, partition, block, error=_told(reason))
                return
            while _count(held) >= self.most_rows:
                whole, held = self._cut(held)
                yield self._made(made, partition, block, whole)
                first, block = first + self.most_rows, block + 1
        if held and made is not None:
            yield self._made(made, partition, block, _joined(held))

    def _rows(self, batch: Any, partition: int, first: int) -> tuple[Points, Weight]:
        for name, column in zip((*self.names, self.weight), batch.columns, strict=False):
            if column.null_count:
                row = int(np.flatnonzero(np.asarray(column.is_null()))[0])
                raise DataError(f"x holds a missing value in partition {partition}, row "
                                f"{first + row}, column {name!r}; missing values are not "
                                f"supported: drop those rows first")
        columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
        points = np.empty((batch.num_rows, len(self.names)), self.dtype)
        for j in range(len(self.names)):
            points[:, j] = columns[j]
        return points, None if self.weight is None else columns[-1].astype(np.float64)

    def _cut(
        self, held: list[tuple[Points, Weight]]
    ) -> tuple[tuple[Points, Weight], list[tuple[Points, Weight]]]:
        points, weight = _joined(held)
        n = self.most_rows
        rest = points[n:], None if weight is None else weight[n:]
        block = points[:n], None if weight is None else weight[:n]
        return block, [rest] if len(rest[0]) else []

    def _made(
        self, made: Any, partition: int, block: int, rows: tuple[Points, Weight]
    ) -> Any:
        points, weight = rows
        if (block + 1) * points.nbytes > MOST_BYTES and block:
            return _block(made, partition, block, error=_told(DataError(
                f"partition {partition} of x holds more than {MOST_BYTES >> 20} MiB of numbers; "
                f"divide it first, x.repartition(...)")))
        return _block(made, partition, block, len(points), points.tobytes(),
                      b"" if weight is None else weight.tobytes())


@dataclass(frozen=True, slots=True)
class _Ask:
    """Work on blocks, from batches of them to batches of what comes of each."""

    work: Work
    dtype: np.dtype[np.floating]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        first = 0
        for batch in batches:
            made = type(batch)
            for row in range(batch.num_rows):
                partition, block, n_rows, error = (
                    batch.column(name)[row].as_py()
                    for name in ("partition", "block", "n_rows", "error"))
                if error:
                    yield _answer(made, partition, block, error=error)
                    continue
                points = np.frombuffer(batch.column("points")[row].as_buffer(), self.dtype)
                weight = np.frombuffer(batch.column("weight")[row].as_buffer())
                first = 0 if block == 0 else first
                try:
                    found = self.work((partition, block), first, points.reshape(n_rows, -1),
                                      weight if len(weight) else None)
                except EmixError as reason:
                    yield _answer(made, partition, block, error=_told(reason))
                    continue
                first += n_rows
                if found is not None:
                    yield _answer(made, partition, block, packed(found))


def _block(
    made: Any, partition: int, block: int, n_rows: int = 0, points: bytes = b"",
    weight: bytes = b"", error: str = "",
) -> Any:
    """A batch, of the type `made`, of one row that is a BLOCK."""
    return _batch(made, partition=partition, block=block, n_rows=n_rows, points=points,
                  weight=weight, error=error)


def _answer(
    made: Any, partition: int, block: int, answer: bytes = b"", error: str = ""
) -> Any:
    """The same of an ANSWER."""
    return _batch(made, partition=partition, block=block, answer=answer, error=error)


def _batch(made: Any, **cells: Any) -> Any:
    return made.from_pydict({name: [cell] for name, cell in cells.items()})


def _told(error: EmixError) -> str:
    return f"{type(error).__name__}\n{error}"


def _partition() -> int:
    """Which partition this worker is at."""
    context = pyspark().TaskContext.get()
    number: int = context.partitionId()
    return number


def _count(held: Sequence[tuple[Points, Weight]]) -> int:
    return sum(len(points) for points, _ in held)


def _joined(held: Sequence[tuple[Points, Weight]]) -> tuple[Points, Weight]:
    if len(held) == 1:
        return held[0]
    weights = [weight for _, weight in held if weight is not None]
    return np.concatenate([points for points, _ in held]), \
        np.concatenate(weights) if weights else None


def with_columns(
    x: Any, names: Sequence[str], work: Callable[[Points], Mapping[str, NDArray[Any]]],
    new: Mapping[str, str],
) -> Any:
    """The frame x with columns put beside its own that work makes of the rows of others, lazily.

    `new` says the type of each. Raises `DataError` where x has a column of that name, or lacks one.
    """
    refuse_text(x, names)
    twice = [name for name in new if name in x.columns]
    if twice:
        raise DataError(f"x has a column {listed(twice)} already; rename or drop it first")
    # A frame holds on to its schema, and `add` changes it.
    schema = pyspark().sql.types.StructType(list(x.schema.fields))
    for name, kind in new.items():
        schema = schema.add(name, kind)
    return x.mapInArrow(_Beside(work, tuple(x.columns.index(name) for name in names)), schema)


@dataclass(frozen=True, slots=True)
class _Beside:
    """Batches with columns put beside theirs."""

    work: Callable[[Points], Mapping[str, NDArray[Any]]]
    at: tuple[int, ...]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        first = 0
        for batch in batches:
            columns = [batch.column(j).to_numpy(zero_copy_only=False) for j in self.at]
            try:
                found = self.work(np.column_stack(columns))
            except DataError as reason:
                raise DataError(f"partition {_partition()}, rows from {first} on: {reason}") \
                    from None
            first += batch.num_rows
            made = type(batch).from_pydict(dict(found))
            yield type(batch).from_arrays(
                [*batch.columns, *made.columns],
                [*batch.schema.names, *made.schema.names])
