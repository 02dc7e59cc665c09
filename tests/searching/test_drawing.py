"""Starts for EM step by step: every kind, in the data's units, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix.initialise import STARTS, STARTS_OF_ROWS
from emix.model import Model
from emix.searching.drawing import drawn
from emix.sources.opening import open_source


@pytest.mark.parametrize("kind", STARTS)
def test_every_kind_in_one_column_is_in_the_units_of_the_data(kind: str) -> None:
    column = emix.datasets.load("faithful")["waiting"]
    source, names = open_source(column)
    found = drawn(source, names, Model.parse(3, 1, "V"), kind, 5)
    assert found == drawn(source, names, Model.parse(3, 1, "V"), kind, 5)
    assert column.min() <= found.means.min() and found.means.max() <= column.max()
    assert found.weights.sum() == pytest.approx(1) and (found.sds > 0).all()
    # In other units it is the same start, but for what a shift rounds.
    far, _ = open_source(1000 * column + 1e6)
    there = drawn(far, names, Model.parse(3, 1, "V"), kind, 5)
    assert there.means == pytest.approx(1000 * found.means + 1e6, rel=1e-12)


@pytest.mark.parametrize("kind", STARTS_OF_ROWS)
def test_every_kind_in_several_columns(kind: str) -> None:
    iris = emix.datasets.load("iris")
    source, names = open_source(iris)
    found = drawn(source, names, Model.parse(3, 4, "VVV"), kind, 1)
    assert found.means.shape == (3, 4)
    assert (np.linalg.eigvalsh(found.covariances) > 0).all()


def test_what_cannot_be_drawn_is_said() -> None:
    source, names = open_source(np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 5.0]]))
    with pytest.raises(emix.DataError, match="x1"):
        drawn(source, names, Model.parse(2, 2, "VVV"), "kmeans", 0)
    with pytest.raises(emix.ParameterError, match="lucky"):
        drawn(source, names, Model.parse(2, 2, "VII"), "lucky", 0)
