"""Pictures: what they show, that they share one language, and that they leave nothing behind."""

from __future__ import annotations

import builtins
import io
import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest

import emix
from emix.comparison import compare_kmeans
from emix.errors import DataError, MissingExtraError, ParameterError
from emix.fitting import steps
from emix.plots import (
    plot_density,
    plot_kmeans,
    plot_optima,
    plot_responsibilities,
    plot_trace,
    style,
)

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

TWO = emix.Mixture.univariate([0.36, 0.64], [54.6, 80.1], [5.87, 5.87])


@pytest.fixture(scope="module")
def waiting() -> Any:
    return emix.datasets.load("faithful")["waiting"]


@pytest.fixture(scope="module")
def found(waiting: Any) -> emix.Fit:
    return emix.fit(waiting, 2)


@pytest.fixture(scope="module")
def traced(found: emix.Fit) -> emix.Fit:
    """The same fit with a trace of plain EM, whatever kernel made the fit."""
    x = emix.datasets.load("faithful")["waiting"]
    start = emix.Mixture.univariate([0.5, 0.5], [50.0, 90.0], [5.0, 5.0])
    trace = np.array([step.objective for step in islice(steps(x, start), 40)])
    return replace(found, trace=trace, n_iter=39)


@pytest.fixture
def pictures(found: emix.Fit, traced: emix.Fit, waiting: Any) -> dict[str, Any]:
    """Each kind of picture, as a function of the Axes to draw on."""
    named = {"name": "waiting", "unit": "minutes"}
    return {
        "density": lambda ax: plot_density(found.mixture, waiting, ax=ax, **named),
        "truth": lambda ax: plot_density(found.mixture, waiting, ax=ax, truth=TWO, **named),
        "responsibilities": lambda ax: plot_responsibilities(
            found.mixture, waiting, ax=ax, **named),
        "kmeans": lambda ax: plot_kmeans(compare_kmeans(found.mixture, waiting), ax=ax, **named),
        "trace": lambda ax: plot_trace(traced, ax=ax),
        "optima": lambda ax: plot_optima(found, ax=ax),
    }


KINDS = ["density", "truth", "responsibilities", "kmeans", "trace", "optima"]


def size_of_png(ax: Axes) -> int:
    file = io.BytesIO()
    ax.figure.savefig(file, dpi=50)
    return len(file.getvalue())


def line_colours(ax: Axes) -> set[tuple[float, ...]]:
    return {to_rgb(line.get_color()) for line in ax.get_lines()}


def rug_colours(ax: Axes, n_ticks: int) -> Any:
    """The colours of the collection of so many ticks, which lie below the axis."""
    for drawn in ax.collections:
        paths = drawn.get_paths()
        if len(paths) == n_ticks and all(p.vertices[:, 1].max() < 0 for p in paths):
            return drawn.get_edgecolors()[:, :3]
    raise AssertionError("no rug")


@pytest.mark.parametrize("kind", KINDS)
def test_each_picture_is_axes_on_a_figure_of_its_own(pictures: Any, kind: str) -> None:
    ax = pictures[kind](None)
    assert isinstance(ax, Axes)
    assert ax.get_title(loc="left")
    assert size_of_png(ax) > 1000


@pytest.mark.parametrize("kind", KINDS)
def test_the_given_axes_are_used(pictures: Any, kind: str) -> None:
    one, other = Figure().subplots(1, 2)
    assert pictures[kind](one) is one
    assert not other.has_data()


def test_pyplot_is_never_touched(pictures: Any) -> None:
    for draw in pictures.values():
        draw(None)
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


@pytest.mark.parametrize("kind", ["density", "responsibilities", "kmeans"])
def test_labels_carry_name_and_unit(pictures: Any, kind: str) -> None:
    ax = pictures[kind](None)
    assert ax.get_xlabel() == "waiting (minutes)"
    assert ax.get_title(loc="left").startswith("waiting")
    expected = "responsibility" if kind == "responsibilities" else "density (1/minutes)"
    assert ax.get_ylabel() == expected


def test_a_fit_draws_itself(found: emix.Fit, waiting: Any) -> None:
    ax = Figure().subplots()
    assert found.plot(waiting, ax=ax) is ax
    assert found.plot(waiting).get_ylabel() == "density"


