"""Pictures in two and more columns: points, ellipses and panels stand where the numbers are."""

from __future__ import annotations

import builtins
import io
from typing import Any

import numpy as np
import pytest

import emix
from emix.covariance import Diagonal
from emix.errors import DataError, MissingExtraError, ParameterError
from emix.plots import plot_density, plot_ellipses, plot_pairs, style
from emix.plots.cloud import ELLIPSES

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

FAITHFUL = emix.datasets.load("faithful")
IRIS = emix.datasets.load("iris")
species = np.repeat([0, 1, 2], 50)
TWO = emix.Mixture([0.36, 0.64], [[2.04, 54.5], [4.29, 80.0]],
                   [[[0.07, 0.4], [0.4, 34.0]], [[0.17, 0.9], [0.9, 36.0]]])
THREE = emix.Mixture(np.full(3, 1 / 3), [IRIS.data[species == j].mean(axis=0) for j in range(3)],
                     [np.cov(IRIS.data[species == j].T) for j in range(3)])
PICTURES = {
    "ellipses": lambda ax: plot_ellipses(TWO, FAITHFUL.data, ax=ax, names=FAITHFUL.columns),
    "two of four": lambda ax: plot_ellipses(THREE, IRIS.data, ax=ax, columns=(3, 1)),
    "pairs": lambda ax: plot_pairs(THREE, IRIS.data, ax=ax, names=IRIS.columns),
    "one pair": lambda ax: plot_pairs(TWO, FAITHFUL.data, ax=ax),
}
each = pytest.mark.parametrize("kind", list(PICTURES))


def size_of_png(ax: Axes) -> int:
    file = io.BytesIO()
    ax.figure.savefig(file, dpi=50)
    return len(file.getvalue())


def points_of(ax: Axes) -> Any:
    """The collection of the data's points: the one of most offsets."""
    return max(ax.collections, key=lambda drawn: len(drawn.get_offsets()))


def ellipses_of(ax: Axes) -> list[np.ndarray]:
    return [line.get_xydata() for line in ax.get_lines() if len(line.get_xdata()) > 100]


