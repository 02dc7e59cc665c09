"""What emix and scikit-learn say of it: each of these tries something, and tells in a few words."""

from __future__ import annotations

import math
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.mixture import GaussianMixture

import emix
from failing.data import GALAXIES, ILL, SCALES, WAITING, blobs, issue_10122


def right(labels: np.ndarray, truth: np.ndarray) -> float:
    share = float((labels == truth).mean())
    return max(share, 1 - share)


def scaled_ours() -> str:
    x, truth = blobs()
    found = [right(emix.fit(x * s, 2).predict(x * s), truth) for s in SCALES]
    return ", ".join(f"{share:.2f}" for share in found) + " right at × 1e-3, 1e-6, 1e-150, 1e150"


def scaled_theirs() -> str:
    x, truth = blobs()
    parts = []
    for s in SCALES:
        try:
            labels = GaussianMixture(2, random_state=0).fit_predict(x * s)
            parts.append(f"{right(labels, truth):.2f}")
        except Exception as error:
            parts.append(type(error).__name__)
    return ", ".join(parts) + " right"


def columns_ours() -> str:
    x, truth = blobs()
    x = x * [1e-9, 1e9]
    return f"{right(emix.fit(x, 2).predict(x), truth):.2f} right"


def columns_theirs() -> str:
    x, truth = blobs()
    x = x * [1e-9, 1e9]
    return f"{right(GaussianMixture(2, random_state=0).fit_predict(x), truth):.2f} right"


def offset(fit: Callable[[np.ndarray], float]) -> str:
    noise = np.random.default_rng(0).normal(size=10_000)
    digits = []
    for away in (1e6, 1e8, 1e9):
        x = noise + away
        wanted = math.sqrt(((x - away) - (x - away).mean()).var())
        wrong = abs(fit(x) / wanted - 1) if (value := fit(x)) == value else math.inf
        digits.append("none" if wrong >= 1 else f"{min(15.0, -math.log10(max(wrong, 1e-16))):.0f}")
    return f"{', '.join(digits)} digits of σ at 1e6, 1e8, 1e9"


def ours_sd(x: np.ndarray) -> float:
    return float(emix.fit(x, 1).mixture.sds[0])


def theirs_sd(x: np.ndarray) -> float:
    fitted = GaussianMixture(1, covariance_type="spherical", reg_covar=0).fit(x[:, None])
    return math.sqrt(fitted.covariances_[0])


def sklearn_of(x: np.ndarray, k: int, covariance: str = "full") -> GaussianMixture:
    return GaussianMixture(k, covariance_type=covariance, random_state=0).fit(x)


def least_sd(covariances: np.ndarray) -> float:
    return float(np.sqrt(np.min(covariances)))


def theirs_fit(x: np.ndarray, k: int, covariance: str = "full") -> str:
    fitted = sklearn_of(x, k, covariance)
    return f"a fit, least weight {fitted.weights_.min():.1g}, nothing said of spikes"


def ours_fit(x: np.ndarray, k: int, covariance: str = "full") -> str:
    found = emix.fit(x, k, covariance=covariance, n_starts=3, max_iter=200)
    named = f"{len(found.degenerate)} spikes named" if found.degenerate else "no spike"
    return f"a fit, {found.effective_k} of {k} components, {named}"


def condition_ours() -> str:
    return f"{emix.Mixture([1.0], [[0.0] * 3], [ILL]).logpdf([[0.0] * 3])[0]:.7f}"


def condition_theirs() -> str:
    from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

    model = GaussianMixture(1)
    model.means_, model.weights_ = np.zeros((1, 3)), np.ones(1)
    model.precisions_cholesky_ = _compute_precision_cholesky(np.array([ILL]), "full")
    return f"{model.score_samples([[0.0] * 3])[0]:.7f} (exact 11.1852709)"


def integers(score: Callable[[np.ndarray], np.ndarray]) -> str:
    x = np.random.default_rng(1).integers(0, 50, (100, 2))
    return "the same" if np.array_equal(score(x), score(x.astype(float))) else "differ"


def integers_theirs() -> str:
    x = np.random.default_rng(1).integers(0, 50, (100, 2))
    return integers(sklearn_of(x.astype(float), 2).score_samples)


def integers_ours() -> str:
    x = np.random.default_rng(1).integers(0, 50, (100, 2))
    return integers(emix.fit(x.astype(float), 2).mixture.logpdf)


