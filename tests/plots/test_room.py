"""Pictures in little room: text is read, legends lie below, names from outside are text."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest

import emix
from emix.plots import (
    plot_bic,
    plot_density,
    plot_ellipses,
    plot_goodness,
    plot_mahalanobis,
    plot_responsibilities,
    plot_trace,
    style,
)
from emix.plots.grids import outside, view

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FAITHFUL = emix.datasets.load("faithful")
WAITING = FAITHFUL["waiting"]
FIT = emix.fit(WAITING, 2)
PLANE = emix.fit(FAITHFUL, 2)
PICTURES = {
    "density": lambda ax: plot_density(FIT.mixture, WAITING, ax=ax, name="waiting"),
    "responsibilities": lambda ax: plot_responsibilities(FIT.mixture, WAITING, ax=ax),
    "trace": lambda ax: plot_trace(FIT, ax=ax),
    "quantiles": lambda ax: plot_goodness(FIT.goodness(WAITING), ax=ax),
    "ellipses": lambda ax: plot_ellipses(PLANE.mixture, FAITHFUL.data, ax=ax),
    "distances": lambda ax: plot_mahalanobis(PLANE.mixture, FAITHFUL.data, ax=ax),
    "bic": lambda ax: plot_bic([{"k": k, "covariance": "VVV", "bic": 9.0 * k} for k in (1, 2)],
                               ax=ax),
}


def drawn(kind: str, width: float, height: float) -> tuple[Axes, Any]:
    ax = Figure(figsize=(width, height), layout="constrained").add_subplot()
    PICTURES[kind](ax)
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    return ax, canvas.get_renderer()


@pytest.mark.parametrize("kind", PICTURES)
def test_in_a_column_of_a_paper_nothing_is_cut_off_and_nothing_too_small(kind: str) -> None:
    ax, renderer = drawn(kind, 3.4, 3.8)
    texts = [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]  # type: ignore[attr-defined]
    legend = ax.get_legend()
    texts += [] if legend is None else legend.get_texts()
    whole = ax.figure.bbox
    for text in texts:
        if text.get_text():
            assert text.get_fontsize() >= 6.4
            box = text.get_window_extent(renderer)
            assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1, text.get_text()
    assert ax.get_window_extent().width > 0.7 * whole.width
    if legend is not None:
        below = ax.xaxis.label.get_window_extent(renderer).y0
        assert legend.get_window_extent(renderer).y1 <= below + 1


@pytest.mark.parametrize("kind", ["density", "ellipses", "bic"])
def test_on_a_page_text_is_whole_and_the_legend_to_the_right(kind: str) -> None:
    ax, renderer = drawn(kind, 8.0, 4.5)
    assert ax.xaxis.label.get_fontsize() == style.LABEL
    legend = ax.get_legend().get_window_extent(renderer)
    assert legend.x0 >= ax.get_window_extent(renderer).x1 - 1


@pytest.mark.parametrize("name", ["a $ b", "$x_{$", "\\alpha", "a\x07b", "two\nlines", "µ " * 60])
def test_names_from_outside_are_text(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = plot_density(FIT.mixture, WAITING, name=name)
        ax.figure.savefig(io.BytesIO(), dpi=40)
    title = ax.get_title(loc="left")
    assert title.startswith(("a $ b", "$x_{$", "\\alpha", "a\\x07b", "two\\nlines", "µ µ"))


# What lies far away


def test_a_far_value_does_not_flatten_the_others() -> None:
    x = np.append(WAITING, 5000.0)
    mixture = emix.Mixture.univariate([0.36, 0.636, 0.004], [54.6, 80.1, 5000.0], [6, 6, 1e-11])
    ax = plot_density(mixture, x)
    low, high = ax.get_xlim()
    assert low > 30 and high < 120
    assert ax.get_title(loc="left").endswith("1 beyond the picture, to 5000")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[-1].startswith("3 ") and labels[-1].endswith("(outside)")
    heights = [patch.get_height() for patch in ax.patches if patch.get_height() > 0]
    widths = [patch.get_width() for patch in ax.patches if patch.get_height() > 0]
    assert np.dot(heights, widths) == pytest.approx(272 / 273)


def test_far_rows_in_two_columns_are_counted_in_the_title() -> None:
    x = np.vstack([FAITHFUL.data, [[40.0, 60.0], [3.0, 900.0]]])
    ax = plot_ellipses(PLANE.mixture, x)
    assert ax.get_title(loc="left").endswith(", 2 beyond the picture")
    assert ax.get_xlim()[1] < 8 and ax.get_ylim()[1] < 130


@pytest.mark.parametrize("x", [
    WAITING, emix.datasets.load("galaxies")["velocity"], np.r_[np.zeros(20), 1e6],
    np.r_[np.zeros(500), 1e6], np.r_[np.arange(50.0), 1e3 + np.arange(50.0)],
    np.random.default_rng(0).standard_t(4, 3000),
], ids=["waiting", "galaxies", "few", "constant", "two halves", "heavy tails"])
def test_nothing_is_left_out_that_is_not_far(x: np.ndarray) -> None:
    low, high = view(x, emix.Mixture.univariate([1.0], [x.mean()], [x.std()]))
    assert low <= x.min() and high >= x.max() and outside(x, low, high) == ""


def test_weights_are_those_of_repetition() -> None:
    weight = np.tile([0.0, 1.0, 2.0, 3.0], 68)
    kept = weight > 0
    by_weight = plot_density(FIT.mixture, WAITING, sample_weight=weight)
    widths = [patch.get_width() for patch in by_weight.patches if patch.get_width() < 50]
    heights = [patch.get_height() for patch in by_weight.patches if patch.get_width() < 50]
    assert np.dot(heights, widths) == pytest.approx(1)
    edges = [patch.get_x() for patch in by_weight.patches if patch.get_width() < 50]
    counts, _ = np.histogram(WAITING[kept], [*edges, edges[-1] + widths[-1]],
                             weights=weight[kept], density=True)
    assert np.allclose(heights, counts)
    sizes = plot_ellipses(PLANE.mixture, FAITHFUL.data, sample_weight=weight).collections[0]
    assert len(sizes.get_offsets()) == kept.sum()
