"""The M-step beside that of mclust, on iris with soft assignments (see mclust_mstep.R)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from members import expected_loglik, maximised, spheres

from emix.covariance import STRUCTURES
from emix.datasets import load

FROZEN = json.loads((Path(__file__).parent / "mclust_mstep.json").read_text())


@pytest.fixture(scope="module")
def iris():
    """Scatter (3, 4, 4) about the weighted means and weight (3,)."""
    data = load("iris")
    x, species = data.data, data.label
    centre = np.stack([x[species == s].mean(axis=0) for s in np.unique(species)])
    r = np.exp(-0.5 * ((x[:, None] - centre) ** 2).sum(axis=2))
    r /= r.sum(axis=1, keepdims=True)
    weight = r.sum(axis=0)
    deviations = x[:, None] - (r.T @ x / weight[:, None])
    return np.einsum("nk,nki,nkj->kij", r, deviations, deviations), weight


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_matrices_are_mclusts(name, iris):
    scatter, weight = iris
    frozen = FROZEN[name]
    # R's arrays run column by column, components last.
    theirs = np.array(frozen["sigma"]).reshape(3, 4, 4)
    ours = maximised(name, spheres(3, 4), scatter, weight).dense()
    assert STRUCTURES[name].n_parameters(3, 4) == frozen["parameters"]
    gain = expected_loglik(ours, scatter, weight) - expected_loglik(theirs, scatter, weight)
    if name in ("EVE", "VVE"):
        # mclust stops before its common orientation is stationary.
        assert gain >= 0
        return
    assert abs(gain) < 1e-6
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