def far_ours() -> str:
    m = emix.Mixture([0.4, 0.6], [[0, 0], [5, 1]], [np.eye(2)] * 2)
    with np.errstate(all="raise"):
        r = m.responsibilities([[1e3, 0.0], [1e8, 0.0], [1e200, 1.0]])
    return f"rows sum to 1 within {abs(r.sum(axis=1) - 1).max():.0e}"


def far_theirs() -> str:
    fitted = sklearn_of(blobs()[0], 2)
    with np.errstate(all="raise"):
        r = fitted.predict_proba([[1e3, 0.0], [1e8, 0.0], [1e200, 1.0]])
    return f"rows sum to 1 within {abs(r.sum(axis=1) - 1).max():.0e}"


def stopping_ours() -> str:
    found = emix.fit(issue_10122(), 2)
    weights = [f"{o.mixture.weights.min():.3f} at {o.loglik:.2f}" for o in found.optima]
    return f"weights {', '.join(weights)}; all maxima"


def stopping_theirs() -> str:
    fitted = sklearn_of(issue_10122(), 2)
    loglik = fitted.score(issue_10122()) * 400
    return f"weight {fitted.weights_.min():.3f} at {loglik:.2f}, converged {fitted.converged_}"


def reported_ours() -> str:
    found = emix.fit(WAITING, 2, tol=1e-3)
    return f"off by {abs(found.loglik - found.mixture.logpdf(WAITING).sum()):.0e}"


def reported_theirs() -> str:
    fitted = sklearn_of(WAITING[:, None], 2)
    off = abs(fitted.lower_bound_ - fitted.score(WAITING[:, None])) * len(WAITING)
    return f"off by {off:.0e} nats"


def one_bic_theirs() -> str:
    bics = {round(sklearn_of(WAITING[:, None], 1, c).bic(WAITING[:, None]), 6)
            for c in ("full", "tied", "diag", "spherical")}
    return f"{len(bics)} value{'s' * (len(bics) > 1)}"


def one_bic_ours() -> str:
    bics = {emix.fit(WAITING, 1, covariance=c).bic for c in ("full", "tied", "diag", "spherical")}
    return f"{len(bics)} value"


def waiting(fit: Callable[[int], float]) -> str:
    worst = min(fit(seed) for seed in range(20))
    return f"worst of 20 seeds {worst:.3f}"


def galaxies(fit: Callable[[int], float]) -> str:
    found = np.array([fit(seed) for seed in range(20)])
    near, above = abs(found + 197.45376) < 1e-3, found > -197.45
    return f"{near.sum()} of 20 seeds end there, {above.sum()} on a spike above it"


def galaxies_theirs() -> str:
    return galaxies(lambda s: GaussianMixture(4, n_init=10, random_state=s)
                    .fit(GALAXIES[:, None]).score(GALAXIES[:, None]) * len(GALAXIES))


def nan(fit: Callable[[np.ndarray], object]) -> str:
    x = blobs()[0].copy()
    x[7, 1] = np.nan
    fit(x)
    return "no error"


def hostile() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.json"
        path.write_text("[" * 1_000_000)
        began = time.perf_counter()
        try:
            emix.load(path)
        except emix.ModelFileError:
            return f"ModelFileError after {time.perf_counter() - began:.2f} s"
    return "read"


def generator(draw: Callable[[], tuple[np.ndarray, np.ndarray]]) -> str:
    one, other = draw()
    return "differ" if not np.array_equal(one, other) else "identical"


def samples_ours() -> tuple[np.ndarray, np.ndarray]:
    m, g = emix.fit(WAITING, 2).mixture, np.random.default_rng(0)
    return m.sample(5, g)[0], m.sample(5, g)[0]


def samples_theirs() -> tuple[np.ndarray, np.ndarray]:
    fitted = sklearn_of(WAITING[:, None], 2)
    return fitted.sample(5)[0], fitted.sample(5)[0]


def series(fit: Callable[[object], object]) -> str:
    import pandas as pd

    fit(pd.Series(WAITING, name="waiting"))
    return "a fit"


def csv_ours() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text("a,b\n1,2\n3,x\n5,6\n")
        try:
            emix.fit(path, 1, columns="b")
        except emix.DataError as error:
            return textwrap.shorten(str(error).replace(folder + "/", ""), 90, placeholder=" …")
    return "read"
