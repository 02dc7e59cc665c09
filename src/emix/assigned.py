"""Who belongs where, told in the kind of data that the rows came in: arrays, frames, and those of
Dask's and Spark's, which come back lazily; arrays of other libraries where those are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.devices import is_on_device
from emix.engines import dask, spark
from emix.frames import column_like, like
from emix.sources.answers import Labels as MostProbable
from emix.sources.answers import Responsibilities, answered
from emix.sources.opening import elsewhere_like, rows_like

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels, Points
    from emix.mixture import Mixture


@dataclass(frozen=True, slots=True)
class Assigned:
    """A mixture, and the names (d,) of its columns, by which those of frames are chosen."""

    mixture: Mixture
    columns: tuple[str, ...]

    def responsibilities(self, x: object) -> Any:
        """P(component k | x), (n, k), of a frame one with columns component_1 to component_k."""
        if dask.is_frame(x):
            return dask.mapped_frame(x, self.responsibilities)
        if spark.is_frame(x):
            return spark.with_columns(x, self.columns, self._shares,
                                      dict.fromkeys(self._names, "double"))
        if is_on_device(x):
            return self.mixture.responsibilities(x)
        if not dask.is_array(x) and (elsewhere := elsewhere_like(x, self.columns)) is not None:
            return answered(elsewhere, Responsibilities(self.mixture))
        shares = self.mixture.responsibilities(rows_like(x, self.columns))
        if dask.is_array(x):
            return shares
        framed = like(x, dict(zip(self._names, shares.T, strict=True)))
        return shares if framed is None else framed

    def predict(self, x: object) -> Any:
        """The most probable component of each row, (n,), counted from 0; of a frame a Series."""
        if dask.is_frame(x):
            return dask.mapped_frame(x, self.predict)
        if spark.is_frame(x):
            return spark.with_columns(x, self.columns, self._labels, {"component": "long"})
        if is_on_device(x):
            return self.mixture.predict(x)
        if not dask.is_array(x) and (elsewhere := elsewhere_like(x, self.columns)) is not None:
            return answered(elsewhere, MostProbable(self.mixture))
        labels = self.mixture.predict(rows_like(x, self.columns))
        if dask.is_array(x):
            return labels
        framed = column_like(x, "component", labels)
        return labels if framed is None else framed

    @property
    def _names(self) -> list[str]:
        return [f"component_{j + 1}" for j in range(self.mixture.n_components)]

    def _shares(self, points: Points) -> dict[str, Floats]:
        shares = self.mixture.responsibilities(points)
        return dict(zip(self._names, np.ascontiguousarray(shares.T), strict=True))

    def _labels(self, points: Points) -> dict[str, Labels]:
        return {"component": self.mixture.predict(points)}
