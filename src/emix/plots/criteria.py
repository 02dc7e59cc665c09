"""What each criterion says of the number of components, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import ParameterError
from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.bic import MARKS, UNDECIDED, root, scale_by_k

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats

# What rows may be ranked by, and how it is called.
CRITERIA = {"bic": "BIC", "icl": "ICL", "aic": "AIC", "heldout": "held-out deviance"}


def plot_criteria(
    rows: Sequence[Mapping[str, Any]], ax: Axes | None = None, name: str = ""
) -> Axes:
    """How far BIC, ICL, AIC and held-out deviance lie above their least, over the number of
    components.

    `rows` are fits of one structure, called `name`, each a mapping with "k" and what there is of
    "bic", "icl", "aic" and "heldout" (minus twice the log-likelihood of rows left out). The
    scale is by square roots; rings are where each is least.

    Raises `ParameterError` for rows without any of them, `MissingExtraError` without matplotlib.

    >>> rows = [{"k": 1, "bic": 829.98, "icl": 829.98}, {"k": 2, "bic": 574.02, "icl": 574.03}]
    >>> plot_criteria(rows, name="VVV").get_title(loc="left")
    'VVV: least BIC with 2, ICL with 2'
    """
    ks, curves = _curves(rows)
    ax = axes_or_new(ax)
    ax.set_yscale("function", functions=(root, np.square))
    band = ax.axhspan(0.0, UNDECIDED, color=style.PALE, alpha=0.55, linewidth=0, zorder=0)
    handles: list[Any] = []
    labels, best = [], []
    for place, (criterion, curve) in enumerate(curves.items()):
        least = int(np.nanargmin(curve))
        (line,) = ax.plot(ks, curve - curve[least], color=style.colour(place), linewidth=1.8,
                          marker=MARKS[place], markersize=5.5, markeredgecolor="white",
                          markeredgewidth=0.7, zorder=5 - place / 8, clip_on=False)
        ax.scatter([ks[least]], [0.0], s=120 + 70 * place, facecolor="none", linewidth=1.3,
                   edgecolor=style.shade(place), zorder=7, clip_on=False)
        handles.append(line)
        labels.append(f"{CRITERIA[criterion]}, least {style.fixed(float(curve[least]), 2)}")
        best.append(f"{CRITERIA[criterion]} with {ks[least]:.0f}")
    scale_by_k(ax, ks, max(float(np.nanmax(c) - np.nanmin(c)) for c in curves.values()))
    title = f"least {', '.join(best)}"
    style.frame(ax, f"{name}: {title}" if name else title, "components",
                "above the least (square-root scale)")
    style.legend(ax, [*handles, band], [*labels, f"up to {UNDECIDED:g} above it: undecided"])
    return ax


def _curves(rows: Sequence[Mapping[str, Any]]) -> tuple[Floats, dict[str, Floats]]:
    """Numbers of components (m,), and of each criterion that has a value the values (m,)."""
    try:
        by_k = {int(row["k"]): row for row in rows}
        ks = sorted(by_k)
        curves = {criterion: np.array([_number(by_k[k].get(criterion)) for k in ks])
                  for criterion in CRITERIA}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ParameterError("these are no rows of a selection; expected mappings with k and bic, "
                             "icl, aic or heldout") from None
    if len(by_k) < len(rows):
        raise ParameterError("more than one row has the same k; give those of one structure")
    found = {name: curve for name, curve in curves.items() if np.isfinite(curve).any()}
    if not found:
        raise ParameterError("no row has a criterion; nothing to draw")
    return np.array(ks, dtype=np.float64), found


def _number(value: Any) -> float:
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else math.nan
