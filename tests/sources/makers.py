"""Every kind of source, made of the same rows; the conformance suite runs over all of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emix.sources.array import ArraySource
from emix.sources.blocks import BlocksSource
from emix.sources.files import open_files
from emix.sources.opening import open_rows
from emix.sources.protocol import Source, block_rows

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


def of_polars_stream(rows: Rows) -> Source:
    import polars

    return open_rows(polars.LazyFrame(rows.columns()), rows.weight_name)[0]


def of_memmap(rows: Rows) -> Source:
    """Columns in Fortran order, which an array would copy, and one that is not wanted."""
    weight = np.ones((len(rows.points), 1)) if rows.weight is None else rows.weight[:, None]
    table = np.hstack([weight, rows.points])
    path = rows.folder / f"{len(table)}.npy"
    np.save(path, np.asfortranarray(table))
    wanted = list(range(1, table.shape[1]))
    found = open_rows(path, None if rows.weight is None else "x1", wanted)[0]
    found.column_names = rows.names
    return found


def of_parquet(rows: Rows) -> Source:
    """A folder of files, each with several row groups and a column that is not wanted."""
    import pyarrow
    import pyarrow.parquet

    folder = rows.folder / f"parquet {len(rows.points)}"
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(rows.pieces()):
        table = pyarrow.table({"text": ["a"] * len(rows.points[part]), **rows.columns(part)})
        pyarrow.parquet.write_table(table, folder / f"{number:05}.parquet", row_group_size=50)
    return open_files(folder, rows.weight_name, list(rows.names), threads=4)


def of_csv(rows: Rows) -> Source:
    import pandas

    folder = rows.folder / f"csv {len(rows.points)}"
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(rows.pieces()):
        frame = pandas.DataFrame({"text": "a,b", **rows.columns(part)})
        frame.to_csv(folder / f"{number:05}.csv", index=False)
    return open_files(str(folder / "*.csv"), rows.weight_name, list(rows.names))


class Relation:
    """What gives an Arrow stream whenever it is asked, as a relation of DuckDB does."""

    def __init__(self, rows: Rows) -> None:
        import pyarrow

        self._table = pyarrow.table(rows.columns())

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._table.to_reader(PIECE).__arrow_c_stream__(schema)


def of_relation(rows: Rows) -> Source:
    return open_rows(Relation(rows), rows.weight_name)[0]


def of_dask(rows: Rows) -> Source:
    """A frame of Dask's, its parts as long as blocks; worked on in this process."""
    import dask.dataframe
    import pandas

    size = block_rows(len(rows.names))
    parts = [pandas.DataFrame(rows.columns(slice(start, start + size)))
             for start in range(0, len(rows.points), size)]
    return open_rows(dask.dataframe.from_map(lambda part: part, parts), rows.weight_name)[0]


@dataclass(frozen=True)
class Partition:
    """From the number of a partition to its rows, so many of columns; on Spark's side."""

    columns: dict[str, np.ndarray]
    size: int

    def __call__(self, numbers: Iterator[Any]) -> Iterator[Any]:
        import pyarrow

        for number in (each for batch in numbers for each in batch.column(0).to_pylist()):
            part = {name: column[number * self.size:(number + 1) * self.size]
                    for name, column in self.columns.items()}
            text = ["text"] * len(next(iter(part.values())))
            yield pyarrow.RecordBatch.from_pydict({**part, "t": text})


def spark_frame(columns: dict[str, np.ndarray], size: int) -> Any:
    """A frame of Spark's: these columns (n,), in their order, and a text "t", so many rows in a
    partition."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    partitions = -(-len(next(iter(columns.values()))) // size)
    schema = ", ".join([*(f"{name} double" for name in columns), "t string"])
    return session.range(0, partitions, 1, partitions).mapInArrow(Partition(columns, size), schema)


def of_spark(rows: Rows) -> Source:
    """Partitions of several blocks."""
    frame = spark_frame(rows.columns(), 4 * block_rows(len(rows.names)))
    return open_rows(frame, rows.weight_name, list(rows.names))[0]


MAKERS: dict[str, Callable[[Rows], Source]] = {
    "array": of_array, "blocks": of_blocks, "polars stream": of_polars_stream,
    "memmap": of_memmap, "Parquet": of_parquet, "CSV": of_csv, "Arrow stream": of_relation,
}
if importlib.util.find_spec("dask") is not None:
    MAKERS["Dask"] = of_dask
if importlib.util.find_spec("pyspark") is not None:
    MAKERS["Spark"] = of_spark
# Of the kinds that are tested in a step of their own.
MARKS = {"Spark": pytest.mark.spark}
