"""scikit-learn's GaussianMixture, in double precision."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import timing

from peers.peer import Ended, Peer

if TYPE_CHECKING:
    from data import Problem


class ScikitLearn(Peer):
    name, module = "scikit-learn", "sklearn"

    def _begun(self, problem: Problem, steps: int) -> Any:
        from sklearn.mixture import GaussianMixture

        start, is_full = problem.start, problem.covariance == "full"
        precisions = np.linalg.inv(start.covariances)
        return GaussianMixture(
            start.n_components, covariance_type=problem.covariance, tol=0, max_iter=steps,
            reg_covar=0.0, weights_init=start.weights, means_init=start.means,
            precisions_init=precisions if is_full else np.einsum("kii->ki", precisions),
        )

    def step(self, problem: Problem) -> Callable[[], float]:
        # What a fit prepares; on as many rows as leave no component with fewer than it has columns.
        _, d, k = problem.shape
        model = self._begun(problem, 1).fit(problem.x[: max(2000, 8 * d * k)])
        model._initialize_parameters(problem.x, np.random.RandomState(0))

        def step() -> None:
            _, log_responsibilities = model._e_step(problem.x)
            model._m_step(problem.x, log_responsibilities)

        return timing(step)

    def climb(self, problem: Problem, steps: int) -> Ended:
        model = self._begun(problem, steps)
        begin = time.perf_counter()
        model.fit(problem.x)
        seconds = time.perf_counter() - begin
        covariances = model.covariances_
        if problem.covariance == "diag":
            covariances = np.einsum("ki,ij->kij", covariances, np.eye(problem.x.shape[1]))
        return Ended(model.weights_, model.means_, covariances, seconds)

    def small(self, x: np.ndarray, k: int) -> Callable[[], float]:
        from sklearn.mixture import GaussianMixture

        return timing(lambda: GaussianMixture(k).fit(x), 10)

    def select(self, x: np.ndarray) -> Callable[[], float]:
        from sklearn.mixture import GaussianMixture

        def select() -> float:
            kinds = ("full", "tied", "diag", "spherical")
            return min(GaussianMixture(k, covariance_type=kind).fit(x).bic(x)
                       for kind, k in itertools.product(kinds, range(1, 10)))

        return timing(select)
