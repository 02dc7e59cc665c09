"""Time to within 1e-6 nats per row of the best optimum that anyone finds.

All begin at the same mixture. The best is the highest log-likelihood of all who took part: each
tool's own climb, and emix's search from its own starts. Plain EM is one and the same map whoever
computes it, so how many steps it needs is counted once, by `emix.steps`, and each peer is then
timed over just so many; where it ends is scored by the same code for all, and who ends short is
told by how much. Where EM from that start leads to a lower optimum, the count is of the steps to
that one. emix runs `emix.fit(x, k, start=...)` to its own end, a gradient of 1e-10.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from data import Problem, bundled, column, table
from measuring import Row
from peers import Ended, Peer, why

import emix

PART = "time to the optimum"
NEAR = 1e-6
# Steps of plain EM, and seconds of one peer's climb, at most.
MOST_STEPS, MOST_SECONDS = 3000, 6.0
PAIRS = 3


def problems() -> list[Callable[[], Problem]]:
    return [
        lambda: column(200_000),
        lambda: bundled("faithful", 3, 1),
        lambda: bundled("iris", 3, 14),
        lambda: table(100_000, 4, 6, "full"),
        lambda: table(20_000, 2, 4, "full", "cloud"),
    ]


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    for make in problems():
        yield from _beside(make(), peers)


def _beside(problem: Problem, peers: Sequence[Peer]) -> list[Row]:
    x, k = problem.x, problem.start.n_components
    searched = _quietly(lambda: emix.fit(x, k)).loglik / len(x)
    begin = time.perf_counter()
    ours = _quietly(lambda: emix.fit(x, k, start=problem.start)).loglik / len(x)
    seconds = time.perf_counter() - begin
    steps, plain = _steps(problem, seconds)
    ends: dict[str, tuple[list[tuple[float, float]], float] | str] = {}
    for peer in peers:
        try:
            ends[peer.name] = _timed(problem, peer, steps)
        except Exception as reason:
            ends[peer.name] = why(reason)
    reached = [end[1] for end in ends.values() if isinstance(end, tuple)]
    best = max([searched, ours, plain, *reached])
    told = _short("emix", best - ours)
    made = []
    for peer in peers:
        end = ends[peer.name]
        if isinstance(end, str):
            made.append(Row.unrun(PART, problem.name, peer.name, end))
            continue
        pairs, height = end
        a, b = np.array(pairs).T
        remark = "; ".join(filter(None, [f"{steps} EM steps", _short("theirs", best - height),
                                         told, "" if peer.takes_starts else "own start"]))
        made.append(Row(PART, problem.name, peer.name, float(np.median(a)), float(np.median(b)),
                        float(np.median(b / a)), float((b / a).min()), float((b / a).max()),
                        remark))
    return made


def _steps(problem: Problem, fitted_in: float) -> tuple[int, float]:
    """How many steps plain EM takes from the start until it is near where it leads, and where that
    is; as far as the time goes."""
    heights: list[float] = []
    begin = time.perf_counter()
    for step in itertools.islice(emix.steps(problem.x, problem.start), MOST_STEPS + 1):
        heights.append(step.loglik / len(problem.x))
        if time.perf_counter() - begin > max(MOST_SECONDS, 4 * fitted_in):
            break
    last = heights[-1]
    return next(t for t, height in enumerate(heights) if height >= last - NEAR / 2) or 1, last


def _timed(
    problem: Problem, peer: Peer, steps: int
) -> tuple[list[tuple[float, float]], float]:
    """Seconds of ours and theirs in turn, and where theirs ends."""
    k = problem.start.n_components

    def ours() -> float:
        begin = time.perf_counter()
        _quietly(lambda: emix.fit(problem.x, k, start=problem.start))
        return time.perf_counter() - begin

    ended: Ended = _quietly(lambda: peer.climb(problem, steps))
    pairs = [(ours(), ended.seconds)]
    while len(pairs) < PAIRS and ended.seconds * len(pairs) < MOST_SECONDS:
        pairs.append((ours(), _quietly(lambda: peer.climb(problem, steps)).seconds))
    return pairs, ended.loglik(problem.x)


def _short(who: str, by: float) -> str:
    return f"{who} ends {by:.1e} nats/row short" if by > NEAR else ""


def _quietly(action: Callable[[], object]):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return action()


