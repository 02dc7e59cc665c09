"""Starts: where EM begins. One file per kind, one line in each table to add one."""

from __future__ import annotations

from collections.abc import Callable

from emix.errors import ParameterError
from emix.initialise.column import SortedColumn
from emix.initialise.crowd import crowd
from emix.initialise.draws import Draws
from emix.initialise.hierarchical import hierarchical
from emix.initialise.kmeans import kmeans, kmeans_of_rows
from emix.initialise.plus_plus import plus_plus, plus_plus_of_rows
from emix.initialise.quantiles import quantiles, quantiles_of_rows
from emix.initialise.random_points import random_points, random_rows
from emix.initialise.random_responsibilities import (
    random_responsibilities,
    random_responsibilities_of_rows,
)
from emix.initialise.table import Table
from emix.mixture import Mixture

Start = Callable[[SortedColumn, int, Draws], Mixture]
StartOfRows = Callable[[Table, int, Draws], Mixture]

# One column. The native search knows these by their place.
STARTS: dict[str, Start] = {
    "kmeans": kmeans,
    "quantiles": quantiles,
    "responsibilities": random_responsibilities,
    "random": random_points,
    "kmeans++": plus_plus,
}

# More columns.
STARTS_OF_ROWS: dict[str, StartOfRows] = {
    "kmeans": kmeans_of_rows,
    "quantiles": quantiles_of_rows,
    "responsibilities": random_responsibilities_of_rows,
    "random": random_rows,
    "kmeans++": plus_plus_of_rows,
    "hierarchical": hierarchical,
}

# What chance has no part in is drawn once; repeating it would find the same again.
DETERMINISTIC = ("kmeans", "quantiles")
DETERMINISTIC_OF_ROWS = ("hierarchical", "quantiles")

__all__ = [
    "DETERMINISTIC",
    "DETERMINISTIC_OF_ROWS",
    "STARTS",
    "STARTS_OF_ROWS",
    "Draws",
    "SortedColumn",
    "Start",
    "StartOfRows",
    "Table",
    "crowd",
    "named",
    "named_of_rows",
]


def named(kind: str) -> Start:
    """The start of that name; raises `ParameterError` listing the names for any other."""
    _require(kind, STARTS)
    return STARTS[kind]


def named_of_rows(kind: str) -> StartOfRows:
    """The same in more columns."""
    _require(kind, STARTS_OF_ROWS)
    return STARTS_OF_ROWS[kind]


def _require(kind: object, table: dict[str, Start] | dict[str, StartOfRows]) -> None:
    if not isinstance(kind, str) or kind not in table:
        raise ParameterError(
            f"start={kind!r} is not a kind of start; expected a Mixture, labels (n,) or one of "
            f"{', '.join(table)}"
        )
