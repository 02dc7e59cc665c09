"""Points in two columns, coloured by component, and the ellipses of the components over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Order
from emix.errors import ParameterError
from emix.given import as_positions, as_rows
from emix.plots import style
from emix.plots.backend import halo
from emix.plots.grids import view, weighted
from emix.plots.room import sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.mixture import Mixture

Limits = tuple[float, float]

# Radii of the ellipses, in standard deviations, and how thick each is drawn.
RADII = ((1.0, 1.0), (2.0, 0.6))
# 1 − exp(−r²/2) of a normal in two columns lies within r.
ELLIPSES = "ellipses: 1 and 2 sd, around\n39% and 86% of a component"
# A point that is as likely of one component as of another has this many times the area of a
# sure one.
UNSURE = 5.0
# Areas by weight, of what has the mean weight.
AREAS = (0.2, 5.0)
POINTS_ROUND_AN_ELLIPSE = 181
# Points that are drawn each for itself; more are a crowd, fainter and without edges.
FEW = 800


@dataclass(frozen=True, eq=False)
class Cloud:
    """Rows to draw: points (m, d), colours (m, 3), unsureness 1 − max_k r (m,) and areas (m,) by
    weight, 1 on average, of n in all.

    Those that are unsure come last, so that they are drawn over the others.
    """

    points: Floats
    colours: Floats
    unsure: Floats
    areas: Floats
    n: int

    @classmethod
    def of(cls, mixture: Mixture, x: object, most: int, sample_weight: object = None) -> Cloud:
        """At most so many rows of x (n, d), drawn by lot where there are more, the same ones
        each time; those without weight are left out. Raises `DataError`."""
        rows, weight = weighted(as_rows(x, mixture.n_features).astype(np.float64), sample_weight)
        n = len(rows)
        areas = np.ones(n) if weight is None else np.clip(weight / weight.mean(), *AREAS)
        if n > most:
            chosen = np.sort(np.random.default_rng(0).choice(n, most, replace=False))
            rows, areas = rows[chosen], areas[chosen]
        responsibilities = mixture.responsibilities(rows)
        unsure = 1 - responsibilities.max(axis=1)
        order = np.argsort(unsure, kind="stable")
        colours = style.blend(responsibilities)[order]
        return cls(rows[order], colours, unsure[order], areas[order], n)

    def title(self, mixture: Mixture) -> str:
        """How much of how much is drawn, and what of.

        >>> import emix
        >>> m = emix.Mixture([1.0], [[0.0, 0.0]], [[[1.0, 0.0], [0.0, 1.0]]])
        >>> Cloud(np.zeros((7, 2)), np.zeros((7, 3)), np.zeros(7), np.ones(7), 12_345).title(m)
        '7 of 12\u2009345 points drawn, one normal component in 2 columns'
        """
        drawn, k = len(self.points), mixture.n_components
        some = f"{style.counted(drawn)} of " if drawn < self.n else ""
        points = f"{some}{style.counted(self.n)} point{'s' * (self.n != 1)}"
        what = "one normal component" if k == 1 else f"mixture of {k} components"
        return f"{points}{' drawn' * bool(some)}, {what} in {mixture.n_features} columns"

    def draw(self, ax: Axes, columns: Order, size: float) -> None:
        """Scatter two columns; `size` is the area of a sure point among few, in square points."""
        sure = size * self.crowding
        ax.scatter(self.points[:, columns[0]], self.points[:, columns[1]],
                   s=sure * self.areas * (1 + (UNSURE - 1) * 2 * self.unsure), c=self.colours,
                   alpha=0.5 if self.is_crowd else 0.85, zorder=2,
                   edgecolor="white", linewidth=0.0 if self.is_crowd else 0.35)

    def beyond(self, *limits: tuple[tuple[float, float], int]) -> str:
        """How many points lie beyond the limits of columns, in words; "" where none does."""
        out = np.zeros(len(self.points), dtype=np.bool_)
        for (low, high), column in limits:
            out |= (self.points[:, column] < low) | (self.points[:, column] > high)
        return f", {style.counted(int(out.sum()))} beyond the picture" if out.any() else ""

    def limits(self, mixture: Mixture, chosen: Order) -> tuple[Limits, Limits]:
        """From where to where two columns are drawn."""
        across, up = (view(self.points[:, j], mixture.marginal(int(j))) for j in chosen)
        return across, up

    def frame(
        self, ax: Axes, chosen: Order, limits: tuple[Limits, Limits], names: list[str], title: str
    ) -> None:
        """The limits of two columns, their names, and in the title what lies beyond."""
        across, up = limits
        ax.set_xlim(*across)
        ax.set_ylim(*up)
        beyond = self.beyond((across, int(chosen[0])), (up, int(chosen[1])))
        style.frame(ax, title + beyond, *(style.shortened(names[j]) for j in chosen))

    @property
    def is_crowd(self) -> bool:
        return len(self.points) > FEW

    @property
    def crowding(self) -> float:
        """The share of its area that is left to each of many points."""
        return float(np.clip(200 / len(self.points), 0.15, 1.0) ** 0.5)


def draw_ellipses(ax: Axes, mixture: Mixture, width: float, crowded: bool) -> list[Any]:
    """Each component's ellipses, for a mixture in two columns: a handle for each component."""
    angles = np.linspace(0.0, 2 * np.pi, POINTS_ROUND_AN_ELLIPSE)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    # To be seen on a crowd of points; of few, a white edge would hide too much.
    edge = halo(width + 1.0) if crowded else None
    handles = []
    for j, (mean, factor) in enumerate(zip(mixture.means, mixture.covariance.factors,
                                           strict=True)):
        hue, lines = style.colour(j), []
        for radius, strength in RADII:
            x, y = mean[:, None] + radius * factor @ circle
            ax.fill(x, y, color=hue, alpha=0.06, linewidth=0, zorder=1)
            lines += ax.plot(x, y, color=style.shade(j), linewidth=width * strength, zorder=4,
                             linestyle=style.line_style(j), path_effects=edge)
        handles.append((ax.scatter([], [], s=30, color=hue), lines[0]))
    return handles


