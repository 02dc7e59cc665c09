"""What a user asks a search to begin with, checked: kinds of starts and their number, a mixture,
labels; and whether the data has values enough for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Labels, Units, is_whole
from emix.errors import DataError, ParameterError
from emix.initialise import Table, named, named_of_rows
from emix.searching.plan import Plan
from emix.sources.array import ArraySource
from emix.sources.distinct import Distinct, Values

if TYPE_CHECKING:
    from emix.initialise import SortedColumn
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source


def plan_of(start: str | None, n_starts: int | None, several: bool) -> Plan | None:
    """The plan that is asked for, in several columns or in one; None for the default one.

    Raises `ParameterError` for a start or a number of them that there is not.
    """
    refuse_number(n_starts)
    if start is not None:
        named_of_rows(start) if several else named(start)
    elif n_starts is None:
        return None
    return Plan.of_starts(n_starts or 10, start, several)


def refuse_number(n_starts: int | None) -> None:
    """Raise `ParameterError` for a number of starts that there cannot be."""
    if n_starts is not None and not is_whole(n_starts, 1):
        raise ParameterError(f"n_starts={n_starts!r}; expected 1 or more")


def refuse_unlike(start: Mixture, n_starts: int | None, k: int, d: int) -> None:
    """Raise `ParameterError` for a start of other components or columns, or more starts than it."""
    if n_starts not in (None, 1):
        raise ParameterError("a start that is a Mixture, or labels, is one start; leave "
                             "n_starts out")
    if (start.n_components, start.n_features) != (k, d):
        raise ParameterError(
            f"start has {start.n_components} components in {start.n_features} columns; "
            f"expected {k} in {d}"
        )


def start_of_labels(labels: Labels, source: Source, units: Units, k: int) -> Mixture:
    """The mixture of the division of the rows that labels (n,) make, in the units of the data.

    Raises `ParameterError` for what are no labels of these rows, or too many groups.
    """
    n = source.n_rows
    if not isinstance(source, ArraySource):
        raise ParameterError(f"start is a label for each row, which is of rows in memory; "
                             f"these {n} rows are read block by block: give a Mixture, or the "
                             f"name of a kind of start")
    whole = bool((np.isfinite(labels) & (labels == np.floor(labels))).all())
    if labels.shape != (n,) or not whole:
        raise ParameterError(f"start is an array of shape {labels.shape} and dtype "
                             f"{labels.dtype}; expected a label 0 to {k - 1} for each of {n} "
                             f"rows")
    groups, inverse = np.unique(labels, return_inverse=True)
    if len(groups) > k:
        raise ParameterError(f"start labels {len(groups)} groups, k is {k}")
    weight = source.sample_weight
    table = Table.of(source.block, units)
    counted = slice(None) if weight is None else weight > 0
    start = table.mixture_of(inverse[counted], k)
    return start.outward(units)


def refuse_few_values(
    source: Source, model: Model, ground: SortedColumn | Table, name: str
) -> None:
    """Raise `DataError` for more components than values, unless their spreads are held."""
    k = model.n_components
    if k == 1 or not model.held.learned_covariances.any():
        return
    several, points = isinstance(ground, Table), ground.points
    # Mostly the first few rows of a sample are different already; a sorted column has no ties.
    if len(set(map(tuple, points[: 4 * k].tolist())) if several else points) >= k:
        return
    values = len(source.reduce(Distinct(k), Values.zero(source.n_features)).rows)
    if values < k:
        what = "row" if several else "value"
        raise DataError(
            f"{name} has {values} distinct {what}{'s' * (values > 1)} in "
            f"{source.n_rows} rows, which cannot tell {k} components apart: at most "
            f"k={values} can be learned; hold the standard deviations (sds=...) to fit more"
        )
