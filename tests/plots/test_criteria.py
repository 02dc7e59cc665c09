"""Criteria by k, side by side: heights above the least, gaps where there is none."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest

import emix
from emix.errors import ParameterError
from emix.plots import plot_criteria

pytest.importorskip("matplotlib")

GALAXIES = emix.datasets.load("galaxies")["velocity"]


def test_a_selection_draws_the_criteria_of_its_best_structure() -> None:
    choice = emix.select(GALAXIES, range(1, 5), folds=3)
    ax = choice.plot(kind="criteria")
    name = choice.best.covariance
    rows = [row for row in choice.table if row.covariance == name]
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) == 4]
    assert len(lines) == 4
    for line, criterion in zip(lines, ("bic", "icl", "aic", "heldout"), strict=True):
        values = np.array([row.value(criterion) for row in rows])
        assert np.allclose(line.get_ydata(), values - np.nanmin(values), equal_nan=True)
    assert ax.get_title(loc="left").startswith(f"{name}: least BIC with {choice.best.k}")
    ax.figure.savefig(io.BytesIO(), dpi=40)
    with pytest.raises(ParameterError, match="bic or criteria"):
        choice.plot(kind="both")


def test_what_is_missing_is_a_gap() -> None:
    rows = [{"k": 3, "bic": 5.0, "icl": math.nan}, {"k": 1, "bic": None, "icl": 9.0},
            {"k": 2, "bic": 7.0, "icl": 6.0}]
    ax = plot_criteria(rows)
    bic, icl = (line for line in ax.get_lines() if len(line.get_xdata()) == 3)
    assert bic.get_xdata().tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(bic.get_ydata(), [math.nan, 2.0, 0.0])
    np.testing.assert_array_equal(icl.get_ydata(), [3.0, 0.0, math.nan])


@pytest.mark.parametrize(("rows", "why"), [
    ([], "no row has a criterion"), ([{"k": 1}], "no row has a criterion"),
    ([{"bic": 1.0}], "no rows of a selection"), ([3], "no rows of a selection"),
    ([{"k": 1, "bic": 1.0}] * 2, "the same k"),
])
def test_rows_that_say_nothing_are_refused(rows: list, why: str) -> None:
    with pytest.raises(ParameterError, match=why):
        plot_criteria(rows)
