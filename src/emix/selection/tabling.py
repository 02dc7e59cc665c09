"""A row of a selection's table, from where its cell stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emix.arrays import Units
from emix.searching.judging import rests_on_floor, worths_on
from emix.selection.choice import NOT_REACHED, Row
from emix.soundness.degenerate import degenerate_components
from emix.soundness.sureness import Classify, Sureness
from emix.sources.several import reduce_each

if TYPE_CHECKING:
    from emix.climbing.climb import Outcome
    from emix.mixture import Mixture
    from emix.selection.screening import Screened
    from emix.selection.setting import Cell, Setting
    from emix.soundness.degenerate import Degenerate


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A cell's sound optimum on all the data: a mixture in internal units, its log-likelihood
    there, the gradient, and how the climb ended."""

    # Made when it is asked for: most rows need but the numbers.
    made: Callable[[], Mixture]
    loglik: float
    gradient: float
    outcome: Outcome
    is_refined: bool

    @property
    def mixture(self) -> Mixture:
        """The mixture in internal units."""
        return self.made()


def row_of(setting: Setting, cell: Cell, standing: Standing) -> Row:
    """The row of a cell with a sound optimum, without its ICL."""
    df, n = setting.n_parameters(cell), setting.weight
    loglik = standing.loglik + n * setting.units(cell.covariance).log_jacobian
    return Row(
        cell.covariance, cell.k, df, loglik, bic=-2 * loglik + df * math.log(n),
        aic=-2 * loglik + 2 * df, outcome=standing.outcome, gradient=standing.gradient,
        is_refined=standing.is_refined,
    )


def with_icl(setting: Setting, row: Row, standing: Standing) -> Row:
    """The same row with its ICL, which takes a pass over the data."""
    return with_icls(setting, [row], [standing])[0]


def with_icls(setting: Setting, rows: Sequence[Row], standings: Sequence[Standing]) -> list[Row]:
    """`with_icl` of several rows, in one pass."""
    if not rows:
        return []
    maps = [Classify(standing.mixture.outward(setting.units(row.covariance)), setting.threads)
            for row, standing in zip(rows, standings, strict=True)]
    found = reduce_each(setting.source, maps, [Sureness()] * len(maps))
    return [replace(row, icl=row.bic - 2 * sure.hard)
            for row, sure in zip(rows, found, strict=True)]


def failed_row(setting: Setting, cell: Cell, screened: Screened | None) -> Row:
    """The row of a cell without a sound optimum, which says why."""
    df = setting.n_parameters(cell)
    if screened is None:
        return Row(cell.covariance, cell.k, df, failure=NOT_REACHED)
    failure = screened.failure or NOT_REACHED
    if screened.ends is None:
        return Row(cell.covariance, cell.k, df, failure=failure)
    return Row(
        cell.covariance, cell.k, df, outcome=screened.ends.outcome[0],
        gradient=float(screened.ends.gradient[0]), failure=failure,
        degenerate=_degenerate(setting, cell, screened),
    )


def _degenerate(setting: Setting, cell: Cell, screened: Screened) -> tuple[Degenerate, ...]:
    """What is wrong with the best optimum of a cell, components counted in canonical order."""
    assert screened.ends is not None
    rule = setting.model(cell).structure
    mixture = screened.ends.batch.mixture(0, rule)
    mixture = mixture.reordered(mixture.canonical_order())
    terrain, model = setting.terrain(cell.covariance), setting.within(cell)
    worth = worths_on(terrain.source, Units.identity(setting.n_features), mixture, model,
                      terrain.ground, setting.threads)
    narrow = rests_on_floor(mixture, model, terrain.ground)
    expected = mixture.weights * setting.weight
    return degenerate_components(narrow, worth, expected, setting.n_features)
