"""How much room a picture has, and what that makes of text: from a page's width to a column of a
paper's.

Sizes in the other files are those of a picture 8 inches wide. What is drawn on less gets smaller
text, as far as it can still be read, titles of several lines, and its legend below.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from emix.plots.backend import below

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches: below NARROW a legend to the right would leave the picture too little, and text is smaller
# in proportion, but never smaller than LEAST of its size.
NARROW, FULL, LEAST = 5.4, 5.0, 0.72
# The mean width of a letter, in its size, and what a legend's line has besides, in inches.
LETTER, HANDLE = 0.51, 0.42
# Between a narrow picture and the legend below it, in sizes of a label: ticks and label.
BESIDE, LINES_BETWEEN = 0.75, 4.3


def width(ax: Axes) -> float:
    """Inches from one side to the other of what a grid of Axes gives this one; infinite for Axes
    within others, whose text is their parent's affair."""
    return _inches(ax)[0]


def _inches(ax: Axes) -> tuple[float, float]:
    figure: Any = ax.figure
    place = ax.get_subplotspec()
    if place is None:
        return float("inf"), float("inf")
    whole, box = figure.bbox, place.get_position(figure)
    of = place.get_gridspec().get_subplot_params(figure)
    return (whole.width / figure.dpi * box.width / (of.right - of.left),
            whole.height / figure.dpi * box.height / (of.top - of.bottom))


def is_narrow(ax: Axes) -> bool:
    """Whether a legend goes below."""
    return width(ax) < NARROW


def sized(ax: Axes, size: float) -> float:
    """What `size`, in typographic points, becomes in the room there is."""
    return size * min(max(width(ax) / FULL, LEAST), 1.0)


def wrapped(ax: Axes, text: str, size: float, upright: bool = False) -> str:
    """Text in as many lines as the width (of `upright` text, the height) asks for."""
    inches = _inches(ax)[upright] - BESIDE
    if inches == float("inf"):
        return text
    letters = max(int(72 * inches / (LETTER * sized(ax, size))), 12)
    return "\n".join(textwrap.wrap(text, letters)) or text


def legend_place(ax: Axes, labels: list[str], size: float) -> dict[str, Any]:
    """Where a legend goes, and in how many columns: to the right, or below a narrow picture."""
    if not is_narrow(ax):
        return {"loc": "upper left", "bbox_to_anchor": (1.005, 1.0)}
    longest = max(len(line) for label in labels for line in label.split("\n"))
    each = LETTER * sized(ax, size) * longest / 72 + HANDLE
    return {
        "loc": "upper left", "bbox_to_anchor": (0.0, 0.0), "columnspacing": 1.2,
        "bbox_transform": below(ax, LINES_BETWEEN * sized(ax, size) / 72),
        "ncols": min(max(int((width(ax) - 0.3) / each), 1), len(labels)),
    }
