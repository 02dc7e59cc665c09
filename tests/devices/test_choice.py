"""How many components an array on a device has: NumPy's answer, and no copy but a sample."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix import DataError, Mixture

TRUTH = Mixture([0.4, 0.6], [[0.0, 0.0], [5.0, 2.0]], [np.eye(2), [[2.0, 0.5], [0.5, 1.0]]])


def alike(found, wanted):
    assert (found.best.k, found.best.covariance) == (wanted.best.k, wanted.best.covariance)
    np.testing.assert_allclose(found.best.mixture.means, wanted.best.mixture.means, rtol=1e-7,
                               atol=1e-7)
    for one, other in zip(found.table, wanted.table, strict=True):
        assert (one.k, one.covariance, one.failure) == (other.k, other.covariance, other.failure)
        assert one.bic == pytest.approx(other.bic, rel=1e-9, nan_ok=True)
        assert one.icl == pytest.approx(other.icl, rel=1e-7, nan_ok=True)


def test_a_selection_of_more_rows_than_a_sample(library, traffic):
    x = TRUTH.sample(17_000, 4)[0]
    found = emix.select(library.put(x), [1, 2], "VVV")
    alike(found, emix.select(x, [1, 2], "VVV"))
    assert traffic.largest == (1 << 14) * 2 * 8
    assert found.best.kernel.startswith("portable, on ")


@pytest.mark.parametrize("columns", [None, [0]])
def test_a_selection_of_few_rows(library, traffic, columns):
    x, w = TRUTH.sample(300, 4)[0], np.arange(300.0) % 3
    settings = {"ks": [1, 2, 3], "covariances": ["E"] if columns else ["EEE", "VVV"],
                "columns": columns, "criterion": "icl"}
    alike(emix.select(library.put(x), sample_weight=library.put(w), **settings),
          emix.select(x, sample_weight=w, **settings))


@pytest.mark.parametrize("more", [{"folds": 2}, {"criterion": "heldout"}, {"lrt": 10}])
def test_what_takes_rows_apart_is_refused(library, traffic, more):
    with pytest.raises(DataError, match="no copy is made unasked"):
        emix.select(library.put(TRUTH.sample(50, 4)[0]), [1, 2], **more)
    assert traffic.total == 0
