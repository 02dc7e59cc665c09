"""Where EM may begin: a start of some kind, in the units of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emix.arrays import Units
from emix.initialise import Draws, SortedColumn, Table, named, named_of_rows
from emix.moments import moments_of
from emix.soundness.checking import check_spread

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.array import ArraySource


def drawn(
    source: ArraySource, names: tuple[str, ...], model: Model, kind: str, seed: int
) -> Mixture:
    """A start of this kind for EM step by step, in the units of the data, its columns `names` (d,).

    Raises `ParameterError` for no kind, and `DataError` for columns without any spread that the
    model would have to learn.

    >>> import emix
    >>> from emix.model import Model
    >>> source = emix.sources.array.ArraySource.of([1.0, 2.0, 5.0, 6.0])
    >>> drawn(source, ("x",), Model.parse(2, 1, "V"), "kmeans", 0).means[:, 0].tolist()
    [1.5, 5.5]
    """
    moments = moments_of(source)
    units = Units.of_spread(moments.mean, moments.sd)
    block, draws, k = source.block, Draws(seed, 0), model.n_components
    if source.n_features == 1:
        return named(kind)(SortedColumn.of(block, units), k, draws).outward(units)
    check_spread(moments, model, names)
    return named_of_rows(kind)(Table.of(block, units), k, draws).outward(units)
