"""The plane divided among components: lines where two are equal, rings where rows are unsure."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest

import emix
from emix.errors import ParameterError
from emix.plots import plot_classification, style

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

FAITHFUL = emix.datasets.load("faithful")
THREE = emix.Mixture([0.4, 0.2, 0.4], [[2.0, 54.0], [3.6, 75.0], [4.4, 80.0]],
                     np.tile(np.diag([0.1, 30.0]), (3, 1, 1)))


def contours_of(ax: Axes) -> list[ContourSet]:
    return [drawn for drawn in ax.collections if isinstance(drawn, ContourSet)]


def test_it_is_axes_of_its_own_or_those_given() -> None:
    one, other = Figure().subplots(1, 2)
    assert plot_classification(THREE, FAITHFUL.data, ax=one) is one
    assert not other.has_data()
    ax = plot_classification(THREE, FAITHFUL.data, names=FAITHFUL.columns)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("eruptions", "waiting")
    ax.figure.savefig(io.BytesIO(), dpi=40)


def test_points_have_the_colours_of_their_labels_and_unsure_ones_a_ring() -> None:
    ax = plot_classification(THREE, FAITHFUL.data)
    rows, rings = (drawn for drawn in ax.collections if len(drawn.get_offsets()) > 3)
    shares = THREE.responsibilities(rows.get_offsets())
    wanted = [to_rgb(style.colour(int(j))) for j in shares.argmax(axis=1)]
    assert np.allclose(rows.get_facecolors()[:, :3], wanted)
    unsure = shares.max(axis=1) < 0.9
    assert len(rings.get_offsets()) == unsure.sum() > 3
    assert ax.get_title(loc="left") == f"272 points, {unsure.sum()} of them unsure (below 90%)"


def test_solid_lines_are_where_two_are_equally_probable() -> None:
    lines = contours_of(plot_classification(THREE, FAITHFUL.data))
    assert len(lines) == 4
    for line in lines[:3]:
        places = np.concatenate([path.vertices for path in line.get_paths()])
        best = np.sort(THREE.responsibilities(places), axis=1)
        # Between places of a grid, a line is where the logarithms' difference is 0.
        assert np.abs(np.log(best[:, -1] / best[:, -2])).max() < 0.1
    places = np.concatenate([path.vertices for path in lines[3].get_paths()])
    assert np.abs(THREE.responsibilities(places).max(axis=1) - 0.9).max() < 0.02


def test_the_ground_has_the_colours_of_the_most_probable() -> None:
    ax = plot_classification(THREE, FAITHFUL.data)
    (ground,) = ax.images
    pixels = np.asarray(ground.get_array())
    left, right, low, high = ground.get_extent()
    column = int((2.0 - left) / (right - left) * pixels.shape[1])
    row = int((54.0 - low) / (high - low) * pixels.shape[0])
    assert np.allclose(pixels[row, column, :3], to_rgb(style.colour(0)), atol=0.01)
    assert pixels[..., 3].max() < 0.5


@pytest.mark.parametrize("kind", ["one", "tiny units", "two of four", "hidden", "weights"])
def test_what_can_be_drawn_is(kind: str) -> None:
    x: Any = FAITHFUL.data
    more: dict[str, Any] = {}
    mixture = THREE
    if kind == "one":
        mixture = emix.Mixture([1.0], [x.mean(axis=0)], [np.cov(x.T)])
    elif kind == "tiny units":
        x = x * [1e-9, 1e9]
        mixture = emix.Mixture(THREE.weights, THREE.means * [1e-9, 1e9],
                               THREE.covariances * np.outer([1e-9, 1e9], [1e-9, 1e9]))
    elif kind == "two of four":
        iris = emix.datasets.load("iris")
        x, more = iris.data, {"columns": (3, 1)}
        mixture = emix.fit(iris, 3, covariance="EII", n_starts=1).mixture
    elif kind == "hidden":  # a component that is nowhere the most probable
        mixture = emix.Mixture([0.7, 0.3], [[3.0, 70.0]] * 2, [np.diag([1.0, 200.0])] * 2)
    else:
        more = {"sample_weight": np.linspace(0, 2, len(x))}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_classification(mixture, x, **more).figure.savefig(io.BytesIO(), dpi=40)


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(ParameterError, match="of two"):
        plot_classification(THREE, FAITHFUL.data, columns=(0,))  # type: ignore[arg-type]
