"""One EM step, from the same parameters on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from data import Problem, column, table
from measuring import Row, in_turn, timing
from peers import Peer, why

from emix.arrays import Units
from emix.em import expect
from emix.kernels import available_threads
from emix.maximise import maximise
from emix.model import Model
from emix.sources.array import ArraySource

PART = "EM step"
# Seconds that a shape may take with one peer.
SECONDS = 2.5
FLOAT32 = ("pomegranate", "gmmx")


def problems() -> list[Callable[[], Problem]]:
    """Made when asked for: together they would fill the memory."""
    return [
        lambda: column(1_000_000),
        lambda: table(1_000_000, 2, 5, "full"),
        lambda: table(200_000, 16, 16, "full"),
        lambda: table(200_000, 16, 16, "full", "cloud"),
        lambda: table(50_000, 64, 32, "full"),
        lambda: table(100_000, 64, 64, "diag"),
    ]


def our_step(problem: Problem, dtype: type = np.float64) -> Callable[[], object]:
    _, d, k = problem.shape
    model = Model.parse(k, d, problem.covariance)
    start = model.conforming(problem.start)
    source, threads = ArraySource.of(problem.x.astype(dtype, copy=False)), available_threads()
    units = Units.identity(d)

    def step() -> object:
        return maximise(expect(source, start, model, units, threads), start, model)

    return step


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    for make in problems():
        problem = make()
        for peer in peers:
            yield _row(problem, peer)


def _row(problem: Problem, peer: Peer) -> Row:
    dtype = np.float32 if peer.name in FLOAT32 else np.float64
    remark = peer.remark if peer.takes_starts else "from its own start; K-Means not counted"
    try:
        theirs = peer.step(problem)
        ours = our_step(problem, dtype)
        repeat = 10 if problem.x.size < 1e7 else 3
        return in_turn(PART, problem.name, peer.name, timing(ours, repeat), theirs, SECONDS,
                       remark=remark)
    except Exception as reason:
        return Row.unrun(PART, problem.name, peer.name, why(reason))
