"""EM steps against the number of components: exact, and looking only at what is near each row.

    python benchmarks/components.py                      n = 10⁶, d = 8, k = 100 … 10000
    python benchmarks/components.py --rows 100000 --ks 100,300,1000 --data cloud

Data: `fixed`, a thousand overlapping clusters whatever k is; `clusters`, k of them in a volume that
grows with k, so that they overlap alike; `cloud`, one normal cloud, in which components overlap
most. For each k a start is made, EM takes some truncated steps from it, so that components are
about where they are in a fit, and then both kinds of step are timed at the same mixture, in the
same run. `short of exact` is the difference of the log-likelihoods at that mixture; `estimated` is
what the last surveys said of it, before lists were widened by what they found.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import emix
from emix.arrays import Units
from emix.em import expect
from emix.initialise import Draws, Table, crowd
from emix.kernels import available_threads, instruction_set
from emix.maximise import maximise
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.searching.plan import CROWD_ROWS, NEGLECT
from emix.searching.truncating import Truncation, relocated, weak_components
from emix.sources.array import ArraySource

D = 8


def rows_of(kind: str, n: int, k: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    if kind == "cloud":
        return rng.standard_normal((n, D))
    clusters = k if kind == "clusters" else 1000
    means = rng.standard_normal((clusters, D)) * 2.5 * (clusters / 1000) ** (1 / D)
    turns = rng.standard_normal((clusters, D, D)) * 0.3 + np.eye(D)
    labels = rng.integers(clusters, size=n)
    x = rng.standard_normal((n, D))
    for first in range(0, n, 1 << 16):
        part = slice(first, first + (1 << 16))
        x[part] = means[labels[part]] + np.einsum("nij,nj->ni", turns[labels[part]], x[part])
    return x


def measured(
    x: np.ndarray, k: int, covariance: str, neglect: float, steps: int, exact_limit: float,
    threads: int,
) -> tuple[float, float, float, float, float, float]:
    """Seconds of a truncated and of an exact step (NaN where not run), nats per row that the first
    falls short of the second and what surveys estimate of it, entries per list, and seconds of the
    start."""
    model = Model.parse(k, D, covariance)
    source = ArraySource.of(x)
    units = Units.of_spread(x.mean(axis=0), x.std(axis=0), not model.structure.is_scale_free)
    within = model.inward(units, FLOOR)
    begun = time.perf_counter()
    table = Table.of(source.sample(max(CROWD_ROWS * k, 1 << 14), 0), units)
    mixture = within.conforming(crowd(table, k, Draws(0, 0), threads))
    start_seconds = time.perf_counter() - begun
    e_step = Truncation(source, within, units, neglect, 0, threads)
    seconds = []
    for _ in range(steps):
        begun = time.perf_counter()
        statistics = e_step(mixture)
        following = maximise(statistics, mixture, within)
        seconds.append(time.perf_counter() - begun)
        last, mixture = mixture, following
        weak = weak_components(mixture, within, len(x))
        if weak.any():
            mixture, moves = relocated(mixture, weak, within)
            e_step.follow(moves)
    # The first step makes the lists; it is paid once.
    truncated = float(np.median(seconds[-5:]))
    exact, short = exact_step(source, last, within, units, threads, len(x) * k <= exact_limit)
    short = (short - statistics.loglik) / len(x)
    return truncated, exact, short, e_step.left_out, e_step.entries / k, start_seconds


def exact_step(
    source: ArraySource, mixture: Mixture, model: Model, units: Units, threads: int, timed: bool
) -> tuple[float, float]:
    if not timed:
        return float("nan"), float("nan")
    begun = time.perf_counter()
    statistics = expect(source, mixture, model, units, threads)
    maximise(statistics, mixture, model)
    return time.perf_counter() - begun, statistics.loglik


def slope(ks: list[int], seconds: list[float], least: int) -> float:
    """p in seconds ∝ kᵖ, by least squares on logarithms, over k of at least `least`."""
    chosen = [(np.log(k), np.log(s)) for k, s in zip(ks, seconds, strict=True)
              if k >= least and s == s]
    if len(chosen) < 2:
        return float("nan")
    return float(np.polyfit(*np.array(chosen).T, 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--ks", default="100,300,1000,3000,10000")
    parser.add_argument("--data", default="fixed", choices=("fixed", "clusters", "cloud"))
    parser.add_argument("--covariance", default="full")
    parser.add_argument("--neglect", type=float, default=NEGLECT)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--exact-limit", type=float, default=1e10,
                        help="rows times components up to which exact steps are timed as well")
    arguments = parser.parse_args()
    ks, threads = [int(k) for k in arguments.ks.split(",")], available_threads()
    print(f"emix {emix.__version__} {instruction_set()}, {threads} threads; "
          f"n {arguments.rows}, d {D}, {arguments.covariance}, data: {arguments.data}, "
          f"neglect {arguments.neglect:g}")
    print(f"{'k':>6} {'truncated':>10} {'exact':>10} {'ratio':>7} {'short of exact':>15} "
          f"{'estimated':>10} {'looked at':>10} {'start':>8}")
    times: tuple[list[float], list[float]] = ([], [])
    for k in ks:
        x = rows_of(arguments.data, arguments.rows, k)
        near, exact, short, estimated, entries, start = measured(
            x, k, arguments.covariance, arguments.neglect, arguments.steps,
            arguments.exact_limit, threads,
        )
        times[0].append(near)
        times[1].append(exact)
        print(f"{k:>6} {near:>8.3f} s {exact:>8.3f} s {exact / near:>7.1f} {short:>10.1e} nats "
              f"{estimated:>10.1e} {entries:>10.1f} {start:>6.1f} s", flush=True)
    print(f"time per step from k = 300 grows like k^{slope(ks, times[0], 300):.2f} truncated, "
          f"k^{slope(ks, times[1], 300):.2f} exact")


if __name__ == "__main__":
    main()
