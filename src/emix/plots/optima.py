"""The distinct optima that the starts found, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Labels
from emix.plots import style
from emix.plots.backend import axes_or_new, round_ticks
from emix.plots.room import sized, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.result import Fit


def plot_optima(fit: Fit, ax: Axes | None = None) -> Axes:
    """Each distinct optimum: how far it lies from the best, and how many starts ended there.

    Degenerate optima are crosses; they can lie above the best, for a spike's likelihood has no
    bound. With a prior, the log-posterior is compared. Raises `MissingExtraError` without
    matplotlib.

    >>> import emix
    >>> found = emix.fit(emix.datasets.load("faithful")["waiting"], 2)
    >>> plot_optima(found).get_ylabel()
    'starts that ended there'
    """
    ax = axes_or_new(ax)
    objective = "log-likelihood" if fit.model.prior.is_flat else "log-posterior"
    apart = np.array([o.objective - fit.optima[0].objective for o in fit.optima])
    starts = np.array([o.starts for o in fit.optima])
    degenerate = np.array([o.is_degenerate for o in fit.optima])
    best = np.arange(len(apart)) == 0
    kinds = (("the best", best & ~degenerate, "o", style.colour(0)),
             ("other maxima", ~best & ~degenerate, "s", style.colour(4)),
             ("degenerate", degenerate, "X", style.colour(5)))
    handles: list[Any] = []
    labels = []
    for label, mine, mark, hue in kinds:
        if mine.any():
            ax.vlines(apart[mine], 0, starts[mine], colors=hue, linewidths=2.0, zorder=2)
            handles.append(ax.scatter(apart[mine], starts[mine], marker=mark, s=58, color=hue,
                                      edgecolor="white", linewidth=0.8, zorder=3))
            labels.append(f"{label}: {mine.sum()}" if label != "the best" else label)
    many = len(apart)
    style.frame(ax, f"{style.shortened(fit.name, 40)}: {starts.sum()} starts, {many} distinct "
                    f"optim{'a' if many > 1 else 'um'}",
                f"{objective} minus the best (nats)", "starts that ended there")
    top = 1.15 * float(starts.max())
    style.y_from_zero(ax, top, 0.0, round_ticks(0.0, top, 6, whole=True))
    if not apart.any():
        ax.set_xlim(-1.0, 1.0)
        ax.set_xticks([0.0])
    _number(ax, apart, starts, top)
    style.legend(ax, handles, labels)
    return ax


def _number(ax: Axes, differences: Floats, starts: Labels, top: float) -> None:
    """The difference above each mark that has room for it, the best marks first."""
    low, high = ax.get_xlim()
    apart = 0.64 / min(width(ax), 8.0)
    placed: list[tuple[float, float]] = []
    for x, count in zip(differences[1:], starts[1:], strict=True):
        at = (float(x - low) / (high - low), float(count) / top)
        if any(abs(at[0] - a) < apart and abs(at[1] - b) < 0.07 for a, b in placed):
            continue
        placed.append(at)
        sign = "+" if x > 0 else ""
        ax.annotate(sign + style.number(float(x)), (float(x), float(count)), xytext=(0, 7),
                    textcoords="offset points", ha="center", fontsize=sized(ax, style.TICK),
                    color=style.INK)
