"""The objective step by step: how EM climbed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats
from emix.errors import ParameterError
from emix.plots import style
from emix.plots.backend import axes_or_new, round_ticks
from emix.plots.room import is_narrow, sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.result import Fit

# Iterations up to which each is marked.
MOST_MARKS = 60


def plot_trace(fit: Fit, ax: Axes | None = None) -> Axes:
    """The log-likelihood (with a prior: the log-posterior) at each iteration, from the start's.

    The first steps dwarf the others, so an inset shows on a logarithmic scale what was still
    missing to the final value. Raises `ParameterError` for a fit that kept no trace,
    `MissingExtraError` without matplotlib.

    >>> import emix
    >>> start = emix.Mixture.univariate([0.5, 0.5], [50.0, 90.0], [5.0, 5.0])
    >>> found = emix.fit(emix.datasets.load("faithful")["waiting"], 2, start=start)
    >>> plot_trace(found).get_ylabel()
    'log-likelihood (nats)'
    """
    ax = axes_or_new(ax)
    trace = np.asarray(fit.trace, dtype=np.float64)
    if len(trace) == 0:
        raise ParameterError("the fit kept no trace of its iterations; nothing to draw")
    objective = "log-likelihood" if fit.model.prior.is_flat else "log-posterior"
    iterations = np.arange(len(trace))
    ax.plot(iterations, trace, color=style.colour(0), linewidth=1.8, zorder=3,
            marker="o" if len(trace) <= MOST_MARKS else None, markersize=3.5)
    ax.scatter([iterations[-1]], [trace[-1]], s=36, color=style.colour(0),
               edgecolor="white", zorder=4, clip_on=False)
    final = float(trace[-1])
    ax.annotate(style.fixed(final, 5), (float(iterations[-1]), final), xytext=(0, 7),
                textcoords="offset points", ha="right", fontsize=sized(ax, style.TICK),
                color=style.INK, annotation_clip=False)
    steps, name = fit.n_iter, style.shortened(fit.name, 40)
    style.frame(ax, f"{name}: {objective} over {steps} EM step{'s' * (steps != 1)}, "
                    f"{fit.outcome.value}", "iteration", f"{objective} (nats)")
    ax.set_xticks(round_ticks(0.0, float(max(len(trace) - 1, 1)), 8, whole=True))
    ax.ticklabel_format(axis="y", useOffset=False)
    _draw_missing(ax, trace)
    return ax


def _draw_missing(ax: Axes, trace: Floats) -> None:
    """What each iteration still lacked of the final value, in the empty corner of the curve."""
    best = float(trace.max())
    missing = best - trace
    # Below this the differences are rounding.
    seen = np.flatnonzero(missing > 8 * np.finfo(float).eps * abs(best))
    if len(seen) < 3:
        return
    # With little room the same text takes a larger share of it.
    low = 0.2 if is_narrow(ax) else 0.13
    inset = ax.inset_axes((0.46, low, 0.52, 0.69 - low))
    inset.semilogy(seen, missing[seen], color=style.colour(5), linewidth=1.5,
                   marker="o" if len(trace) <= MOST_MARKS else None, markersize=2.5)
    style.frame(inset, "", "iteration", "")
    small = sized(ax, style.SMALL)
    inset.set_title("still missing (nats)", loc="left", fontsize=small, color=style.INK)
    inset.set_xlim(ax.get_xlim())
    inset.set_xticks(ax.get_xticks()[:: 2 if is_narrow(ax) else 1])
    inset.xaxis.label.set_fontsize(small)
    inset.tick_params(labelsize=small - 0.5)
    inset.set_facecolor("none")
