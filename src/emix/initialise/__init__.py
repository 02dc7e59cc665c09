"""Starts: where EM begins. One file per kind, one line in the table to add one."""

from __future__ import annotations

from collections.abc import Callable

from emix.errors import ParameterError
from emix.initialise.column import SortedColumn
from emix.initialise.draws import Draws
from emix.initialise.kmeans import kmeans
from emix.initialise.plus_plus import plus_plus
from emix.initialise.quantiles import quantiles
from emix.initialise.random_points import random_points
from emix.initialise.random_responsibilities import random_responsibilities
from emix.mixture import Mixture

Start = Callable[[SortedColumn, int, Draws], Mixture]

STARTS: dict[str, Start] = {
    "kmeans": kmeans,
    "quantiles": quantiles,
    "responsibilities": random_responsibilities,
    "random": random_points,
    "kmeans++": plus_plus,
}

# What chance has no part in is drawn once; repeating it would find the same again.
DETERMINISTIC = ("kmeans", "quantiles")

__all__ = ["DETERMINISTIC", "STARTS", "Draws", "SortedColumn", "Start", "named"]


def named(kind: str) -> Start:
    """The start of that name; raises `ParameterError` listing the names for any other."""
    if not isinstance(kind, str) or kind not in STARTS:
        raise ParameterError(
            f"start={kind!r} is not a kind of start; expected a Mixture or one of "
            f"{', '.join(STARTS)}"
        )
    return STARTS[kind]
