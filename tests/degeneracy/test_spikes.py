"""Where a narrow component gains the most, in the thick of the data as well."""

from __future__ import annotations

import numpy as np
import pytest

from emix import Mixture
from emix.degeneracy.spikes import Spikes


@pytest.mark.parametrize("row", [97, 155, 211])
@pytest.mark.parametrize("d", [1, 2])
def test_ties_are_found_among_points_as_dense(row, d):
    points = np.sort(np.random.default_rng(3).normal(size=(300, d)), axis=0)
    weight = np.ones(300)
    weight[row] = 3.0
    fitted = Mixture([0.3, 0.7], [[-0.5] * d, [0.5] * d], [np.eye(d)] * 2)
    starts = Spikes(points, weight, fitted).starts(1e-5)
    narrow = [s for s in starts if (points[row] == s.means).all(axis=1).any()]
    assert narrow
    for start in narrow:
        spike = int((points[row] == start.means).all(axis=1).argmax())
        assert start.weights[spike] == pytest.approx(3 / 302)
        assert start.covariances[spike] == pytest.approx(1e-10 * np.eye(d))
        assert start.weights.sum() == pytest.approx(1, abs=1e-15)
