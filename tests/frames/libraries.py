"""The same table in every library, and how tests of frames read one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emix import DataError, frames

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
narwhals = pytest.importorskip("narwhals")

TABLE = {"a": [3.5, -1.0, 2.25], "b": [1.0, 2.0, 4.0]}
ROWS = np.column_stack([TABLE["a"], TABLE["b"]])

# A frame from columns, by library.
MAKERS = {
    "pandas": pandas.DataFrame,
    "polars": polars.DataFrame,
    "pyarrow": pyarrow.table,
    "record batch": lambda data: pyarrow.RecordBatch.from_pydict(
        {name: pyarrow.array(values) for name, values in data.items()}),
    "narwhals": lambda data: narwhals.from_native(polars.DataFrame(data)),
}
# A Series of the same, from its name and its values.
COLUMNS = {
    "pandas": lambda name, values: pandas.Series(values, name=name),
    "polars": polars.Series,
    "pyarrow": lambda name, values: pyarrow.chunked_array([values]),
    "narwhals": lambda name, values: narwhals.from_native(
        polars.Series(name, values), series_only=True),
}


def read(x: Any, *names: str) -> np.ndarray:
    frame = frames.opened(x)
    assert frame is not None
    return frames.points(frame, [frame.names.index(name) for name in names] or None)


def refusal(x: Any, *names: str) -> str:
    with pytest.raises(DataError) as got:
        read(x, *names)
    return str(got.value)
