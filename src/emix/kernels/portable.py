"""The kernel in the array API: any columns, any covariance, any machine; and the oracle.

It serves NumPy where there is no compiler, and the native kernel is tested against it. It is
slower because it passes over the data once per operation and per component, where the native kernel
does the whole step on a few hundred points while they are in the processor's nearest cache. Arrays
of other libraries it scores where they live; of a block only its sums come to the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.devices import device_of
from emix.kernels import portable_near
from emix.kernels.placing import placed
from emix.kernels.scoring import score, sums
from emix.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emix.arrays import Block, Floats, Units
    from emix.covariance import ScatterForm
    from emix.devices import Device
    from emix.kernels.placing import Placed
    from emix.kernels.protocol import Components
    from emix.vicinity import Leads, Places, Surveyed, Vicinity

# Rows scored at once: bounds the n × k arrays below, and is fixed so that bits are.
ROWS = 4096

# The same on a device, which is kept busy by long arrays alone: numbers in the widest of them.
CELLS = 1 << 22
# Where sums are of float32 they are short, and added up on the host in float64.
SHORT = 1 << 14


class PortableKernel:
    """See `emix.kernels.protocol.Kernel`.

    Rows may be an array of any library of the array API standard; log-densities, responsibilities
    and labels are then such an array too, on the same device.
    """

    name = "portable"

    # The weight of a row that hardly belongs to a component may be less than any double.
    @np.errstate(under="ignore")
    def expect(
        self, components: Components, block: Block, form: ScatterForm,
        units: Units | None = None, threads: int = 1,
    ) -> Statistics:
        device = device_of(block.points)
        here = placed(components, device)
        # Of no rows there are sums too.
        runs = list(_runs(components, block.n_rows, device)) or [(0, 0)]
        parts = [
            _expect_rows(components, here, block.rows(start, stop), form, units, device)
            for start, stop in runs
        ]
        while len(parts) > 1:
            parts = [
                parts[i] + parts[i + 1] if i + 1 < len(parts) else parts[i]
                for i in range(0, len(parts), 2)
            ]
        return parts[0]

    def log_density(self, components: Components, points: Any, threads: int = 1) -> Any:
        device, n = device_of(points), points.shape[0]
        here, out = placed(components, device), device.empty(n)
        for start, stop in _runs(components, n, device):
            out[start:stop] = score(here, device.reals(points[start:stop, :]), device)[0]
        return out

    def responsibilities(self, components: Components, points: Any, threads: int = 1) -> Any:
        device, n = device_of(points), points.shape[0]
        here, out = placed(components, device), device.empty(n, len(components.weights))
        for start, stop in _runs(components, n, device):
            out[start:stop, :] = score(here, device.reals(points[start:stop, :]), device)[1]
        return out

    def labels(self, components: Components, points: Any, threads: int = 1) -> Any:
        device, n = device_of(points), points.shape[0]
        here, out = placed(components, device), device.empty(n, dtype=device.position)
        for start, stop in _runs(components, n, device):
            shares = score(here, device.reals(points[start:stop, :]), device)[1]
            out[start:stop] = device.xp.argmax(shares, axis=1)
        return out

    @np.errstate(under="ignore")
    def classification(
        self, components: Components, block: Block, threads: int = 1
    ) -> tuple[float, float]:
        device = device_of(block.points)
        xp, here = device.xp, placed(components, device)
        hard = soft = 0.0
        for start, stop in _runs(components, block.n_rows, device):
            rows = block.rows(start, stop)
            r = score(here, device.reals(rows.points), device)[1]
            sure = xp.log(xp.max(r, axis=1))
            # r log r is 0 in the limit r = 0.
            unsure = xp.sum(r * xp.log(xp.where(r > 0, r, xp.ones_like(r))), axis=1)
            if rows.sample_weight is not None:
                sure, unsure = rows.sample_weight * sure, rows.sample_weight * unsure
            sums_of_both = device.take([xp.sum(sure), xp.sum(unsure)])
            hard, soft = hard + float(sums_of_both[0]), soft + float(sums_of_both[1])
        return hard, soft

    @np.errstate(under="ignore")
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


def _runs(components: Components, n_rows: int, device: Device) -> Iterator[tuple[int, int]]:
    """From which row to which are scored at once."""
    n = ROWS
    if not device.is_host:
        n = max(CELLS // max(components.means.shape), ROWS)
        if not device.is_double:
            n = min(n, SHORT)
    for start in range(0, n_rows, n):
        yield start, min(start + n, n_rows)


def _expect_rows(
    components: Components, here: Components | Placed, block: Block, form: ScatterForm,
    units: Units | None, device: Device,
) -> Statistics:
    xp, sample_weight = device.xp, block.sample_weight
    x = device.inward(block.points, units)
    if sample_weight is not None and not bool(xp.all(sample_weight > 0)):
        counted = sample_weight > 0
        x, sample_weight = x[counted], sample_weight[counted]
    log_density, responsibilities = score(here, x, device)
    if sample_weight is None:
        loglik, total = xp.sum(log_density), float(x.shape[0])
    else:
        loglik, total = xp.sum(sample_weight * log_density), xp.sum(sample_weight)
        responsibilities = responsibilities * sample_weight[:, None]
    shift, scatter = sums(here.means, x, responsibilities, form, device)
    found = [xp.sum(responsibilities, axis=0), shift, scatter, loglik]
    if sample_weight is not None:
        found.append(total)
    weight, shift, scatter, loglik, *rest = device.take(found)
    return Statistics(
        components.means, weight, shift, scatter, float(loglik),
        float(rest[0]) if rest else total, int(x.shape[0]),
        0.0 if device.is_double else device.rounding,
    )
