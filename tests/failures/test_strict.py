"""np.seterr(all="raise") in a user's program: nothing public minds (scikit-learn issue 7462)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import emix
from emix.covariance import STRUCTURES

rng = np.random.default_rng(0)
BLOBS = np.concatenate([rng.normal(size=(60, 3)), rng.normal(8, 0.2, (40, 3))])
DATA = {
    "blobs": BLOBS,
    "a row a thousand sds away": np.concatenate([BLOBS, [[1e3, -1e3, 1e3]]]),
    "a row 1e8 sds away": np.concatenate([BLOBS, [[1e8, 0.0, 0.0]]]),
    "tiny": BLOBS * 1e-150,
    "huge": BLOBS * 1e150,
    "ties": np.round(BLOBS),
    "heavy tails": rng.standard_cauchy((120, 3)),
}


@pytest.fixture(autouse=True)
def strict():
    with np.errstate(all="raise"):
        yield


def ask(m: emix.Mixture, x: np.ndarray) -> None:
    """All that a mixture answers about rows, far ones too."""
    for rows in (x, x * 1e40, x * 1e-40):
        assert not np.isnan(m.logpdf(rows)).any()
        m.pdf(rows)
        np.testing.assert_allclose(m.responsibilities(rows).sum(axis=1), 1, rtol=0, atol=1e-12)
        m.predict(rows)
    m.sample(5, seed=0)


@pytest.mark.parametrize("covariance", STRUCTURES)
@pytest.mark.parametrize("data", DATA)
def test_fits_of_several_columns(data, covariance, quietly):
    x = DATA[data]
    found = quietly(x, 2, covariance=covariance, n_starts=2, max_iter=60)
    ask(found.mixture, x)
    str(found), found.to_dict(), found.bic, found.icl


@pytest.mark.parametrize("covariance", ["E", "V"])
@pytest.mark.parametrize("data", DATA)
def test_fits_of_one_column(data, covariance, quietly):
    x = DATA[data][:, 0]
    found = quietly(x, 3, covariance=covariance, n_starts=3, max_iter=200)
    ask(found.mixture, x)
    m = found.mixture
    m.cdf(x), m.quantile([0.0001, 0.5, 0.9999]), found.compare_kmeans(x).report()


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("prior", [None, "conjugate", emix.DirichletPrior(2.0)])
def test_steps(data, prior):
    x = DATA[data]
    if data in ("tiny", "huge"):
        start = emix.fit(x, 2, n_starts=1, start="hierarchical").mixture
    else:
        start = emix.Mixture([0.5, 0.5], x[[0, -2]], [np.cov(x.T, bias=True)] * 2)
    for step in itertools.islice(emix.steps(x, start, prior=prior), 4):
        assert np.isfinite(step.objective)


def test_a_selection():
    for x in (DATA["ties"][:, :2], DATA["blobs"][:, 0]):
        emix.select(x, [1, 2], ["EII", "VVI", "EEE"] if x.ndim == 2 else "all").report()
