"""The pictures of a page, each with words for those who do not see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emix.plots import (
    plot_classification,
    plot_density,
    plot_ellipses,
    plot_goodness,
    plot_mahalanobis,
    plot_optima,
    plot_pairs,
    plot_responsibilities,
    plot_trace,
    style,
)
from emix.plots.backend import axes_or_new
from emix.reporting.markup import Markup, element
from emix.reporting.svg import svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.certificates.certificate import Certificate
    from emix.result import Fit
    from emix.sources.array import ArraySource

# Inches: on a telephone's 360 pixels, text is still read.
SIZE, TALL = (5.2, 3.9), (5.2, 4.9)
# Components that are told one by one to those who do not see a picture.
MOST_TOLD = 6
# Rows up to which those pictures are drawn that look at each.
MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: what draws it on Axes, its words, and whether it keeps its width on a
    telephone, and scrolls."""

    name: str
    draw: Callable[[Axes | None], Axes]
    alternative: str
    caption: str
    size: tuple[float, float] | None = SIZE

    @property
    def figure(self) -> Markup:
        ax = self.draw(None if self.size is None else axes_or_new(None, self.size))
        svg: object = svg_of(ax, self.name, self.alternative)
        if self.size is None:
            inside = element("div", svg, style="min-width: 34rem")
            svg = element("div", inside, class_="wide", role="region", tabindex="0",
                          aria_label=self.caption)
        return element("figure", svg, element("figcaption", self.caption))


def of_data(fit: Fit, rows: ArraySource) -> Iterator[Picture]:
    """The data and the components, in one, two or more columns."""
    d, m, x = fit.mixture.n_features, fit.mixture, rows.points
    weight = rows.sample_weight
    told = _told(fit)
    if d == 1:
        yield Picture(
            "density", lambda ax: plot_density(m, x, ax=ax, name=fit.name, sample_weight=weight),
            f"Histogram of {fit.name} under the density of the mixture and its components. {told}",
            "The data as a histogram and, below the axis, one by one, in the colours of what they "
            "belong to; the mixture's density; and its components, which add up to it.", TALL)
    elif d == 2:
        yield Picture(
            "ellipses", lambda ax: plot_ellipses(m, x, ax=ax, names=fit.columns,
                                                 sample_weight=weight),
            f"Scatter of {fit.columns[0]} and {fit.columns[1]} with an ellipse for each "
            f"component. {told}",
            "The rows, in the colours of what they belong to, larger where that is unsure, and "
            "the components as ellipses.", TALL)
    else:
        yield Picture(
            "pairs", lambda ax: plot_pairs(m, x, names=fit.columns, ax=ax, sample_weight=weight),
            f"Scatters of all pairs of columns with an ellipse for each component, and "
            f"histograms of each. {told}",
            "The rows in pairs of columns, in the colours of what they belong to, larger where "
            "that is unsure; the components as ellipses; and each column by itself.", None)
    if d == 2 and fit.k > 1:
        yield Picture(
            "classification", lambda ax: plot_classification(m, x, ax=ax, names=fit.columns,
                                                             sample_weight=weight),
            f"The plane of {fit.columns[0]} and {fit.columns[1]} divided among the components.",
            "Where each component is the most probable, and how surely: on the solid lines two are "
            "equally probable; rows less sure than 90% are ringed.", TALL)
    if d == 1 and fit.k > 1:
        yield Picture(
            "responsibilities", lambda ax: plot_responsibilities(m, x, ax=ax, name=fit.name),
            f"Probabilities of belonging to each component, along {fit.name}, as stacked areas.",
            "What a value belongs to, and how surely: the responsibilities along the axis.")


def _told(fit: Fit) -> str:
    m, told = fit.mixture, []
    if fit.k > MOST_TOLD:
        return f"{fit.k} components; their numbers are in the table."
    for j in range(fit.k):
        at = ", ".join(f"{m.means[j, i]:.4g}" for i in range(min(len(fit.columns), 4)))
        more = ", …" if len(fit.columns) > 4 else ""
        told.append(f"component {j + 1}, {style.share(float(m.weights[j]))} at ({at}{more})"
                    if len(fit.columns) > 1 else
                    f"component {j + 1}, {style.share(float(m.weights[j]))} at {at}")
    return f"{'; '.join(told)}.".capitalize()


def of_goodness(fit: Fit, rows: ArraySource) -> Iterator[Picture]:
    """Whether the data looks like the mixture; nothing for more rows than are worth the time."""
    if rows.n_rows > MOST_ROWS or fit.degenerate:
        return
    if fit.mixture.n_features == 1:
        good = fit.goodness(rows)
        low, high = sorted(good.p_values[0].tolist())
        yield Picture(
            "quantiles", lambda ax: plot_goodness(good, ax=ax),
            f"Quantiles of {fit.name} against those of the mixture; on a line where they agree.",
            f"Quantiles of the data against those of the mixture: on the line where the mixture is "
            f"true. In {good.bins} bins of equal probability χ² is {good.statistic[0]:.1f}, its "
            f"p-value between {low:.3f} and {high:.3f}.")
    elif rows.sample_weight is None:
        yield Picture(
            "distances", lambda ax: plot_mahalanobis(fit.mixture, rows.points, ax=ax),
            "Squared Mahalanobis distances of rows against the quantiles that normal rows have.",
            "How far each row is from its component, against how far normal rows are: within the "
            "band in 19 of 20 samples; far above the line are outliers or heavy tails.", TALL)


def of_search(fit: Fit) -> Iterator[Picture]:
    """What the search found, and how the climb went."""
    if len(fit.optima) > 1:
        yield Picture("optima", lambda ax: plot_optima(fit, ax=ax),
                      f"The {len(fit.optima)} distinct optima and how many runs ended at each.",
                      "The distinct optima: how far each is from the first, and how many of the "
                      "search's runs ended there.")
    if len(fit.trace) > 1:
        yield Picture("trace", lambda ax: plot_trace(fit, ax=ax),
                      "The objective at each step of the climb to the optimum.",
                      "The climb to the optimum, step by step; the inset shows on a logarithmic "
                      "scale what was still missing.")


def of_certificate(certificate: Certificate, rows: ArraySource) -> Picture:
    """The gradient function."""
    return Picture(
        "certificate",
        lambda ax: certificate.plot(rows.points, ax=ax, sample_weight=rows.sample_weight),
        "The gradient function of the fit and of the best mixture there is.",
        "Where another component would help (above 1) and where none can (1 or less).")


def rows_of_pictures(pictures: Iterator[Picture]) -> Markup | str:
    """Pictures beside one another where there is room."""
    made: list[Any] = [picture.figure for picture in pictures]
    return element("div", *made, class_="pictures") if made else ""
