"""What the machine itself can do, and what share of it our steps reach.

Measured within the same run: matrix products (dgemm), exponentials (numpy's, all threads' worth of
one thread's rate), and reading memory. An EM step of n rows, d columns and k components has to read
8 n d bytes, to take n k exponentials, and with full covariances to do at least 2 n k d² operations
(whitening by a triangle and a symmetric scatter are half a matrix product each, a multiplication
and an addition being two), with diagonal ones 6 n k d at the same rate. Whichever takes longest is
the step's limit. Components that have no share in a row are left out where clusters lie apart, so
that a step can be quicker than its limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from data import Problem
from measuring import Row, timing
from peers import Peer

from emix.kernels import available_threads
from rows.steps import our_step, problems

PART = "the machine's limits"


@dataclass(frozen=True)
class Limits:
    """Operations, exponentials and bytes per second, all threads together."""

    operations: float
    exponentials: float
    bytes: float

    @classmethod
    def measured(cls) -> Limits:
        rng = np.random.default_rng(0)
        a = rng.normal(size=(1536, 1536))
        small, long = -rng.random(4096), rng.random(1 << 25)
        out = np.empty_like(small)
        product = _best(lambda: a @ a, 1)
        exponential = _best(lambda: np.exp(small, out=out), 200)
        reading = _best(long.sum, 1)
        threads = available_threads()
        return cls(2.0 * len(a) ** 3 / product, threads * len(small) / exponential,
                   threads * long.nbytes / reading)

    def of_step(self, problem: Problem) -> tuple[float, str]:
        """The least that a step can take, and what it then waits for."""
        n, d, k = problem.shape
        is_full = problem.covariance == "full" and d > 1
        operations = 2.0 * n * k * (d * d if is_full else 3 * d)
        needs = {"dgemm" if is_full else "arithmetic": operations / self.operations,
                 "exp": n * k / self.exponentials,
                 "memory": 8.0 * n * d / self.bytes}
        return max((seconds, name) for name, seconds in needs.items())


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    limits = Limits.measured()
    told = (f"{limits.operations / 1e9:.0f} Gflop/s, {limits.exponentials / 1e9:.2f} G exp/s, "
            f"{limits.bytes / 1e9:.0f} GB/s")
    for make in problems():
        problem = make()
        least, name = limits.of_step(problem)
        seconds = sorted(_times(problem))
        ratios = [least / each for each in seconds]
        middle = seconds[len(seconds) // 2]
        yield Row(PART, problem.name, name, middle, least, least / middle, ratios[-1],
                         ratios[0], f"least a step can take at {told}")


def _times(problem: Problem) -> list[float]:
    step = timing(our_step(problem), 3)
    step()
    return [step() for _ in range(5)]


def _best(action, repeat: int) -> float:
    return min(timing(action, repeat)() for _ in range(7))
