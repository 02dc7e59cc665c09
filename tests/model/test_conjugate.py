"""The conjugate prior: its closed forms, the density that they maximise, and what it is for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

import emix
from emix import ConjugatePrior, Mixture, NormalPrior, ParameterError
from emix.covariance import STRUCTURES, Dense, structure
from emix.em import expect
from emix.maximise import maximise
from emix.model import Model
from emix.model.priors import Prior
from emix.sources.array import ArraySource

NAN = np.nan
K = 3
HYPER = {"shrinkage": 0.4, "dof": 7.0}
every = pytest.mark.parametrize("name", STRUCTURES)


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n // K, d)) @ rng.normal(0, 0.5, (d, d))
                           + rng.normal(0, 2, d) for _ in range(K)])


def sums(x: np.ndarray, mixture: Mixture, m: np.ndarray, kappa: float):
    """n_k, the new means, and A_k: the scatter about the means of the data and κ n_k / (κ + n_k)
    of the way from those to the prior's."""
    r = mixture.responsibilities(x)
    n = r.sum(axis=0)
    averages = r.T @ x / n[:, None]
    means = (n[:, None] * averages + kappa * m) / (n + kappa)[:, None]
    away = x - averages[:, None]
    scatter = np.einsum("ik,kij,kil->kjl", r, away, away)
    off = averages - m
    scatter += (kappa * n / (kappa + n))[:, None, None] * off[:, :, None] * off[:, None, :]
    return n, means, scatter


def alternated(sizes: np.ndarray, n: np.ndarray) -> np.ndarray:
    """λ_k A for scatter along axes (k, d): λ_k and A in turn, each the best for the other."""
    d, volumes = sizes.shape[1], sizes.mean(axis=1) / n
    for _ in range(5000):
        shape = (sizes / volumes[:, None]).sum(axis=0)
        shape /= np.exp(np.log(shape).mean())
        volumes = (sizes / shape).sum(axis=1) / (d * n)
    return volumes[:, None] * shape


def published(name: str, a: np.ndarray, n: np.ndarray, nu: float, scale: np.ndarray) -> np.ndarray:
    """Fraley & Raftery's updates (2007, tables 2 and 3) and, for EEI, VEI, EVI, EEV and VEV, those
    of mclust; a (k, d, d), scale (d, d), for spheres and along axes a multiple of 1."""
    k, d, total, s, one = len(n), a.shape[1], n.sum(), scale[0, 0], np.eye(a.shape[1])
    traces, along = np.einsum("kii->k", a), np.einsum("kii->ki", a)
    each = {
        "V": lambda: (s + traces) / (nu + n + 3),
        "E": lambda: np.full(k, (s + traces.sum()) / (nu + total + k + 2)),
        "VII": lambda: (s + traces) / (nu + (n + 1) * d + 2),
        "EII": lambda: np.full(k, (s + traces.sum()) / (nu + (total + k) * d + 2)),
        "VVI": lambda: (s + along) / (nu + n + 3)[:, None],
        "EEI": lambda: np.repeat((s + along.sum(axis=0))[None] / (total + nu + 2), k, axis=0),
        "VEI": lambda: alternated(s + along, n + (nu + 3) / d),
        "EVI": lambda: along_forms(s + along, total + nu + 2),
        "VVV": lambda: (scale + a) / (nu + n + d + 2)[:, None, None],
        "EEE": lambda: np.repeat((scale + a.sum(axis=0))[None] / (nu + total + d + k + 1), k,
                                 axis=0),
        "EEV": lambda: turned(scale + a, lambda sizes: np.repeat(
            sizes.sum(axis=0)[None] / (total + nu + d + 2), k, axis=0)),
        "VEV": lambda: turned(scale + a, lambda sizes: alternated(sizes, n)),
    }[name]()
    if each.ndim == 1:
        return each[:, None, None] * one
    return each[:, :, None] * one if each.ndim == 2 else each


