"""The BIC of fits with different numbers of components and structures, to choose among them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats
from emix.errors import ParameterError
from emix.plots import style
from emix.plots.backend import axes_or_new, halo
from emix.plots.room import sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A difference of more is very strong evidence (Kass & Raftery 1995,
# doi:10.1080/01621459.1995.10476572).
UNDECIDED = 10.0
# Structures that have a colour, and of these the ones that are named beside their best too.
COLOURED, NAMED = len(style.PALETTE), 3
MARKS = "osD^v<>p"
# Where ticks may stand, the first of those that are in each other's way first, and how near they
# may be in shares of the picture.
TICKS = [0.0, *(m * 10.0**e for m in (10, 50, 20, 5, 2, 1) for e in range(13))]
TICKS_APART = 0.05


def plot_bic(rows: Sequence[Mapping[str, Any]], ax: Axes | None = None) -> Axes:
    """BIC over the number of components, a line for each covariance structure.

    `rows` are the fits that were tried, each a mapping with "k", "covariance" and "bic"; a bic
    that is None or not finite leaves a gap. What is drawn is how far each BIC lies above the
    least, on a square-root scale, which shows differences of 2 and of 2000 in one picture. In
    the band, up to 10 above the least, the data have not decided. The eight best structures have
    colours, and the best three their names beside their best; the rest are pale.

    Raises `ParameterError` for rows without these entries or without any BIC,
    `MissingExtraError` without matplotlib.

    >>> rows = [{"k": 1, "covariance": "VVV", "bic": 829.98},
    ...         {"k": 2, "covariance": "VVV", "bic": 574.02}]
    >>> plot_bic(rows).get_title(loc="left")
    'least BIC 574.02: VVV with 2 components'
    """
    ks, lines = _by_structure(rows)
    ax = axes_or_new(ax)
    ranked = sorted(lines, key=lambda name: float(np.nanmin(lines[name])))
    least = float(np.nanmin(lines[ranked[0]]))
    above = {name: lines[name] - least for name in ranked}
    ax.set_yscale("function", functions=(root, np.square))
    band = ax.axhspan(0.0, UNDECIDED, color=style.PALE, alpha=0.55, linewidth=0, zorder=0)
    for name in ranked[COLOURED:]:
        (pale,) = ax.plot(ks, above[name], color=style.PALE, linewidth=1.2, marker="o",
                          markersize=3.0, zorder=1)
    handles = [_draw_line(ax, ks, above[name], rank)
               for rank, name in enumerate(ranked[:COLOURED])]
    labels = [_label(name, ks, lines[name]) for name in ranked[:COLOURED]]
    if len(ranked) > COLOURED:
        handles.append(pale)
        labels.append(f"{len(ranked) - COLOURED} more structures")
    k = int(ks[np.nanargmin(lines[ranked[0]])])
    ring = ax.scatter([k], [0.0], s=150, facecolor="none", edgecolor=style.INK, linewidth=1.4,
                      zorder=7, clip_on=False)
    handles += [ring, band]
    labels += ["the least BIC", f"up to {UNDECIDED:g} above it: undecided"]
    scale_by_k(ax, ks, max(float(np.nanmax(line)) for line in above.values()))
    if len(ranked) > 1:
        _name(ax, ks, {name: above[name] for name in ranked[:NAMED]})
    title = f"least BIC {style.fixed(least, 2)}: {ranked[0]} with {k} component{'s' * (k != 1)}"
    style.frame(ax, title, "components", "BIC above the least (square-root scale)")
    style.legend(ax, handles, labels, title="structure, components, its least BIC")
    return ax


def _by_structure(rows: Sequence[Mapping[str, Any]]) -> tuple[Floats, dict[str, Floats]]:
    """All numbers of components (m,), and for each structure its BICs (m,), NaN where none."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        try:
            k, name, bic = int(row["k"]), str(row["covariance"]), row["bic"]
            value = math.nan if bic is None else float(bic)
        except (KeyError, TypeError, ValueError):
            raise ParameterError(f"{row!r} is no row of a selection; expected a mapping with k, "
                                 f"covariance and bic") from None
        if math.isfinite(value):
            tried = found.setdefault(name, {})
            tried[k] = min(value, tried.get(k, math.inf))
    if not found:
        raise ParameterError("no row has a BIC; nothing to draw")
    ks = sorted(set().union(*found.values()))
    return np.array(ks, dtype=np.float64), {
        name: np.array([tried.get(k, math.nan) for k in ks]) for name, tried in found.items()
    }


def root(difference: Floats) -> Floats:
    """The scale of differences that cannot be negative."""
    return np.sqrt(np.maximum(difference, 0.0))


def _label(name: str, ks: Floats, bics: Floats) -> str:
    best = int(np.nanargmin(bics))
    return f"{name}   {ks[best]:.0f}   {style.fixed(float(bics[best]), 2)}"


def _draw_line(ax: Axes, ks: Floats, above: Floats, rank: int) -> Any:
    """The better, the more in front."""
    (line,) = ax.plot(ks, above, color=style.colour(rank), linewidth=1.8, marker=MARKS[rank],
                      markersize=5.5, markeredgecolor="white", markeredgewidth=0.7,
                      zorder=6 - rank / COLOURED, clip_on=False)
    return line


def scale_by_k(ax: Axes, ks: Floats, highest: float) -> None:
    """Ticks at round differences that do not crowd, and at each number of components."""
    top = math.sqrt(max(highest, 2 * UNDECIDED)) * 1.04
    ax.set_ylim(0.0, top**2)
    ticks: list[float] = []
    for tick in TICKS:
        at = math.sqrt(tick)
        if at <= top and all(abs(at - math.sqrt(t)) > TICKS_APART * top for t in ticks):
            ticks.append(tick)
    ticks.sort()
    ax.set_yticks(ticks, [style.counted(round(tick)) for tick in ticks])
    few = ks if len(ks) <= 20 else ks[:: math.ceil(len(ks) / 20)]
    ax.set_xticks(few, [f"{k:.0f}" for k in few])
    margin = max(0.04 * float(ks[-1] - ks[0]), 0.25)
    ax.set_xlim(float(ks[0]) - margin, float(ks[-1]) + margin)


def _name(ax: Axes, ks: Floats, above: dict[str, Floats]) -> None:
    """The names of the best structures, each beside its best, above those that are in its way."""
    top = math.sqrt(ax.get_ylim()[1])
    placed: list[tuple[float, float]] = []
    for rank, (name, line) in enumerate(above.items()):
        best = int(np.nanargmin(line))
        x, y = float(ks[best]), math.sqrt(float(line[best])) / top + 0.035
        while any(x == a and abs(y - b) < 0.045 for a, b in placed):
            y += 0.01
        placed.append((x, y))
        ax.annotate(name, (x, (y * top) ** 2), xytext=(7, 0), textcoords="offset points",
                    fontsize=sized(ax, style.TICK), fontweight="bold", color=style.shade(rank),
                    path_effects=halo(), zorder=8, annotation_clip=False, va="center")