def test_a_component_has_the_same_colour_in_every_picture(pictures: Any) -> None:
    wanted = {to_rgb(style.colour(0)), to_rgb(style.colour(1))}
    assert wanted <= line_colours(pictures["density"](None))
    assert wanted <= line_colours(pictures["kmeans"](None))
    areas = pictures["responsibilities"](None).collections[:2]
    assert {tuple(area.get_facecolor()[0][:3]) for area in areas} == wanted


def test_nine_components_can_be_told_apart() -> None:
    looks = {(style.colour(j), style.line_style(j)) for j in range(20)}
    assert len(looks) == 20
    assert "--" not in style.LINE_STYLES, "dashes are for truth"


def test_the_rug_is_coloured_by_responsibility() -> None:
    ax = plot_density(TWO, [45.0, 66.5, 90.0])
    low, between, high = rug_colours(ax, 3)
    assert low == pytest.approx(to_rgb(style.colour(0)), abs=1e-3)
    assert high == pytest.approx(to_rgb(style.colour(1)), abs=1e-3)
    blue, orange = np.array(to_rgb(style.colour(0))), np.array(to_rgb(style.colour(1)))
    assert ((between > np.minimum(blue, orange) + 0.05)
            & (between < np.maximum(blue, orange) - 0.05)).all()


def test_the_rows_of_kmeans_are_hard_and_soft(waiting: Any) -> None:
    comparison = compare_kmeans(TWO, waiting)
    ax = plot_kmeans(comparison)
    n = len(np.unique(waiting))
    rugs = [drawn.get_edgecolors()[:, :3] for drawn in ax.collections
            if len(drawn.get_paths()) == n]
    assert len(rugs) == 2
    assert len(np.unique(rugs[0], axis=0)) == 2
    assert len(np.unique(rugs[1].round(3), axis=0)) > 4


@pytest.mark.parametrize("k", [2, 3])
def test_kmeans_colours_are_those_of_the_comparison(k: int) -> None:
    x = emix.datasets.load("enzyme")["enzyme"]
    comparison = compare_kmeans(emix.fit(x, k).mixture, x)
    values, first = np.unique(x, return_index=True)
    colours = rug_colours(plot_kmeans(comparison), len(values))
    expected = [to_rgb(style.colour(int(c))) for c in comparison.hard[first]]
    assert np.allclose(colours, expected)


@pytest.mark.parametrize("sd", [1e-3, 1e-9, 1e-13])
def test_the_peak_of_a_narrow_component_is_on_the_curve(sd: float) -> None:
    mixture = emix.Mixture.univariate([0.9, 0.1], [0.0, 2.0 / 3.0], [1.0, sd])
    x = mixture.sample(300)[0]
    ax = plot_density(mixture, x)
    peak = mixture.pdf(mixture.means[:, 0]).max()
    highest = max(np.nanmax(line.get_ydata()) for line in ax.get_lines() if len(line.get_ydata()))
    assert highest == pytest.approx(peak, rel=1e-6)


def test_a_spike_is_cut_off_and_named() -> None:
    x = TWO.sample(300)[0]
    spiked = emix.Mixture.univariate([0.36, 0.62, 0.02], [54.6, 80.1, 70.0], [5.9, 5.9, 1e-9])
    ax = plot_density(spiked, x)
    assert ax.get_ylim()[1] < 0.2
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("3 is cut off" in text for text in texts)
    texts = [text.get_text() for text in plot_density(TWO, x).get_legend().get_texts()]
    assert not any("cut off" in text for text in texts)


def test_truth_is_dashed_with_open_means(pictures: Any) -> None:
    ax = pictures["truth"](None)
    assert sum(line.get_linestyle() == "--" for line in ax.get_lines()) == 3
    assert "the truth" in [text.get_text() for text in ax.get_legend().get_texts()]
    marks = [c for c in ax.collections if hasattr(c, "get_sizes") and len(c.get_offsets()) == 1]
    open_ones = [mark for mark in marks if len(mark.get_facecolor()) == 0]
    means = sorted(float(mark.get_offsets()[0][0]) for mark in open_ones)
    assert means == pytest.approx(TWO.means[:, 0].tolist())