def along_forms(sizes: np.ndarray, total: float) -> np.ndarray:
    volumes = np.exp(np.log(sizes).mean(axis=1))
    return sizes / volumes[:, None] * volumes.sum() / total


def turned(scatter: np.ndarray, along) -> np.ndarray:
    """D_k diag(variances) D_kᵀ in the axes of each scatter, longest first."""
    values, vectors = np.linalg.eigh(scatter)
    variances = along(values[:, ::-1])
    vectors = vectors[:, :, ::-1]
    return vectors * variances[:, None] @ np.swapaxes(vectors, 1, 2)


@pytest.mark.parametrize("name", ["E", "V", "EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VVV",
                                  "EEV", "VEV"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_m_step_has_the_published_closed_forms(name, d):
    if (d == 1) != (len(name) == 1):
        return
    x = rows(60, d)
    m = np.linspace(0.3, 0.9, d)
    form = structure(name, d).scatter_form
    root = np.random.default_rng(4).normal(size=(d, d))
    scale = root @ root.T if form in ("full", "pooled") else 1.7
    prior = ConjugatePrior(mean=m.tolist(), scale=scale, **HYPER)
    model = Model.parse(K, d, name, prior=prior).informed(x.mean(axis=0), np.cov(x.T), len(x))
    rng = np.random.default_rng(1)
    old = model.conforming(Mixture(
        rng.dirichlet(np.ones(K)), rng.normal(0, 1.5, (K, d)), [2.0 * np.eye(d)] * K))
    # A structure found by iteration gets there in one step from anywhere.
    new = maximise(expect(ArraySource.of(x), old, model), old, model)
    n, means, scatter = sums(x, old, m, HYPER["shrinkage"])
    np.testing.assert_allclose(new.means, means, rtol=1e-11)
    np.testing.assert_allclose(new.weights, n / n.sum(), rtol=1e-12)
    wanted = published(name, scatter, n, HYPER["dof"], scale * np.eye(d) if np.ndim(scale) == 0
                       else scale)
    np.testing.assert_allclose(new.covariances, wanted, rtol=1e-8, atol=1e-10)


# The density


def log_density(name: str, mixture: Mixture, prior: ConjugatePrior) -> float:
    d = mixture.n_features
    model = Model.parse(mixture.n_components, d, name, prior=prior)
    return model.informed(np.zeros(d), np.eye(d), 100.0).log_prior(mixture)


def published_density(name: str, mixture: Mixture, prior: ConjugatePrior) -> float:
    """μ_k ~ N(m, Σ_k / κ), and Σ_k inverse gamma or inverse Wishart: one for all if common."""
    m, kappa, nu = prior.mean, prior.shrinkage, prior.dof
    total = sum(stats.multivariate_normal(m, sigma / kappa).logpdf(mu)
                for mu, sigma in zip(mixture.means, mixture.covariances, strict=True))
    common = name in ("E", "EII", "EEE")
    for sigma in mixture.covariances[:1] if common else mixture.covariances:
        if name in ("VVV", "EEE"):
            total += stats.invwishart(nu, prior.scale).logpdf(sigma)
            continue
        gamma = stats.invgamma(nu / 2, scale=prior.scale / 2)
        axes = np.diag(sigma) if name == "VVI" else sigma[:1, 0]
        total += gamma.logpdf(axes).sum()
    return float(total)


@pytest.mark.parametrize(("name", "d"), [
    ("E", 1), ("V", 1), ("EII", 2), ("VII", 3), ("VVI", 2), ("VVV", 2), ("VVV", 3), ("EEE", 3),
])
def test_the_log_prior_is_the_published_density_up_to_a_constant(name, d):
    rng = np.random.default_rng(d)
    root = rng.normal(size=(d, d))
    prior = ConjugatePrior(0.3, rng.normal(size=d), d + 4.5,
                           root @ root.T if name in ("VVV", "EEE") else 0.8)
    differences = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        roots = rng.normal(size=(2, d, d)) + np.eye(d)
        sigma = Dense(np.linalg.cholesky(roots @ np.swapaxes(roots, 1, 2)))
        weights = np.full(2, 0.5)
        spread = structure(name, d).conform(sigma, weights)
        mixture = Mixture.trusted(weights, rng.normal(size=(2, d)), spread)
        differences.append(log_density(name, mixture, prior)
                           - published_density(name, mixture, prior))
    # SciPy inverts the matrices.
    np.testing.assert_allclose(differences, differences[0], rtol=1e-7)


# Fits


@every
@pytest.mark.parametrize("scale", [1e-3, 1e6, 1e-120])
def test_in_other_units_the_fit_is_the_same(name, scale):
    """The default prior is made from the data, a given one is given in its units."""
    x = rows(90, 2)
    for prior in (ConjugatePrior(), ConjugatePrior(0.1, [0.5, -0.5], 6.0, 2.0)):
        other = prior
        if prior.mean is not None:
            other = ConjugatePrior(0.1, [0.5 * scale, -0.5 * scale], 6.0, 2.0 * scale**2)
        plain = emix.fit(x, K, covariance=name, prior=prior, start="hierarchical", tol=1e-9)
        moved = emix.fit(x * scale, K, covariance=name, prior=other, start="hierarchical", tol=1e-9)
        np.testing.assert_allclose(moved.mixture.weights, plain.mixture.weights, rtol=1e-5)
        np.testing.assert_allclose(moved.mixture.means / scale, plain.mixture.means, rtol=1e-5,
                                   atol=1e-6)
        assert moved.loglik + len(x) * 2 * np.log(scale) == pytest.approx(plain.loglik, rel=1e-9)


@pytest.mark.parametrize("name", ["EEE", "VEE", "EVV", "VVV"])
def test_columns_in_units_of_their_own_are_as_good(name):
    """Where the default scale is the data's covariance."""
    x, units = rows(90, 3), np.array([1e-5, 1.0, 1e9])
    plain, moved = (emix.fit(data, 2, covariance=name, prior="conjugate", start="hierarchical")
                    for data in (x, x * units))
    np.testing.assert_allclose(moved.mixture.means / units, plain.mixture.means, rtol=1e-7,
                               atol=1e-7)
    shift = len(x) * np.log(units).sum()
    assert moved.loglik + shift == pytest.approx(plain.loglik, rel=1e-9)


def test_the_objective_is_the_log_posterior_in_the_units_of_the_data():
    x = rows(90, 2) * 1e3 + 500
    found = emix.fit(x, 2, prior="conjugate", n_starts=3)
    assert found.objective == pytest.approx(
        found.loglik + found.model.log_prior(found.mixture), rel=1e-12)
    assert found.objective != found.loglik
    assert found.trace[-1] == pytest.approx(found.objective, rel=1e-12)
    np.testing.assert_allclose(found.model.prior.imagined.mean, x.mean(axis=0), rtol=1e-12)


def test_a_prior_keeps_components_from_collapsing():
    """Two equal rows, a component begun on them: without a prior a spike, with one none."""
    x = np.concatenate([rows(60, 2), [[9.0, 9.0], [9.0, 9.0]]])
    spike = Mixture([0.03, 0.97], [[9.0, 9.0], x.mean(axis=0)], [np.eye(2) * 1e-4, np.cov(x.T)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        free = emix.fit(x, 2, start=spike)
    found = emix.fit(x, 2, start=spike, prior="conjugate")
    assert free.degenerate and not found.degenerate
    assert found.converged
    assert np.linalg.eigvalsh(found.mixture.covariances).min() > 1e-3


@every
def test_more_columns_than_rows_have_a_fit(name):
    x = np.random.default_rng(0).normal(size=(7, 12))
    found = emix.fit(x, 2, covariance=name, prior="conjugate", start="quantiles")
    assert found.converged and np.isfinite(found.loglik)
    assert (np.linalg.eigvalsh(found.mixture.covariances) > 0).all()


@pytest.mark.parametrize("name", ["EEE", "VVV", "EEV", "VVE"])
def test_columns_that_are_combinations_have_a_fit(name):
    """The data's covariance is singular then, and so is no scale for a prior: its diagonal is."""
    x = rows(90, 2)
    x = np.column_stack([x, x @ [1.0, -2.0]])
    found = emix.fit(x, 2, covariance=name, prior="conjugate", start="hierarchical")
    assert found.converged
    assert np.linalg.eigvalsh(found.mixture.covariances).min() > 1e-6
    repeated = emix.fit(x[:3], 1, covariance=name, prior="conjugate", sample_weight=np.full(3, 9.0))
    thrice = emix.fit(x[:3].repeat(9, axis=0), 1, covariance=name, prior="conjugate")
    assert repeated.loglik == pytest.approx(thrice.loglik, rel=1e-9)


def test_one_column_is_fitted_with_it_as_well():
    x = emix.datasets.load("acidity")["acidity"]
    found = emix.fit(x, 3, prior="conjugate")
    assert found.converged and not found.degenerate and found.mixture.n_features == 1
    assert found.mixture.sds.min() > 0.05
    spiky = emix.fit(np.append(x, x[:2]), 6, prior="conjugate", n_starts=6)
    assert not any(o.is_degenerate for o in spiky.optima)


def test_what_makes_no_conjugate_prior():
    for arguments in ({"shrinkage": -1}, {"shrinkage": NAN}, {"shrinkage": "a"}, {"dof": -2},
                      {"dof": np.inf}, {"shrinkage": None}, {"shrinkage": True}, {"dof": "5"}):
        with pytest.raises(ParameterError, match=next(iter(arguments))):
            ConjugatePrior(**arguments)
    x = rows(30, 2)
    for arguments, words in (
        ({"mean": [1.0]}, "ConjugatePrior mean"), ({"mean": "a"}, "ConjugatePrior mean"),
        ({"scale": [[1.0, 2.0], [2.0, 1.0]]}, "positive definite"),
        ({"scale": [[1.0, 0.5], [0.0, 1.0]]}, "symmetric"),
        ({"scale": np.eye(3)}, r"scale has shape \(3, 3\)"), ({"scale": -1.0}, "positive definite"),
        ({"scale": NAN}, "finite"), ({"scale": "a"}, "ConjugatePrior scale"),
    ):
        with pytest.raises(ParameterError, match=words):
            emix.fit(x, 2, prior=ConjugatePrior(**arguments))


def test_it_is_one_prior_on_means():
    with pytest.raises(ParameterError, match="both NormalPrior and ConjugatePrior"):
        Prior.parse([NormalPrior(), "conjugate"], 2, 2)
    with pytest.raises(ParameterError, match="at most one"):
        Prior.parse(["conjugate", ConjugatePrior()], 2, 2)
    both = Prior.parse([emix.DirichletPrior(2.0), "conjugate"], 2, 2)
    assert both.conjugate == ConjugatePrior() and both.concentration.tolist() == [2.0, 2.0]
    assert both.describe() == ["conjugate prior on μ and Σ (shrinkage 0.01)", "Φ ~ Dirichlet(2, 2)"]
    assert not Prior.parse("conjugate", 2, 2).is_flat


def test_the_default_is_made_from_the_data():
    x = rows(90, 2)
    covariance = np.cov(x.T)
    for name in STRUCTURES:
        rule = structure(name, 2)
        full = rule.scatter_form in ("full", "pooled")
        imagined = ConjugatePrior().imagined(rule, K, x.mean(axis=0), covariance, float(len(x)))
        wanted = covariance if full else np.trace(covariance) / 2 * np.eye(2)
        assert imagined.count == 0.01
        ratio = imagined.scatter[0, 0] / (wanted[0, 0] / K)
        np.testing.assert_allclose(imagined.scatter, wanted / K * ratio, rtol=1e-12)
        # Where one matrix serves all, each component imagines a k-th.
        shares = {"EII": 1 / (2 * K), "VII": 1 / 2, "EEI": 1 / K, "EEE": 1 / K}
        assert ratio == pytest.approx(shares.get(name, 1.0))
