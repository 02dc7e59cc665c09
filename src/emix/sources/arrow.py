"""Arrow's columns as rows of numbers; the one place that imports pyarrow, when it must."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Place
from emix.errors import DataError, MissingExtraError
from emix.names import listed
from emix.sources.choosing import position_of, positions_of, wanted_columns
from emix.sources.columns import Columns
from emix.sources.streamed import Pieces, Streamed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def pyarrow(purpose: str) -> Any:
    """The library, with its readers. Raises `MissingExtraError` where it is not installed."""
    try:
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "arrow", purpose) from None
    return pyarrow


@dataclass(frozen=True, slots=True)
class Chosen:
    """Of Arrow tables the columns (d,) that are data, that of the weights if any, and the dtype of
    the data: float32 where all columns are, else float64."""

    names: tuple[str, ...]
    weight: str | None
    dtype: np.dtype[np.floating[Any]]

    @classmethod
    def of(
        cls, schema: Any, columns: object, weight: object, name: str, aside: Sequence[str] = ()
    ) -> Chosen:
        """From a schema; all columns are data where none are chosen but the weights, and those
        `aside`. Raises `DataError` naming columns that are not there or hold no numbers."""
        given = tuple(schema.names)
        at = None if weight is None else position_of(str(weight), given, name)
        wanted = wanted_columns(columns)
        if wanted is None and aside:
            wanted = [each for each in given if each not in aside and each != weight]
        names = tuple(given[j] for j in positions_of(wanted, given, at, name))
        chosen = cls(names, None if weight is None else str(weight), np.dtype(np.float64))
        chosen.check(schema, name)
        types = {str(schema.field(each).type) for each in names}
        return cls(names, chosen.weight, np.dtype(np.float32)) if types == {"float"} else chosen

    @property
    def read(self) -> list[str]:
        """What there is to read."""
        return [*self.names, *(() if self.weight is None else (self.weight,))]

    def check(self, schema: Any, name: str) -> None:
        """Raise `DataError` where columns hold no numbers."""
        wrong = [each for each in self.read if not is_number(schema.field(each).type)]
        if wrong:
            good = [each.name for each in schema if is_number(each.type)]
            which = listed([f"{each!r} ({schema.field(each).type})" for each in wrong], str)
            raise DataError(f"{name} has columns that hold no numbers: {which}; choose among those "
                            f"that do with columns=...: {listed(good)}")

    def of_batch(self, batch: Any, place: Place) -> Columns:
        """A record batch. Raises `DataError` naming the place of a missing value."""
        columns = tuple(self._values(batch, name, place) for name in self.names)
        weight = None
        if self.weight is not None:
            weight = np.ascontiguousarray(self._values(batch, self.weight, place), np.float64)
        return Columns(columns, self.dtype, weight, place)

    def _values(self, batch: Any, name: str, place: Place) -> NDArray[Any]:
        """A column (m,) as NumPy has it, where it lies if it can be."""
        column = batch.column(name)
        kind = str(column.type)
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise DataError(f"x holds a missing value at {place.of_row(row)}, column {name!r}; "
                            f"missing values are not supported: drop those rows first")
        if kind.startswith("dictionary"):
            column = column.dictionary_decode()
        if kind.startswith("decimal"):
            column = column.cast("float64")
        if kind == "bool":
            column = column.cast("uint8")
        values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return values


def is_number(kind: Any) -> bool:
    """Whether an Arrow type is of numbers."""
    inner = str(kind.value_type if str(kind).startswith("dictionary") else kind)
    return inner.startswith(("int", "uint", "decimal")) or \
        inner in ("halffloat", "float", "double", "bool")


class ArrowStream(Streamed):
    """What gives an Arrow stream whenever it is asked for one (`__arrow_c_stream__`): a relation of
    DuckDB, a table of any library."""

    def __init__(self, x: Any, sample_weight: object = None, columns: object = None) -> None:
        self._given = x
        reader = self._reader()
        self._chosen = Chosen.of(reader.schema, columns, sample_weight, "x")
        super().__init__("x", self._chosen.names, self._chosen.dtype, sample_weight is not None)

    def _reader(self) -> Any:
        readers = pyarrow("an Arrow stream").RecordBatchReader
        return readers.from_stream(self._given)

    def pieces(self) -> Pieces:
        row = 0
        reader = self._reader()
        for batch in reader:
            yield self._chosen.of_batch(batch, Place(((0, "", row),), self.column_names))
            row += batch.num_rows


class RecordBatches(Streamed):
    """A stream that can be read once: for `whole`, and no other pass."""

    def __init__(self, x: Any, sample_weight: object = None, columns: object = None) -> None:
        self._given: Iterator[Any] = iter(x)
        self._chosen = Chosen.of(x.schema, columns, sample_weight, "x")
        super().__init__("x", self._chosen.names, self._chosen.dtype, sample_weight is not None)

    def pieces(self) -> Pieces:
        row = 0
        for batch in self._given:
            yield self._chosen.of_batch(batch, Place(((0, "", row),), self.column_names))
            row += batch.num_rows