def test_truth_may_have_other_components(waiting: Any) -> None:
    truth = emix.Mixture.univariate([0.2, 0.2, 0.6], [50.0, 58.0, 80.0], [4.0, 4.0, 6.0])
    size_of_png(plot_density(TWO, waiting, truth=truth))


def test_the_trace_starts_at_the_start_and_names_its_end(traced: emix.Fit) -> None:
    ax = plot_trace(traced)
    x, y = ax.get_lines()[0].get_data()
    assert x[0] == 0 and np.array_equal(y, traced.trace)
    assert "1034.00" in ax.texts[0].get_text()
    assert ax.get_ylabel() == "log-likelihood (nats)"
    (inset,) = ax.child_axes
    assert inset.get_yscale() == "log"


def test_the_trace_of_a_posterior_says_so(waiting: Any, traced: emix.Fit) -> None:
    fit = emix.fit(waiting, 2, prior=emix.NormalPrior(70.0, 20.0), start=TWO)
    assert plot_trace(replace(fit, trace=traced.trace)).get_ylabel() == "log-posterior (nats)"
    assert plot_optima(fit).get_xlabel() == "log-posterior minus the best (nats)"


def test_a_fit_without_a_trace_is_told(found: emix.Fit) -> None:
    with pytest.raises(ParameterError, match="no trace"):
        plot_trace(replace(found, trace=np.array([])))
    size_of_png(plot_trace(replace(found, trace=found.loglik * np.ones(1), n_iter=0)))


def test_degenerate_optima_are_marked_differently() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = emix.fit([3.0, 4.5], 2)
    assert any(optimum.is_degenerate for optimum in fit.optima)
    labels = [text.get_text() for text in plot_optima(fit).get_legend().get_texts()]
    assert any(label.startswith("degenerate") for label in labels)


@pytest.mark.parametrize("n", [1, 2, 50])
def test_constant_data_can_be_drawn(n: int) -> None:
    mixture = emix.Mixture.univariate([1.0], [3.0], [0.5])
    size_of_png(plot_density(mixture, np.full(n, 3.0)))
    size_of_png(plot_responsibilities(mixture, np.full(n, 3.0)))


def test_many_points_and_many_components_can_be_drawn() -> None:
    k = 20
    many = emix.Mixture.univariate(np.full(k, 1 / k), 4.0 * np.arange(k), np.full(k, 0.8))
    x = many.sample(5000)[0]
    size_of_png(plot_density(many, x))
    size_of_png(plot_kmeans(compare_kmeans(many, x)))


@pytest.mark.parametrize("kind", ["float32", "integers", "list", "column", "pandas", "polars"])
def test_data_of_every_kind(kind: str) -> None:
    values = [50, 54, 60, 77, 79, 84]
    if kind in ("pandas", "polars"):
        x = pytest.importorskip(kind).Series("waiting", values) if kind == "polars" else \
            pytest.importorskip(kind).Series(values, name="waiting")
    else:
        x = {"float32": np.array(values, np.float32), "integers": np.array(values),
             "list": values, "column": np.array(values, float)[:, None]}[kind]
    expected = rug_colours(plot_density(TWO, np.array(values, float)), 6)
    assert np.allclose(rug_colours(plot_density(TWO, x), 6), expected, atol=1e-6)
    size_of_png(plot_responsibilities(TWO, x))


def test_what_cannot_be_drawn_is_refused() -> None:
    flat = emix.Mixture([1.0], [[0.0, 0.0]], [np.eye(2)])
    with pytest.raises(ParameterError, match="2 columns"):
        plot_density(flat, [[0.0, 0.0]])
    with pytest.raises(DataError, match="2 columns"):
        plot_density(TWO, [[0.0, 0.0]])
    with pytest.raises(DataError, match="row 1"):
        plot_responsibilities(TWO, [50.0, np.nan])
    with pytest.raises(DataError, match="empty"):
        plot_density(TWO, [])


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"drawing a picture needs matplotlib.*emix\[plot"):
        plot_density(TWO, [50.0, 80.0])


def test_neither_emix_nor_its_plots_import_matplotlib() -> None:
    code = "import sys, emix, emix.plots; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
