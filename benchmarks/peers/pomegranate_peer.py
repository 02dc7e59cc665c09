"""pomegranate's GeneralMixtureModel, in torch's single precision, which is what it documents."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import timing

from emix.kernels import available_threads
from peers.peer import Ended, Peer

if TYPE_CHECKING:
    from data import Problem


class Pomegranate(Peer):
    name, module, remark = "pomegranate", "pomegranate", "float32"

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(available_threads())

    def _begun(self, problem: Problem, steps: int) -> Any:
        import torch
        from pomegranate.distributions import Normal
        from pomegranate.gmm import GeneralMixtureModel

        start, kind = problem.start, problem.covariance

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.tensor(values, dtype=torch.float32)

        spreads = start.covariances if kind == "full" else np.einsum("kii->ki", start.covariances)
        normals = [Normal(tensor(mean), tensor(spread), covariance_type=kind)
                   for mean, spread in zip(start.means, spreads, strict=True)]
        # It ends where the improvement is below tol, which rounding may make negative.
        return GeneralMixtureModel(normals, priors=tensor(start.weights), max_iter=steps,
                                   tol=-float("inf"))

    def step(self, problem: Problem) -> Callable[[], float]:
        import torch

        model, tensor = self._begun(problem, 1), torch.tensor(problem.x, dtype=torch.float32)

        def step() -> None:
            model.summarize(tensor)
            model.from_summaries()

        return timing(step)

    def climb(self, problem: Problem, steps: int) -> Ended:
        import torch

        model, tensor = self._begun(problem, steps), torch.tensor(problem.x, dtype=torch.float32)
        begin = time.perf_counter()
        model.fit(tensor)
        seconds = time.perf_counter() - begin
        spreads = np.array([normal.covs.numpy() for normal in model.distributions], dtype=float)
        if problem.covariance == "diag":
            spreads = np.einsum("ki,ij->kij", spreads, np.eye(problem.x.shape[1]))
        means = np.array([normal.means.numpy() for normal in model.distributions], dtype=float)
        return Ended(model.priors.numpy().astype(float), means, spreads, seconds)

    def small(self, x: np.ndarray, k: int) -> Callable[[], float]:
        import torch
        from pomegranate.distributions import Normal
        from pomegranate.gmm import GeneralMixtureModel

        tensor = torch.tensor(x, dtype=torch.float32)
        return timing(lambda: GeneralMixtureModel([Normal() for _ in range(k)]).fit(tensor))
