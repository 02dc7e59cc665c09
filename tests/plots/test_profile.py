"""The profile as a picture: the curve passes through what was fitted, and meets the cut there."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import emix
from emix.plots import plot_profile, style

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

WAITING = emix.datasets.load("faithful")["waiting"]


def test_the_curve_meets_the_cut_at_the_ends_of_the_interval() -> None:
    found = emix.fit(WAITING, 2).profile(WAITING, "sd 1")
    ax = found.plot()
    ax.figure.savefig(io.BytesIO(), dpi=50)
    (curve,) = [line for line in ax.get_lines() if line.get_color() == style.colour(0)]
    x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    cut = stats.chi2.ppf(0.95, 1)
    for end in (found.low, found.high):
        assert np.interp(end, x, y) == pytest.approx(cut, abs=0.05)
    assert y.min() == pytest.approx(0, abs=1e-3)
    assert "sd 1: 95% profile interval" in ax.get_title(loc="left")


def test_without_a_standard_error_there_is_no_parabola() -> None:
    one, other = Figure().subplots(1, 2)
    found = emix.fit(WAITING, 1).profile(WAITING, "mean 1")
    assert plot_profile(found, ax=one) is one
    assert "Wald's parabola" in [text.get_text() for text in one.get_legend().get_texts()]
    plot_profile(replace(found, se=float("nan")), ax=other)
    assert "Wald's parabola" not in [text.get_text() for text in other.get_legend().get_texts()]
