"""The one place that imports matplotlib, when the first picture is drawn.

pyplot is never touched: it keeps every figure alive and wants to know of a display.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emix.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches. At 150 dots per inch 1200 pixels wide; text is still read when shown at 800.
SIZE = (8.0, 4.5)
DPI = 150


def matplotlib() -> Any:
    """The package, with the parts that pictures need; raises `MissingExtraError`."""
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure
        import matplotlib.patheffects
        import matplotlib.ticker
        import matplotlib.transforms
    except ImportError as reason:
        raise MissingExtraError("matplotlib", "plot", "drawing a picture") from reason
    return matplotlib


def axes_or_new(ax: Axes | None, size: tuple[float, float] = SIZE) -> Axes:
    """The given Axes, or the only one of a new figure of so many inches; raises
    `MissingExtraError`."""
    package = matplotlib()
    if ax is not None:
        return ax
    figure = package.figure.Figure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
    package.backends.backend_agg.FigureCanvasAgg(figure)
    new: Axes = figure.add_subplot()
    return new


def halo(width: float = 2.5) -> list[Any]:
    """A white edge around text, so that it reads on any ground."""
    return [matplotlib().patheffects.withStroke(linewidth=width, foreground="white")]


def below(ax: Axes, inches: float) -> Any:
    """The coordinates of the Axes, so many inches further down."""
    move = matplotlib().transforms.ScaledTranslation(0.0, -inches, ax.figure.dpi_scale_trans)
    return ax.transAxes + move


def raised_powers(formatter: Any) -> None:
    """Have the power of ten beside an axis raised, ×10⁶ and not 1e6.

    The ticks themselves stay text: as formulae, which is what matplotlib makes of both, they would
    take half of the time of a picture.
    """
    if not hasattr(formatter, "set_useMathText"):
        return

    def offset() -> str:
        formatter.set_useMathText(True)
        try:
            return str(type(formatter).get_offset(formatter))
        finally:
            formatter.set_useMathText(False)

    formatter.set_useMathText(False)
    formatter.get_offset = offset


def round_ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """At most about `most` round numbers within [low, high]; with `whole`, integers."""
    locator = matplotlib().ticker.MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10], integer=whole)
    return [float(t) for t in locator.tick_values(low, high) if low <= t <= high]
