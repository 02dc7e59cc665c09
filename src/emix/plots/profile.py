"""The profile of one parameter: how the likelihood falls on both sides of the estimate."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.plots import style
from emix.plots.backend import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats
    from emix.inference.profile import Profile

# Points of a curve, and how far above the cut it is drawn, as a multiple of it.
ACROSS, ABOVE = 401, 1.35


def plot_profile(profile: Profile, ax: Axes | None = None) -> Axes:
    """Twice the fall of the log-likelihood (with a prior: the log-posterior) over the parameter,
    all others at their best for it.

    Dots are where they were fitted; between them the root of the fall over the distance, nearly
    constant, is interpolated. The interval is where the fall stays below χ²₁ (horizontal line).
    Dashed: the parabola that Wald's interval takes it for. Raises `MissingExtraError` without
    matplotlib.

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> plot_profile(emix.fit(waiting, 2).profile(waiting, "sd 1")).get_xlabel()
    'sd 1'
    """
    ax = axes_or_new(ax)
    cut = statistics.NormalDist().inv_cdf(0.5 + profile.level / 2) ** 2
    values, roots = profile.values, _roots(profile)
    ends = float(values[0]), float(values[-1])
    across = np.linspace(*ends, ACROSS)
    fall = np.interp(across, values, _pace(profile, roots)) * (across - profile.estimate)
    (curve,) = ax.plot(across, fall**2, color=style.colour(0), linewidth=1.8, zorder=3)
    inside = roots**2 <= ABOVE * cut
    ax.scatter(values[inside], roots[inside] ** 2, s=26, color=style.colour(0), edgecolor="white",
               linewidth=0.7, zorder=4)
    handles: list[Any] = [curve]
    labels = ["profile"]
    if math.isfinite(profile.se) and profile.se > 0:
        reach = math.sqrt(ABOVE * cut) * profile.se
        near = np.linspace(profile.estimate - reach, profile.estimate + reach, ACROSS)
        (wald,) = ax.plot(near, ((near - profile.estimate) / profile.se) ** 2, color=style.MUTED,
                          linewidth=1.2, linestyle="--", zorder=2)
        handles.append(wald)
        labels.append("Wald's parabola")
    handles.append(ax.axhline(cut, color=style.INK, linewidth=0.8, linestyle=":", zorder=1))
    labels.append(f"χ²₁ at {100 * profile.level:g}%")
    handles.append(ax.axvspan(profile.low, profile.high, color=style.PALE, alpha=0.5, linewidth=0,
                              zorder=0))
    labels.append("interval")
    ax.axvline(profile.estimate, color=style.MUTED, linewidth=0.8, zorder=1)
    interval = f"{style.number(profile.low)} to {style.number(profile.high)}"
    style.frame(ax, f"{style.shortened(profile.name, 40)}: {100 * profile.level:g}% profile "
                    f"interval {interval}", style.shortened(profile.name, 60),
                "twice the fall of the log-likelihood")
    style.y_from_zero(ax, ABOVE * cut, 0.0)
    style.legend(ax, handles, labels)
    return ax


def _roots(profile: Profile) -> Floats:
    """Signed roots of twice the fall, below 0 to the left of the estimate."""
    fall = np.maximum(2 * (profile.objective.max() - profile.objective), 0.0)
    roots: Floats = np.sign(profile.values - profile.estimate) * np.sqrt(fall)
    return roots


def _pace(profile: Profile, roots: Floats) -> Floats:
    """The root of the fall over the distance from the estimate; at it, one standard error's."""
    away = profile.values - profile.estimate
    pace = np.full(len(away), np.nan)
    pace[away != 0] = roots[away != 0] / away[away != 0]
    there = ~np.isfinite(pace)
    pace[there] = 1 / profile.se if math.isfinite(profile.se) and profile.se > 0 else \
        float(np.mean(pace[~there]))
    return pace
