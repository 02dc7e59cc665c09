"""Cross-validation: how well models foretell rows that they were not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emix.kernels import kernel_for
from emix.selection.screening import Screening
from emix.selection.setting import Cell, Setting
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Labels, Mask


def folds_of(n_rows: int, folds: int, seed: int) -> Labels:
    """The fold of each row, 0 to folds − 1: at random, and all of one size or one apart."""
    labels: Labels = np.random.default_rng(seed).permutation(n_rows) % folds
    return labels


def held_out(
    setting: Setting, covariances: Sequence[str], ks: Sequence[int], folds: int,
    told: Callable[[int, Cell, int], None] | None = None,
) -> dict[Cell, float | str]:
    """Σ w log f(x) over all rows, f fitted to the other folds; or in words why there is no f.

    Each fold's rows are screened anew, as if the others were all there is: nothing of the rows
    left out is known to any start. A row of weight 3 is left out whole. (Stone 1974,
    doi:10.1111/j.2517-6161.1974.tb00994.x; for mixtures Smyth 2000, doi:10.1023/A:1008940618127.)
    """
    source = setting.source
    # Rows are taken apart, which `select` has seen to.
    assert isinstance(source, ArraySource)
    fold = folds_of(setting.source.n_rows, folds, setting.seed)
    scores: dict[Cell, float | str] = {}
    for number in range(folds):
        left_out = fold == number
        training = Setting(
            _part(source, ~left_out), setting.names, setting.weights, setting.prior,
            setting.seed, setting.threads,
        )
        screening = Screening(training, covariances, ks)
        screening.run(None if told is None else _told_of(told, number))
        for cell in screening.cells:
            before = scores.get(cell, 0.0)
            if isinstance(before, str):
                continue
            score = _score(screening, cell, _part(source, left_out))
            scores[cell] = f"fold {number + 1} left out: {score}" if isinstance(score, str) else \
                before + score
    return scores


def _told_of(told: Callable[[int, Cell, int], None], number: int) -> Callable[[Cell, int], None]:
    return lambda cell, done: told(number, cell, done)


def _part(source: ArraySource, chosen: Mask) -> ArraySource:
    weight = source.sample_weight
    return ArraySource(
        source.points[chosen], None if weight is None else weight[chosen], source.names
    )


def _score(screening: Screening, cell: Cell, rows: ArraySource) -> float | str:
    found, setting = screening.found[cell], screening.setting
    if found.sound is None:
        return str(found.failure)
    batch, units = found.sound.batch, setting.units(cell.covariance)
    mixture = batch.mixture(0, setting.model(cell).structure).outward(units)
    logs = kernel_for(mixture).log_density(mixture, rows.points, setting.threads)
    return float(logs.sum() if rows.sample_weight is None else rows.sample_weight @ logs)
