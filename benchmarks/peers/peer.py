"""What a benchmark asks of another implementation."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from data import Problem


class Unable(Exception):
    """What an implementation does not offer, or cannot do here, in words."""


def why(reason: Exception) -> str:
    """Why a peer could not be run, for its row: what it cannot do, or how it failed."""
    if isinstance(reason, Unable):
        return str(reason)
    first = (str(reason).strip().splitlines() or [""])[0]
    return f"failed: {type(reason).__name__}: {shorten(first, 90, placeholder='…')}"


@dataclass(frozen=True)
class Ended:
    """Where a climb ended: weights (k,), means (k, d), covariances (k, d, d), and its seconds."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    seconds: float

    def loglik(self, x: np.ndarray) -> float:
        """log f per row, in double precision and by the same code for all."""
        import emix

        covariances = (self.covariances + self.covariances.transpose(0, 2, 1)) / 2
        mixture = emix.Mixture(self.weights / self.weights.sum(), self.means, covariances)
        return float(mixture.logpdf(x).mean())


class Peer:
    """One implementation. Whatever it cannot do raises `Unable`, which the table then says."""

    name: str
    module: str
    remark = ""
    # Whether it can begin at a mixture that it is given.
    takes_starts = True

    @classmethod
    def is_installed(cls) -> bool:
        return importlib.util.find_spec(cls.module) is not None

    @property
    def version(self) -> str:
        from importlib.metadata import version

        return version({"sklearn": "scikit-learn"}.get(self.module, self.module))

    def step(self, problem: Problem) -> Callable[[], float]:
        """Seconds of one EM step from the problem's start; data is where it wants it."""
        raise Unable("does not say")

    def climb(self, problem: Problem, steps: int) -> Ended:
        """So many EM steps from the problem's start, however small they become."""
        raise Unable("does not say")

    def small(self, x: np.ndarray, k: int) -> Callable[[], float]:
        """Seconds of a fit of x (n, d) as its documentation does it, full covariances."""
        raise Unable("does not say")

    def select(self, x: np.ndarray) -> Callable[[], float]:
        """Seconds of choosing k from 1 to 9, and the structure among those it has."""
        raise Unable("offers no selection")

    def close(self) -> None:
        """Ends what runs beside."""
