"""gmmx on JAX, in single precision, its default, compiled before the clock starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import timing

from peers.peer import Ended, Peer, Unable

if TYPE_CHECKING:
    from data import Problem

# It lays out rows × components × columns numbers, a few times over.
COPIES, MOST_BYTES = 4, 1.2e10


class Gmmx(Peer):
    name, module, remark = "gmmx", "gmmx", "JAX, float32"

    def __init__(self) -> None:
        self._compiled: set[tuple[int, ...]] = set()

    def _begun(self, problem: Problem) -> Any:
        from gmmx import GaussianMixtureModelJax
        from gmmx.gmm import CovarianceType

        n, d, k = problem.shape
        needed = 4.0 * COPIES * n * k * d
        if needed > MOST_BYTES:
            raise Unable(f"would lay out {needed / 1e9:.0f} GB")
        start = problem.start
        is_full = problem.covariance == "full"
        spreads = start.covariances if is_full else np.einsum("kii->ki", start.covariances)
        kind = CovarianceType.full if is_full else CovarianceType.diag
        means, spreads, weights = (np.asarray(each, np.float32)
                                   for each in (start.means, spreads, start.weights))
        return GaussianMixtureModelJax.from_squeezed(
            means=means, covariances=spreads, weights=weights, covariance_type=kind)

    def step(self, problem: Problem) -> Callable[[], float]:
        import jax
        import jax.numpy as jnp
        from gmmx import EMFitter

        model, fitter = self._begun(problem), EMFitter(reg_covar=0.0)
        x = jnp.asarray(problem.x, dtype=jnp.float32)

        @jax.jit
        def em(x: Any, model: Any) -> Any:
            _, log_responsibilities = fitter.e_step(x, model)
            return fitter.m_step(x, model, log_responsibilities)

        jax.block_until_ready(em(x, model))
        return timing(lambda: jax.block_until_ready(em(x, model)))

    def climb(self, problem: Problem, steps: int) -> Ended:
        import jax
        import jax.numpy as jnp
        from gmmx import EMFitter

        model, x = self._begun(problem), jnp.asarray(problem.x, dtype=jnp.float32)
        fitter = EMFitter(tol=-1.0, max_iter=steps, reg_covar=0.0)
        jax.block_until_ready(fitter.fit(x, model))
        begin = time.perf_counter()
        found = jax.block_until_ready(fitter.fit(x, model)).gmm
        seconds = time.perf_counter() - begin
        k, d = problem.start.means.shape
        weights, means, spreads = (
            np.asarray(each, dtype=float)
            for each in (found.weights, found.means, found.covariances.values_dense))
        return Ended(weights.reshape(k), means.reshape(k, d), spreads.reshape(k, d, d), seconds)

    def small(self, x: np.ndarray, k: int) -> Callable[[], float]:
        import jax
        import jax.numpy as jnp
        from gmmx import EMFitter, GaussianMixtureModelJax

        rows, fitter = jnp.asarray(x, dtype=jnp.float32), EMFitter()

        def fit() -> None:
            begun = GaussianMixtureModelJax.from_k_means(x, k)
            jax.block_until_ready(fitter.fit(rows, begun))

        if x.shape not in self._compiled:
            fit()
            self._compiled.add(x.shape)
        return timing(fit)
