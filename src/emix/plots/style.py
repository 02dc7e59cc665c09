"""The visual language that all pictures share: colours, marks, text, frames.

A component has one colour and one number everywhere. Colours alternate dark and light, numbers
stand beside the curves and truth is dashed, so that a picture can also be read without colour.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Order
from emix.names import printable
from emix.plots.backend import halo, raised_powers, round_ticks
from emix.plots.room import legend_place, sized, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.mixture import Mixture

# Okabe & Ito's colours for the colour-blind (https://jfly.uni-koeln.de/color/), ordered so that
# neighbours differ in lightness too. Their yellow is darkened, to be seen as a line on white;
# black is kept for the mixture, and wine takes its place.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B5A100", "#882255")
# Components beyond the palette start it again in another line style. Dashed is for truth.
LINE_STYLES = ("-", "-.", ":")

INK = "#222222"
PALE = "#D5D9DE"
PALE_EDGE = "#FFFFFF"
MUTED = "#6B7178"

TITLE, LABEL, TICK, SMALL = 12.0, 10.5, 9.5, 9.0

# Lines that a legend holds in one column.
LEGEND_ROWS = 22
LEGEND_HEAD = "no., weight, mean ± sd"
LEGEND_HEAD_COLUMNS = "no., weight, means"


def colour(component: int) -> str:
    """The colour of a component, counted from 0; the palette repeats after 8.

    >>> colour(0), colour(8) == colour(0)
    ('#0072B2', True)
    """
    return PALETTE[component % len(PALETTE)]


def line_style(component: int) -> str:
    """The line style of a component: solid for the first 8, then others."""
    return LINE_STYLES[component // len(PALETTE) % len(LINE_STYLES)]


def blend(responsibilities: Floats) -> Floats:
    """Colours (n, 3) of points by responsibilities (n, k): a sure point has its component's
    colour, an unsure one a colour between.

    >>> blend(np.array([[1.0, 0.0]])).round(3).tolist()
    [[0.0, 0.447, 0.698]]
    """
    k = responsibilities.shape[1]
    hues = np.array([rgb(colour(j)) for j in range(k)])
    with np.errstate(under="ignore"):
        colours: Floats = np.clip(responsibilities @ hues, 0.0, 1.0)
    return colours


def rgb(code: str) -> tuple[float, float, float]:
    """'#RRGGBB' as three numbers from 0 to 1."""
    red, green, blue = (int(code[i:i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def axis_label(name: str, unit: str | None) -> str:
    """A quantity and its unit, if it has one.

    >>> axis_label("waiting", "minutes"), axis_label("x", None)
    ('waiting (minutes)', 'x')
    """
    return f"{name} ({unit})" if unit else name


def density_label(unit: str | None) -> str:
    """The label of a density, whose unit is one over that of the data.

    >>> density_label("minutes"), density_label("1000 km/s")
    ('density (1/minutes)', 'density (1/(1000 km/s))')
    """
    if not unit:
        return "density"
    compound = any(mark in unit for mark in " /*·^")
    return f"density (1/({unit}))" if compound else f"density (1/{unit})"


def in_words(n: int, k: int) -> str:
    """How much data and how many components, for titles.

    >>> in_words(272, 2), in_words(100_000, 1)
    ('272 points, mixture of 2 components', '100\u2009000 points, one normal component')
    """
    return f"{counted(n)} point{'s' * (n != 1)}, " + (
        "one normal component" if k == 1 else f"mixture of {k} components")


def counted(n: int) -> str:
    """A count, in groups of three digits from 10 000 on, parted by thin spaces."""
    return f"{n:,}".replace(",", "\u2009" if n >= 10_000 else "")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """So many significant digits, in words' notation where it is long.

    >>> number(0.07561), number(120.0, 2), number(3.1e12, 2), number(5e-10, 2)
    ('0.0756', '120', '3.1×10¹²', '5.0×10⁻¹⁰')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    exponent = int(power)
    if -4 <= exponent <= 5:
        return fixed(value, digits - 1 - exponent)
    return f"{mantissa}×10{str(exponent).translate(_RAISED)}".replace("-", "−")


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals and a proper minus sign."""
    return f"{value:z.{max(decimals, 0)}f}".replace("-", "−")


def magnitude(value: float) -> int:
    """The power of ten of the first of three digits that `value` is rounded to."""
    return int(f"{value:.2e}".split("e")[1])


def mean_and_sd(mean: float, sd: float, spread: float) -> str:
    """A mean with as many digits as its standard deviation makes meaningful, and that.

    Of a component much narrower than the `spread` of the whole, no more digits than tell where
    in the whole it lies.

    >>> mean_and_sd(54.6149, 5.8712, 13.6), mean_and_sd(70.0, 1e-9, 13.6)
    ('54.61 ± 5.87', '70.000 ± 1.00×10⁻⁹')
    >>> mean_and_sd(1e8 + 0.25, 0.5, 0.5)
    '100000000.250 ± 0.500'
    """
    return f"{to_the_digit(mean, max(magnitude(sd) - 2, magnitude(spread) - 4))} ± {number(sd)}"


def to_the_digit(value: float, finest: int) -> str:
    """A number down to the digit that stands for 10 to the power of `finest`.

    >>> to_the_digit(54.6149, -1), to_the_digit(3.1234e12, 10)
    ('54.6', '3.12×10¹²')
    """
    largest = magnitude(abs(value)) if value else finest
    if finest >= -7 and largest < 10:
        return fixed(value, -finest)
    # A double has no more than some 16 digits.
    return number(value, min(max(largest - finest + 1, 2), 16))


def share(weight: float) -> str:
    """A mixing weight in per cent.

    >>> share(0.3609), share(0.0042), share(1.0)
    ('36%', '0.42%', '100%')
    """
    percent = 100 * weight
    return f"{percent:.0f}%" if percent >= 9.95 or percent == 0 else f"{number(percent, 2)}%"


def component_label(mixture: Mixture, component: int) -> str:
    """A component's line in a legend: number, weight, mean ± sd."""
    mean, sd = float(mixture.means[component, 0]), float(mixture.sds[component])
    described = mean_and_sd(mean, sd, spread(mixture))
    return f"{component + 1}   {share(float(mixture.weights[component]))}   {described}"


