"""mlpack's gmm_train, which always begins at its own K-Means (a model it is given is not used)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import timing

from peers.peer import Ended, Peer

if TYPE_CHECKING:
    from data import Problem

# Steps whose time is taken as the difference of two runs that begin alike.
FEW, MORE = 2, 8


class Mlpack(Peer):
    name, module = "mlpack", "mlpack"
    takes_starts = False

    @staticmethod
    def _trained(x: np.ndarray, k: int, covariance: str = "full", **settings: Any) -> Any:
        import mlpack

        return mlpack.gmm_train(
            input_=x, gaussians=k, seed=1, diagonal_covariance=covariance == "diag", **settings
        )["output_model"]

    def step(self, problem: Problem) -> Callable[[], float]:
        x, k, kind = problem.x, problem.start.n_components, problem.covariance

        def run(steps: int) -> float:
            return timing(lambda: self._trained(
                x, k, kind, max_iterations=steps, tolerance=1e-300, kmeans_max_iterations=1))()

        return lambda: (run(MORE) - run(FEW)) / (MORE - FEW)

    def climb(self, problem: Problem, steps: int) -> Ended:
        begin = time.perf_counter()
        model = self._trained(problem.x, problem.start.n_components, problem.covariance,
                              max_iterations=steps, tolerance=1e-300)
        seconds = time.perf_counter() - begin
        found = model.get_cpp_params()["GMM"]
        normals = found["dists"]
        means = np.array([np.ravel(normal["mean"]) for normal in normals])
        d = means.shape[1]
        spreads = np.array([np.reshape(normal["covariance"], (-1, d)) for normal in normals])
        if spreads.shape[1] < d:
            spreads = np.einsum("kij,jl->kjl", spreads, np.eye(d))
        return Ended(np.ravel(found["weights"]), means, spreads, seconds)

    def small(self, x: np.ndarray, k: int) -> Callable[[], float]:
        return timing(lambda: self._trained(x, k), 3)
