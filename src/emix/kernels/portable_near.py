"""Rows that are scored by the components near them, in NumPy; the oracle of the native kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.devices import HOST
from emix.kernels.scoring import score, sums
from emix.statistics import Statistics, scatter_shape
from emix.vicinity import Leads, Places, Surveyed

if TYPE_CHECKING:
    from emix.arrays import Block, Floats, Units
    from emix.covariance import Covariances, ScatterForm
    from emix.kernels.protocol import Components
    from emix.vicinity import Vicinity

# Rows times components scored at once.
CELLS = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class _Some:
    """Some components of a mixture."""

    weights: Floats
    means: Floats
    covariance: Covariances


def expect_near(
    components: Components, block: Block, form: ScatterForm, vicinity: Vicinity,
    units: Units | None,
) -> tuple[Statistics, Leads, Floats]:
    """See `emix.kernels.protocol.Kernel`."""
    k, d = components.means.shape
    weight, shift = np.zeros(k), np.zeros((k, d))
    scatter = np.zeros(scatter_shape(form, k, d))
    lead, share = vicinity.lead.copy(), np.zeros(len(vicinity.near))
    sample_weight = block.sample_weight
    counted = np.ones(block.n_rows, np.bool_) if sample_weight is None else sample_weight > 0
    order = np.argsort(vicinity.lead, kind="stable")
    order = order[counted[order]]
    ends = np.searchsorted(vicinity.lead[order], np.arange(k + 1))
    loglik = total = 0.0
    for c in np.flatnonzero(np.diff(ends)).tolist():
        rows = order[ends[c]:ends[c + 1]]
        entries = slice(int(vicinity.begin[c]), int(vicinity.begin[c + 1]))
        near = vicinity.near[entries]
        some = _Some(components.weights[near], components.means[near],
                     components.covariance.reordered(near.astype(np.intp)))
        x = _inward(block, rows, units)
        log_density, responsibilities = score(some, x)
        w = np.ones(len(rows)) if sample_weight is None else sample_weight[rows]
        lead[rows] = near[responsibilities.argmax(axis=1)]
        responsibilities = responsibilities * w[:, None]
        share[entries] = responsibilities.sum(axis=0)
        first, second = sums(some.means, x, responsibilities, form)
        weight[near] += share[entries]
        shift[near] += first
        if form == "pooled":
            scatter += second
        else:
            scatter[near] += second
        loglik += float(w @ log_density)
        total += float(w.sum())
    statistics = Statistics(components.means, weight, shift, scatter, loglik, total, len(order))
    return statistics, lead, share


def survey(
    components: Components, block: Block, rows: Places, least: float, vicinity: Vicinity | None,
    units: Units | None,
) -> Surveyed:
    """See `emix.kernels.protocol.Kernel`."""
    step = max(CELLS // len(components.weights), 1)
    parts = []
    for start in range(0, len(rows), step):
        asked = rows[start:start + step]
        responsibilities = score(components, _inward(block, asked, units))[1]
        if vicinity is not None:
            for i, c in enumerate(vicinity.lead[asked].tolist()):
                responsibilities[i, vicinity.near_of(c)] = 0.0
        row, component = np.nonzero(responsibilities > least)
        parts.append((row + start, component, responsibilities[row, component]))
    row, component, shares = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Surveyed(row.astype(np.int32), component.astype(np.int32), shares)


def seeds(points: Floats, weight: Floats, uniforms: Floats) -> Places:
    """See `emix.kernels.protocol.Kernel`."""
    chosen = np.empty(len(uniforms), np.int64)
    nearest = np.full(len(points), np.inf)
    chance = weight
    for i, uniform in enumerate(uniforms.tolist()):
        running = np.cumsum(chance)
        place = np.searchsorted(running, uniform * running[-1], side="right")
        chosen[i] = min(int(place), len(points) - 1)
        nearest = np.minimum(nearest, ((points - points[chosen[i]]) ** 2).sum(axis=1))
        chance = weight * nearest
    return chosen


def _inward(block: Block, rows: Places, units: Units | None) -> Floats:
    points = block.points[rows]
    return HOST.reals(points) if units is None else units.inward(points)