def spread(mixture: Mixture) -> float:
    """The standard deviation of a mixture in one column, also where no double holds its square.

    >>> import emix
    >>> f"{spread(emix.Mixture.univariate([0.5, 0.5], [-4e200, 4e200], [3e200, 3e200])):.3g}"
    '5e+200'
    """
    parts = np.concatenate([mixture.sds, mixture.means[:, 0] - mixture.mean])
    largest = float(np.abs(parts).max())
    return largest * math.sqrt(float(np.tile(mixture.weights, 2) @ (parts / largest) ** 2))


def means_label(mixture: Mixture, component: int, columns: Order) -> str:
    """A component's line in a legend of some columns: number, weight, means there, to a tenth
    of their standard deviations, or to what tells where in the whole they lie."""
    means = []
    for j in columns:
        part = mixture.marginal(j)
        finest = max(magnitude(float(part.sds[component])) - 1,
                     magnitude(spread(part)) - 3)
        means.append(to_the_digit(float(part.means[component, 0]), finest))
    return f"{component + 1}   {share(float(mixture.weights[component]))}   ({', '.join(means)})"


def shortened(name: str, most: int = 24) -> str:
    """A name that fits beside an axis.

    >>> shortened("Sepal_Length"), shortened("the length of the sepal, measured in cm")
    ('Sepal_Length', 'the length of the sepal…')
    """
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def frame(ax: Axes, title: str, x_label: str, y_label: str) -> None:
    """Title, labels, and only the two axes that are read. A dollar sign is one, not mathematics."""
    plain: dict[str, Any] = {"color": INK, "parse_math": False}
    title, x_label, y_label = map(printable, (title, x_label, y_label))
    ax.set_title(wrapped(ax, title, TITLE), loc="left", fontsize=sized(ax, TITLE),
                 pad=sized(ax, 14.0), **plain)
    ax.set_xlabel(wrapped(ax, x_label, LABEL), fontsize=sized(ax, LABEL), **plain)
    ax.set_ylabel(wrapped(ax, y_label, LABEL, upright=True), fontsize=sized(ax, LABEL), **plain)
    ax.tick_params(labelsize=sized(ax, TICK), colors=INK)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_offset_text().set_fontsize(sized(ax, SMALL))
        raised_powers(axis.get_major_formatter())


def y_from_zero(ax: Axes, top: float, below: float, ticks: list[float] | None = None) -> None:
    """The y axis from 0 to `top`, with room for rugs `below` that has no ticks."""
    ax.set_ylim(-below, top)
    ax.set_yticks(round_ticks(0.0, top, 6) if ticks is None else ticks)
    ax.spines["left"].set_bounds(0.0, top)
    ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1.5)


def legend(
    ax: Axes, handles: list[Any], labels: list[str], title: str | None = None,
    inside: bool = False,
) -> None:
    """A legend where no data can lie under it, to the right of the picture or below a narrow one;
    or `inside`, in its upper right corner."""
    place: dict[str, Any] = {"loc": "upper right", "bbox_to_anchor": (1.0, 1.0)} if inside else \
        legend_place(ax, labels, SMALL)
    size = sized(ax, SMALL)
    made = ax.legend(
        handles, labels, title=title, title_fontsize=size, fontsize=size, frameon=False,
        borderaxespad=0.0, handlelength=2.0, alignment="left", labelcolor=INK,
        **{"ncols": 1 + (len(labels) - 1) // LEGEND_ROWS} | place,
    )
    made.get_title().set_color(INK)
    for text in made.get_texts():
        text.set_parse_math(False)


def numeral(
    ax: Axes, component: int, x: float, y: float, offset: tuple[float, float] = (0.0, 0.0),
    size: float = LABEL,
) -> None:
    """A component's number at (x, y), moved by so many typographic points right and up."""
    ax.annotate(
        str(component + 1), (x, y), xytext=offset, textcoords="offset points", ha="center",
        va="bottom" if offset[1] else "center_baseline", fontsize=sized(ax, size),
        fontweight="bold",
        color=shade(component), path_effects=halo(), zorder=8, annotation_clip=False,
    )


def shade(component: int) -> tuple[float, float, float]:
    """A component's colour, darker: for text, which is thinner than a line."""
    red, green, blue = (0.72 * part for part in rgb(colour(component)))
    return red, green, blue
