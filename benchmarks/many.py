"""Small fits, one and ten thousand, beside scikit-learn: ratios within one run.

    python benchmarks/many.py [--pairs 15] [--groups 10000] [--json FILE]

- `emix.fit(waiting, 2)`, all starts included, beside scikit-learn's default fit with its single
  start;
- `emix.fit_many` of 200 points a group, two components, beside scikit-learn in a loop. The groups
  are drawn anew each from two normals: "apart" by six standard deviations, "near" by four, "varied"
  with weights .25-.75, standard deviations .5-1.5 and means 1.5-5 apart, of which many overlap.
  scikit-learn's loop is timed on a share of the groups and reckoned up.

Each pair runs ours and theirs in turn; printed are the median ratio theirs / ours and the spread
from the 10th to the 90th percentile; and the same ratio of processor time, that of all threads
together, which says more where others use the machine as well. scikit-learn runs with one BLAS and
OpenMP thread, its quickest here: with more, its threads wait for each other.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from measuring import machine
from threadpoolctl import threadpool_limits

import emix

POINTS = 200
# Groups that scikit-learn fits within a pair.
SHARE = 40


def apart(rng: np.random.Generator, groups: int, distance: float) -> np.ndarray:
    """(groups, POINTS) of two equal normals, so many standard deviations apart."""
    far = rng.random((groups, POINTS)) < 0.5
    return rng.normal(size=(groups, POINTS)) + distance * far


def varied(rng: np.random.Generator, groups: int) -> np.ndarray:
    """(groups, POINTS) of two normals whose weights, distance and widths differ by group."""
    weight = rng.uniform(0.25, 0.75, (groups, 1))
    distance = rng.uniform(1.5, 5, (groups, 1))
    sds = rng.uniform(0.5, 1.5, (2, groups, 1))
    first = rng.random((groups, POINTS)) < weight
    z = rng.normal(size=(groups, POINTS))
    return np.where(first, sds[0] * z, distance + sds[1] * z)


@dataclass
class Row:
    """One comparison: seconds (medians), the ratio theirs / ours with its spread, and that of
    processor time."""

    what: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    processor: float
    wanted: float


def timed(action: Callable[[], object], times: float) -> np.ndarray:
    """Seconds on the wall, and of the processors, times `times`."""
    before = time.perf_counter(), time.process_time()
    action()
    return times * (np.array([time.perf_counter(), time.process_time()]) - before)


def compared(
    what: str, ours: Callable[[], object], theirs: Callable[[int], object], wanted: float,
    pairs: int, mine: float, yours: float,
) -> Row:
    """Pairs of runs in turn; `mine` and `yours` are what the times are multiplied by."""
    ours(), theirs(0)
    times = np.array([
        (timed(ours, mine), timed(lambda: theirs(pair), yours))  # noqa: B023
        for pair in range(pairs)
    ])
    (a, b), (used, their_use) = times[:, :, 0].T, times[:, :, 1].T
    low, high = np.percentile(b / a, [10, 90])
    return Row(what, float(np.median(a)), float(np.median(b)), float(np.median(b / a)), float(low),
               float(high), float(np.median(their_use / used)), wanted)


def one(pairs: int) -> Row:
    from sklearn.mixture import GaussianMixture

    waiting = emix.datasets.load("faithful")["waiting"]
    column = waiting[:, None]
    return compared(
        "fit(waiting, 2), all starts against their single one",
        lambda: [emix.fit(waiting, 2) for _ in range(100)],
        lambda _: [GaussianMixture(2).fit(column) for _ in range(20)], 20, pairs, 1 / 100, 1 / 20,
    )


def many(name: str, groups: np.ndarray, pairs: int) -> Row:
    """Seconds for all groups."""
    from sklearn.mixture import GaussianMixture

    def theirs(pair: int) -> None:
        for i in np.random.default_rng(pair).choice(len(groups), SHARE, replace=False):
            GaussianMixture(2).fit(groups[i][:, None])

    return compared(f"fit_many, {len(groups)} groups of {POINTS}, k = 2, {name}",
                    lambda: emix.fit_many(groups, 2), theirs, 150, pairs, 1.0,
                    len(groups) / SHARE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs per row")
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--json", help="write the rows there as well")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    # Loaded before, so that its threads are known to be limited.
    import sklearn.mixture  # noqa: F401

    with threadpool_limits(1):
        rows = [one(arguments.pairs)]
        for name, groups in (("apart", apart(rng, arguments.groups, 6.0)),
                             ("near", apart(rng, arguments.groups, 4.0)),
                             ("varied", varied(rng, arguments.groups))):
            rows.append(many(name, groups, arguments.pairs))
    print(machine())
    print(f"{'':56}{'ours':>12}{'theirs':>12}{'ratio':>8}{'10%–90%':>16}{'wanted':>8}"
          f"{'processor':>11}")
    for row in rows:
        spread = f"{row.low:.3g}–{row.high:.3g}"
        print(f"{row.what:56}{row.ours * 1e3:>9.4g} ms{row.theirs * 1e3:>9.4g} ms"
              f"{row.ratio:>8.3g}{spread:>16}{row.wanted:>8g}{row.processor:>11.3g}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"machine": machine(), "rows": [vars(row) for row in rows]}, file, indent=1)


if __name__ == "__main__":
    sys.exit(main())
