"""The kernel in NumPy: any number of columns, any covariance, any machine; and the oracle.

It serves where there is no compiler, and the native kernel is tested against it. It is slower
because NumPy passes over the data once per operation and per component, where the native kernel
does the whole step on a few hundred points while they are in the processor's nearest cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Block, Floats, Labels, Points
from emix.kernels import portable_near
from emix.kernels.scoring import float64, score, sums
from emix.statistics import Statistics

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.covariance import ScatterForm
    from emix.kernels.protocol import Components
    from emix.vicinity import Leads, Places, Surveyed, Vicinity

# Rows scored at once: bounds the n × k arrays below, and is fixed so that bits are.
ROWS = 4096


class PortableKernel:
    """See `emix.kernels.protocol.Kernel`."""

    name = "portable"

    def expect(
        self, components: Components, block: Block, form: ScatterForm,
        units: Units | None = None, threads: int = 1,
    ) -> Statistics:
        parts = [
            self._expect_rows(components, block.rows(start, start + ROWS), form, units)
            for start in range(0, block.n_rows, ROWS)
        ]
        while len(parts) > 1:
            parts = [
                parts[i] + parts[i + 1] if i + 1 < len(parts) else parts[i]
                for i in range(0, len(parts), 2)
            ]
        return parts[0]

    def _expect_rows(
        self, components: Components, block: Block, form: ScatterForm, units: Units | None
    ) -> Statistics:
        x = float64(block.points) if units is None else units.inward(block.points)
        sample_weight = block.sample_weight
        if sample_weight is not None and not sample_weight.all():
            x, sample_weight = x[sample_weight > 0], sample_weight[sample_weight > 0]
        log_density, responsibilities = score(components, x)
        if sample_weight is None:
            loglik, total = log_density.sum(), float(len(x))
        else:
            loglik, total = (sample_weight * log_density).sum(), sample_weight.sum()
            responsibilities = responsibilities * sample_weight[:, None]
        shift, scatter = sums(components.means, x, responsibilities, form)
        return Statistics(
            components.means, responsibilities.sum(axis=0), shift, scatter,
            float(loglik), float(total), len(x),
        )

    def log_density(self, components: Components, points: Points, threads: int = 1) -> Floats:
        out = np.empty(len(points))
        for start in range(0, len(points), ROWS):
            rows = slice(start, start + ROWS)
            out[rows] = score(components, float64(points[rows]))[0]
        return out

    def responsibilities(self, components: Components, points: Points, threads: int = 1) -> Floats:
        out = np.empty((len(points), len(components.weights)))
        for start in range(0, len(points), ROWS):
            rows = slice(start, start + ROWS)
            out[rows] = score(components, float64(points[rows]))[1]
        return out

    def labels(self, components: Components, points: Points, threads: int = 1) -> Labels:
        out = np.empty(len(points), dtype=np.int64)
        for start in range(0, len(points), ROWS):
            rows = slice(start, start + ROWS)
            out[rows] = score(components, float64(points[rows]))[1].argmax(axis=1)
        return out

    def classification(
        self, components: Components, block: Block, threads: int = 1
    ) -> tuple[float, float]:
        hard = soft = 0.0
        for start in range(0, block.n_rows, ROWS):
            rows = block.rows(start, start + ROWS)
            r = score(components, float64(rows.points))[1]
            w = np.ones(len(r)) if rows.sample_weight is None else rows.sample_weight
            hard += float(w @ np.log(r.max(axis=1)))
            with np.errstate(under="ignore"):
                # r log r is 0 in the limit r = 0.
                soft += float(w @ (r * np.log(np.where(r > 0, r, 1.0))).sum(axis=1))
        return hard, soft

    def expect_near(
        self, components: Components, block: Block, form: ScatterForm, vicinity: Vicinity,
        units: Units | None = None, threads: int = 1,
    ) -> tuple[Statistics, Leads, Floats]:
        return portable_near.expect_near(components, block, form, vicinity, units)

    def survey(
        self, components: Components, block: Block, rows: Places, least: float,
        vicinity: Vicinity | None = None, units: Units | None = None, threads: int = 1,
    ) -> Surveyed:
        return portable_near.survey(components, block, rows, least, vicinity, units)

    def seeds(
        self, points: Floats, weight: Floats, uniforms: Floats, threads: int = 1
    ) -> Places:
        return portable_near.seeds(points, weight, uniforms)