def legend_of(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


@each
def test_each_picture_is_axes_on_a_figure_of_its_own(kind: str) -> None:
    ax = PICTURES[kind](None)
    assert isinstance(ax, Axes) and ax.get_title(loc="left")
    assert size_of_png(ax) > 5000


@each
def test_the_given_axes_are_used(kind: str) -> None:
    one, other = Figure(figsize=(16, 8)).subplots(1, 2)
    assert PICTURES[kind](one) is one
    assert not other.has_data() and not other.child_axes
    assert len(one.figure.axes) == 2
    size_of_png(one)


@each
def test_the_legend_says_what_ellipses_and_sizes_are(kind: str) -> None:
    words = legend_of(PICTURES[kind](None))
    assert ELLIPSES in words and "39% and 86%" in ELLIPSES
    assert any("unsure" in word for word in words)


# Points


def test_points_are_the_rows_in_the_colours_of_their_responsibilities() -> None:
    ax = plot_ellipses(THREE, IRIS.data, columns=(3, 1))
    drawn = points_of(ax)
    rows = {tuple(row): r for row, r in zip(IRIS.data[:, [3, 1]].tolist(),
                                            THREE.responsibilities(IRIS.data), strict=True)}
    assert sorted(map(tuple, drawn.get_offsets().tolist())) == sorted(
        map(tuple, IRIS.data[:, [3, 1]].tolist()))
    unique = {tuple(row) for row in IRIS.data[:, [3, 1]].tolist()
              if (IRIS.data[:, [3, 1]] == row).all(axis=1).sum() == 1}
    for place, colour in zip(drawn.get_offsets().tolist(), drawn.get_facecolors(), strict=True):
        if tuple(place) in unique:
            wanted = style.blend(rows[tuple(place)][None])[0]
            assert colour[:3] == pytest.approx(wanted, abs=1e-9)


def test_unsure_points_are_larger_and_on_top() -> None:
    x = np.array([[2.9, 68.0], [2.0, 54.0], [4.3, 80.0], [3.1, 66.0]])
    drawn = points_of(plot_ellipses(TWO, x))
    unsure = 1 - TWO.responsibilities(drawn.get_offsets()).max(axis=1)
    assert (np.diff(unsure) >= 0).all() and unsure[-1] > 0.2
    sizes = drawn.get_sizes()
    assert (np.diff(sizes) >= 0).all() and sizes[-1] > 1.5 * sizes[0]


def test_many_rows_are_drawn_by_lot_and_the_title_says_so() -> None:
    x = TWO.sample(6000, 1)[0]
    ax = plot_ellipses(TWO, x)
    drawn = points_of(ax).get_offsets()
    assert len(drawn) == 5000
    assert ax.get_title(loc="left") == "5000 of 6000 points drawn, mixture of 2 components " \
                                       "in 2 columns"
    assert {tuple(row) for row in drawn.tolist()} <= {tuple(row) for row in x.tolist()}
    np.testing.assert_array_equal(points_of(plot_ellipses(TWO, x)).get_offsets(), drawn)
    assert plot_ellipses(TWO, x[:5000]).get_title(loc="left").startswith("5000 points,")
    panels = plot_pairs(TWO, x)
    assert len(points_of(panels.child_axes[1]).get_offsets()) == 2000
    assert panels.get_title(loc="left").startswith("2000 of 6000 points drawn")


# Ellipses


@pytest.mark.parametrize("columns", [(0, 1), (2, 0), (3, 1)])
def test_ellipses_are_one_and_two_sd_from_the_means(columns: tuple[int, int]) -> None:
    part = THREE.marginal(columns)
    drawn = ellipses_of(plot_ellipses(THREE, IRIS.data, columns=columns))
    assert len(drawn) == 6
    for i, curve in enumerate(drawn):
        distances = part.mahalanobis(curve)[:, i // 2]
        assert distances == pytest.approx(np.full(len(curve), 1.0 + i % 2), rel=1e-9)
    x, labels = part.sample(40_000, 2)
    own = part.mahalanobis(x)[np.arange(len(x)), labels]
    assert (own < 1).mean() == pytest.approx(0.39, abs=0.01)
    assert (own < 2).mean() == pytest.approx(0.86, abs=0.01)


def test_ellipses_and_numbers_have_the_colours_of_their_components() -> None:
    ax = plot_ellipses(TWO, FAITHFUL.data)
    curves = [line for line in ax.get_lines() if len(line.get_xdata()) > 100]
    assert [to_rgb(line.get_color()) for line in curves] == [
        pytest.approx(style.shade(j)) for j in (0, 0, 1, 1)]
    for j, text in enumerate(ax.texts):
        assert text.get_text() == str(j + 1)
        assert text.xy == pytest.approx(TWO.means[j])
    assert len(ax.texts) == 2


def test_the_whole_of_data_and_ellipses_is_in_sight() -> None:
    ax = plot_ellipses(TWO, [[3.0, 70.0]])
    every = np.concatenate(ellipses_of(ax))
    (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert low < every[:, 0].min() and every[:, 0].max() < high
    assert bottom < every[:, 1].min() and every[:, 1].max() < top
    far = plot_ellipses(TWO, [[3.0, 70.0], [1e4, 70.0]])
    assert far.get_xlim()[1] > 1e4


def test_a_point_like_component_is_marked_and_does_not_disturb() -> None:
    spiked = emix.Mixture([0.36, 0.62, 0.02], [[2.04, 54.5], [4.29, 80.0], [3.0, 62.0]],
                          [*TWO.covariances, np.diag([1e-18, 1e-16])])
    ax = plot_ellipses(spiked, FAITHFUL.data)
    assert any(text.get_text() == "3" for text in ax.texts)
    assert legend_of(ax)[-1].startswith("3   2.0%   (3.00")
    size_of_png(ax)
    size_of_png(plot_pairs(spiked, FAITHFUL.data))


# Names


def test_names_are_those_given_or_of_the_frame_or_numbered() -> None:
    ax = plot_ellipses(THREE, IRIS.data, names=IRIS.columns, columns=(2, 1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Petal_Length", "Sepal_Width")
    ax = plot_ellipses(THREE, IRIS.data, columns=(2, 1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x3", "x2")
    long = plot_ellipses(TWO, FAITHFUL.data, names=["a" * 99, "b"])
    assert len(long.get_xlabel()) < 30
    for names in (["a"], ["a", "b", "c"], "ab"):
        for draw in (plot_ellipses, plot_pairs):
            with pytest.raises(ParameterError, match="one for each of 2 columns"):
                draw(TWO, FAITHFUL.data, names=names)


@pytest.mark.parametrize("kind", ["float32", "integers", "list", "pandas", "polars"])
def test_data_of_every_kind(kind: str) -> None:
    values = [[2, 54], [2, 60], [4, 77], [4, 84], [3, 70]]
    if kind in ("pandas", "polars"):
        package = pytest.importorskip(kind)
        x: Any = package.DataFrame({"eruptions": [v[0] for v in values],
                                    "waiting": [v[1] for v in values]})
        assert plot_ellipses(TWO, x).get_xlabel() == "eruptions"
        assert plot_pairs(TWO, x).child_axes[1].get_ylabel() == "waiting"
    else:
        x = {"float32": np.array(values, np.float32), "integers": np.array(values),
             "list": values}[kind]
    wanted = points_of(plot_ellipses(TWO, np.array(values, float)))
    drawn = points_of(plot_ellipses(TWO, x))
    np.testing.assert_allclose(drawn.get_facecolors(), wanted.get_facecolors(), atol=1e-6)
    np.testing.assert_array_equal(drawn.get_offsets(), wanted.get_offsets())


# Pairs


def test_panels_are_the_lower_triangle_and_the_diagonal() -> None:
    ax = plot_pairs(THREE, IRIS.data, names=IRIS.columns)
    panels = iter(ax.child_axes)
    for i in range(4):
        for j in range(i):
            panel = next(panels)
            assert sorted(map(tuple, points_of(panel).get_offsets().tolist())) == sorted(
                map(tuple, IRIS.data[:, [j, i]].tolist()))
            part = THREE.marginal([j, i])
            for n, curve in enumerate(ellipses_of(panel)):
                distances = part.mahalanobis(curve)[:, n // 2]
                assert distances == pytest.approx(np.full(len(curve), 1.0 + n % 2), rel=1e-9)
        panel = next(panels)
        column = THREE.marginal(i)
        (density,) = [line for line in panel.get_lines() if line.get_color() == style.INK]
        assert density.get_ydata() == pytest.approx(column.pdf(density.get_xdata()))
        area = sum(bar.get_width() * bar.get_height() for bar in panel.patches)
        assert area == pytest.approx(1.0)
    assert next(panels, None) is None


def test_panels_share_limits_and_names_stand_at_the_edges() -> None:
    rows, panels = [], iter(plot_pairs(THREE, IRIS.data, names=IRIS.columns).child_axes)
    for i in range(4):
        rows.append([next(panels) for _ in range(i + 1)])
    for i, row in enumerate(rows):
        for j, panel in enumerate(row):
            assert panel.get_xlim() == rows[3][j].get_xlim()
            assert panel.get_ylabel() == (IRIS.columns[i] if j == 0 else "")
            assert panel.get_xlabel() == (IRIS.columns[j] if i == 3 else "")
            if j < i:
                assert panel.get_ylim() == rows[i][i].get_xlim()


def test_chosen_columns_in_their_order() -> None:
    ax = plot_pairs(THREE, IRIS.data, names=IRIS.columns, columns=[2, 0])
    assert [panel.get_ylabel() for panel in ax.child_axes] == ["Petal_Length", "Sepal_Length", ""]
    assert ax.get_title(loc="left").endswith("in 4 columns (2 of them drawn)")


def test_of_many_columns_those_that_separate_are_drawn() -> None:
    d, apart = 12, [1, 3, 4, 6, 8, 9, 11]
    means = np.zeros((2, d))
    means[1, apart] = 3.0
    # Scales of their own decide nothing.
    scale = 10.0 ** np.arange(-170, 190, 30)
    mixture = emix.Mixture.trusted(np.full(2, 0.5), means * scale,
                                   Diagonal(np.stack([scale, scale])))
    ax = plot_pairs(mixture, mixture.sample(50)[0])
    names = [panel.get_ylabel() for panel in ax.child_axes]
    assert [name for name in names if name] == [f"x{j + 1}" for j in apart]
    assert "(7 of them drawn)" in ax.get_title(loc="left")


def test_a_long_legend_stands_beside_the_panels() -> None:
    short = plot_pairs(THREE, IRIS.data)
    k = 17
    many = emix.Mixture(np.full(k, 1 / k), 4.0 * np.arange(3 * k).reshape(k, 3), [np.eye(3)] * k)
    for ax, is_inside in ((short, True), (plot_pairs(many, many.sample(50)[0]), False),
                          (plot_pairs(TWO, FAITHFUL.data), False)):
        size_of_png(ax)
        box = ax.get_legend().get_window_extent()
        assert (box.x1 <= ax.bbox.x1 + 1) == is_inside
        assert not any(panel.bbox.overlaps(box) for panel in ax.child_axes)


def test_many_components_can_be_drawn() -> None:
    k = 17
    many = emix.Mixture(np.full(k, 1 / k), 4.0 * np.arange(3 * k).reshape(k, 3), [np.eye(3)] * k)
    x = many.sample(500)[0]
    for ax in (plot_ellipses(many, x, columns=(2, 0)), plot_pairs(many, x)):
        assert len(legend_of(ax)) > k
        size_of_png(ax)


@pytest.mark.parametrize("scale", [1e-140, 1e-9, 1e9, 1e140])
def test_units_of_all_sizes(scale: float) -> None:
    scaled = emix.Mixture.trusted(TWO.weights, TWO.means * scale,
                                  TWO.covariance.rescaled(np.full(2, scale)))
    size_of_png(plot_pairs(scaled, FAITHFUL.data * scale))
    drawn = points_of(plot_ellipses(scaled, FAITHFUL.data * scale))
    wanted = points_of(plot_ellipses(TWO, FAITHFUL.data))
    np.testing.assert_allclose(drawn.get_facecolors(), wanted.get_facecolors(), atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_equal_rows_and_one_component(n: int) -> None:
    one = emix.Mixture([1.0], [[3.0, 4.0]], [np.eye(2)])
    for draw in (plot_ellipses, plot_pairs):
        ax = draw(one, np.tile([3.0, 4.0], (n, 1)))
        assert "a point" in legend_of(ax)
        assert not any("unsure" in word for word in legend_of(ax))
        size_of_png(ax)


# What cannot be drawn


def test_what_cannot_be_drawn_is_refused() -> None:
    line = emix.Mixture.univariate([1.0], [0.0], [1.0])
    with pytest.raises(ParameterError, match="draw plot_density"):
        plot_pairs(line, [0.0])
    with pytest.raises(ParameterError, match="column 1 is none"):
        plot_ellipses(line, [0.0])
    with pytest.raises(ParameterError, match="draw plot_pairs"):
        plot_density(TWO, FAITHFUL.data)
    with pytest.raises(ParameterError, match="this picture is of two"):
        plot_ellipses(THREE, IRIS.data, columns=(0, 1, 2))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="a pair needs two"):
        plot_pairs(THREE, IRIS.data, columns=[1])
    for draw in (plot_ellipses, plot_pairs):
        with pytest.raises(ParameterError, match="twice"):
            draw(THREE, IRIS.data, columns=(1, 1))
        with pytest.raises(DataError, match="4 columns, the mixture 2"):
            draw(TWO, IRIS.data)
        with pytest.raises(DataError, match="nan at row 1"):
            draw(TWO, [[1.0, 2.0], [np.nan, 3.0]])
        with pytest.raises(DataError, match="empty"):
            draw(TWO, np.empty((0, 2)))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for kind in PICTURES.values():
        with pytest.raises(MissingExtraError, match=r"emix\[plot"):
            kind(None)
