"""Which components of an optimum are degenerate, and why.

Where each component has its own standard deviation the likelihood has no maximum: a component on
one point, or on ties, climbs for ever as it narrows. Nearby lie local maxima on two or three
points that are real and mean nothing. A component whose own σ is learned is degenerate when

* σ came to rest on the floor (2⁻⁴⁴ of the data's: no width at all); or
* it is not worth its place. Its worth is what it gains the mixture on points left out one at a
  time (cross-validation: Stone 1974, doi:10.1111/j.2517-6161.1974.tb00994.x), less the
  log(σ_data / σ_k) nats that it takes to say where so narrow a thing stands, for it could have
  stood in so many places (as in minimum description length: Rissanen 1978,
  doi:10.1016/0005-1098(78)90005-5). Below −3 nats the odds are twenty to one against it, which
  is called strong evidence (Kass & Raftery 1995, doi:10.1080/01621459.1995.10476572).

No threshold here has units, and none counts points: a pair fails since each of the two is a
surprise to the other alone; a narrow group passes when it is many, or stands apart. Where σ is
common to all components or held, the likelihood is bounded and no component is degenerate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import LOG_2PI, Floats, Mask

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.mixture import Mixture
    from emix.model import Model

LEAST_WORTH = -3.0


@dataclass(frozen=True, slots=True)
class Degenerate:
    """A component that should not be trusted: its index, counted from 0, and why in words."""

    component: int
    reason: str


def worths(column: SortedColumn, mixture: Mixture, model: Model) -> Floats:
    """What each component is worth in nats, (k,): its gain on left-out points less its place.

    +∞ where nothing can be degenerate: for k = 1, and where σ is common or held.
    """
    judged = model.held.learned_covariances & (not model.structure.is_common)
    # Of a point or less in all, none can be left out.
    if mixture.n_components == 1 or not judged.any() or column.weight.sum() <= 1:
        return np.full(mixture.n_components, np.inf)
    gains = left_out_gains(column.points, column.weight, mixture, model)
    with np.errstate(divide="ignore"):
        place = np.maximum(np.log(column.sd / mixture.sds), 0.0)
    return np.where(judged, gains - place, np.inf)


def left_out_gains(
    points: Floats, weight: Floats, mixture: Mixture, model: Model,
    counts: Floats | None = None, total: float | None = None,
) -> Floats:
    """What each component gains the mixture on points left out one at a time, in nats: (k,).

    points, weight (n,): a row of weight 3 is three points, of which one is left out. With r the
    responsibilities, n_k = Σ w r, and c = n_k − r_ik, leaving out point i gives component k the
    weight c / (Σw − 1), the mean μ − r δ / c where δ = x_i − μ, and the variance (n_k σ² − r δ²
    n_k / c) / c, or (n_k σ² − r δ²) / c about a mean that is held, as far as each is learned; the
    other components stay as they are. The gain is Σ w [log f with k so changed − log f without k],
    +∞ where only k explains a point.

    Where the points are a part of the data, `counts` (k,) and `total` are those of all of it;
    gains of the parts add.
    """
    k = mixture.n_components
    x = points[:, None]
    sds, means = mixture.sds, mixture.means[:, 0]
    with np.errstate(all="ignore"):
        logs = np.log(mixture.weights) + log_normal(x, means, sds)
        responsibilities = np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None])
        if counts is None or total is None:
            counts, total = weight @ responsibilities, float(weight.sum())
        out = responsibilities * np.minimum(weight, 1)[:, None]
        left = np.maximum(counts - out, 1e-12)
        delta = x - means
        held = model.held
        moved = np.where(held.learned_means[:, 0], means - out * delta / left, means)
        about = np.where(held.learned_means[:, 0], counts / left, 1.0)
        shrunk = (counts * sds**2 - out * delta**2 * about) / left
        variance = np.where(held.learned_covariances, np.maximum(shrunk, model.floor**2), sds**2)
        share = np.where(held.learned_weights, left / (total - 1), mixture.weights)
        share = np.minimum(share, 1.0)
        changed = np.log(share) + log_normal(x, moved, np.sqrt(variance))
        gains = np.empty(k)
        for j in range(k):
            others = np.logaddexp.reduce(np.delete(logs, j, axis=1), axis=1)
            others -= np.log1p(-mixture.weights[j])
            together = np.logaddexp(changed[:, j], np.log1p(-share[:, j]) + others)
            gains[j] = (weight * np.where(np.isneginf(others), np.inf, together - others)).sum()
    return np.where(np.isnan(gains), np.inf, gains)


def log_normal(x: Floats, means: Floats, sds: Floats) -> Floats:
    """log N(x | μ, σ²), broadcast."""
    u = (x - means) / sds
    density: Floats = -0.5 * u * u - np.log(sds) - 0.5 * LOG_2PI
    return density


def on_floor(mixture: Mixture, model: Model) -> Mask:
    """Which learned standard deviations rest on the floor, (k,)."""
    return model.held.learned_covariances & (mixture.sds <= model.floor * (1 + 1e-9))


def least_worth(column: SortedColumn, mixture: Mixture, model: Model) -> float:
    """The worth of the least worthy component; −∞ where one rests on the floor."""
    if on_floor(mixture, model).any():
        return -np.inf
    return float(worths(column, mixture, model).min())


def degenerate_components(
    narrow: Mask, worth: Floats, expected: Floats, n_features: int = 1
) -> tuple[Degenerate, ...]:
    """The degenerate components, in order, each with its reason in words.

    All (k,): which rest on the floor, what each is worth, and its expected points.
    """
    found = []
    for component, points in enumerate(expected):
        if narrow[component]:
            reason = (
                f"it has no width: its {points:.3g} expected points are one value, and its "
                f"standard deviation rests on the floor"
            ) if n_features == 1 else (
                f"it is flat: its {points:.3g} expected points lie in a plane, a line or one place"
            )
        elif np.isneginf(worth[component]):
            reason = (
                f"its {points:.3g} expected points are too few for a spread of its own, or it is "
                f"thinner than the steps in which the data was recorded"
            )
        elif worth[component] < LEAST_WORTH:
            reason = (
                f"its {points:.3g} expected points do not foretell each other: left out one at a "
                f"time, and with its place to be named, the data are {-worth[component]:.1f} nats "
                f"better off without it"
            )
        else:
            continue
        found.append(Degenerate(component, reason))
    return tuple(found)


def doubtful_components(worth: Floats, expected: Floats) -> tuple[Degenerate, ...]:
    """The components of one column that are not worth their place, if not so little that they are
    degenerate: `worth` and expected points (k,)."""
    return tuple(
        Degenerate(component, f"its {expected[component]:.3g} expected points gain "
                              f"{-worth[component]:.2g} nats less than it takes to name its place")
        for component in np.flatnonzero((worth >= LEAST_WORTH) & (worth < 0)).tolist()
    )
