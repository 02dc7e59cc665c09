"""How sure parameters are: the same one of each component, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.errors import ParameterError
from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.room import sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.inference.quantities import Uncertainty

KINDS = {"weights": "weight", "means": "mean", "sds": "standard deviation"}


def plot_intervals(
    errors: Uncertainty, ax: Axes | None = None, kind: str = "means", column: int = 0
) -> Axes:
    """The "weights", "means" or "sds" of the components, in one `column`, with their intervals.

    A line for each component from the top down: the thick part is a standard error to each side,
    the thin one the interval; an open dot has no standard error (it is held, or of a degenerate
    component). Raises `ParameterError` for another kind or no such column, `MissingExtraError`
    without matplotlib.

    >>> import emix
    >>> fit = emix.fit(emix.datasets.load("faithful")["waiting"], 2)
    >>> plot_intervals(fit.uncertainty, kind="sds").get_xlabel()
    'standard deviation of x'
    """
    if kind not in KINDS:
        raise ParameterError(f"kind={kind!r}; expected one of {', '.join(KINDS)}")
    if column not in range(len(errors.columns)):
        raise ParameterError(f"column={column!r}; expected one of 0 to {len(errors.columns) - 1}")
    ax = axes_or_new(ax)
    quantity = errors.of(kind)
    at = slice(None) if kind == "weights" else (slice(None), column)
    estimate, se, low, high = (array[at] for array in (quantity.estimate, quantity.se,
                                                       quantity.low, quantity.high))
    k = len(estimate)
    for j in range(k):
        y, hue = k - j, style.colour(j)
        known = bool(np.isfinite(se[j]))
        if known:
            ax.hlines(y, low[j], high[j], colors=hue, linewidths=1.6, zorder=2)
            ax.hlines(y, estimate[j] - se[j], estimate[j] + se[j], colors=hue, linewidths=4.2,
                      zorder=3)
        ax.scatter([estimate[j]], [y], s=44, color=hue if known else "white", zorder=4,
                   edgecolor="white" if known else hue, linewidth=1.2)
    name = style.shortened(errors.columns[column], 40)
    what = KINDS[kind] if kind == "weights" else f"{KINDS[kind]} of {name}"
    style.frame(ax, f"{what}: {100 * errors.level:g}% intervals of {k} component{'s' * (k > 1)}",
                what, "component")
    few = range(1, k + 1) if k <= 30 else range(1, k + 1, -(-k // 30))
    ax.set_yticks([k + 1 - j for j in few], [str(j) for j in few])
    for label, j in zip(ax.get_yticklabels(), few, strict=True):
        label.set(color=style.shade(j - 1), fontweight="bold", fontsize=sized(ax, style.LABEL))
    ax.set_ylim(0.4, k + 0.6)
    ax.margins(x=0.04)
    return ax
