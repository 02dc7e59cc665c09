"""The floor path as a picture: marks stand at the floors, and say which rest."""

from __future__ import annotations

import io

import numpy as np
import pytest

import emix
from emix.plots import plot_floor, style

pytest.importorskip("matplotlib")

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

GALAXIES = emix.datasets.load("galaxies")["velocity"]


def test_marks_stand_where_the_path_says() -> None:
    path = emix.fit(GALAXIES, 4).floor_path(GALAXIES, [0.5, 0.1, 0.05, 1e-4, 2.0**-16])
    ax = path.plot()
    ax.figure.savefig(io.BytesIO(), dpi=50)
    marks = {tuple(np.round(c.get_facecolor()[0][:3], 3)): c.get_offsets()
             for c in ax.collections if len(c.get_offsets())}
    resting = marks[tuple(np.round(to_rgb(style.colour(5)), 3))]
    drawn = {float(x): float(y) for offsets in marks.values() for x, y in offsets}
    for row in path.rows:
        wanted = 0.0 if row.is_fit else row.objective - path.objective
        assert drawn[row.floor] == pytest.approx(wanted, abs=1e-9)
    assert {float(x) for x, _ in resting} == {row.floor for row in path.rows if row.resting}
    # From a wide floor on the left to a narrow one on the right.
    assert ax.get_xlim()[0] > ax.get_xlim()[1] and ax.get_xscale() == "log"
    assert ax.get_title(loc="left") == "x: the largest likelihood depends on the floor"


def test_one_spread_for_all_and_the_given_axes() -> None:
    one, other = Figure().subplots(1, 2)
    path = emix.fit(GALAXIES, 2, covariance="E").floor_path(GALAXIES, [0.5, 0.1])
    assert plot_floor(path, ax=one) is one and not other.has_data()
    assert "does not depend on the floor" in " ".join(one.get_title(loc="left").split())