def draw_legend(
    ax: Axes, cloud: Cloud, size: float, handles: list[Any], labels: list[str]
) -> tuple[list[Any], list[str]]:
    """What points and ellipses mean, before a legend's lines on components."""
    sure = ax.scatter([], [], s=size * cloud.crowding, color=style.colour(0))
    points: list[Any] = [sure]
    words = ["a point"]
    if len(handles) > 1:
        between = style.blend(np.array([[0.5, 0.5]]))[0]
        points.append(ax.scatter([], [], s=size * cloud.crowding * UNSURE, color=tuple(between)))
        words = ["a sure point, and an unsure one:", "larger, of a colour between"]
    (ring,) = ax.plot([], [], color=style.INK, linewidth=1.6)
    (head,) = ax.plot([], [], linestyle="none")
    return [*points, ring, head, *handles], [*words, ELLIPSES, *labels]


def draw_means(ax: Axes, mixture: Mixture, size: float = style.LABEL) -> None:
    """Each component's number in a ring at its mean, for a mixture in two columns."""
    for j, (x, y) in enumerate(mixture.means.tolist()):
        ax.scatter([x], [y], s=1.55 * sized(ax, size) ** 2 * (1.0 if j < 9 else 1.5), color="white",
                   edgecolor=style.shade(j), linewidth=0.12 * size, zorder=6)
        style.numeral(ax, j, x, y, size=size)


def two_of(columns: tuple[int, int], mixture: Mixture) -> Order:
    """The two columns that a picture is of. Raises `ParameterError` for what is not two of the
    mixture's."""
    chosen = as_positions(columns, mixture.n_features)
    if len(chosen) != 2:
        raise ParameterError(f"columns={columns!r}; this picture is of two")
    return chosen


def names_of(x: object, names: object, d: int) -> list[str]:
    """A name for each of d columns: as given, else those of a data frame, else x1 to xd.

    Raises `ParameterError` for another number of names.

    >>> names_of([[0.0, 1.0]], None, 2), names_of([[0.0, 1.0]], ["a", "b"], 2)
    (['x1', 'x2'], ['a', 'b'])
    """
    if names is None:
        names = getattr(x, "columns", None)
        if names is None or len(names) != d:
            return [f"x{j}" for j in range(1, d + 1)]
    found = [str(name) for name in names]  # type: ignore[attr-defined]
    if isinstance(names, str) or len(found) != d:
        raise ParameterError(f"names={names!r}; expected one for each of {d} columns")
    return found
