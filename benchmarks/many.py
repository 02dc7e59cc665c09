"""Small fits, one and ten thousand, beside scikit-learn: ratios within one run.

    python benchmarks/many.py [--pairs 15] [--groups 10000] [--json FILE]

- `emix.fit(waiting, 2)`, all starts included, beside scikit-learn's default fit with its single
  start;
- `emix.fit_many` of 200 points a group, two components, beside scikit-learn in a loop. The groups
  are drawn anew each from two normals: "apart" by six standard deviations, "near" by four, "varied"
  with weights .25-.75, standard deviations .5-1.5 and means 1.5-5 apart, of which many overlap.
  scikit-learn's loop is timed on a share of the groups and reckoned up.

Each pair runs ours and theirs in turn; printed are the median ratio theirs / ours and the spread
from the 10th to the 90th percentile. scikit-learn runs with one BLAS and OpenMP thread, its quickest
here: with more, its threads wait for each other.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from versus import Row, compare, machine, timed

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


def one(pairs: int) -> Row:
    from sklearn.mixture import GaussianMixture

    waiting = emix.datasets.load("faithful")["waiting"]
    column = waiting[:, None]
    return compare(
        "fit(waiting, 2), default starts against their single one", "scikit-learn",
        lambda: emix.fit(waiting, 2), lambda: GaussianMixture(2).fit(column), 20, pairs,
        repeat=50, their_repeat=10,
    )


def many(name: str, groups: np.ndarray, pairs: int) -> Row:
    """Seconds for all groups."""
    from sklearn.mixture import GaussianMixture

    emix.fit_many(groups, 2)
    GaussianMixture(2).fit(groups[0][:, None])
    times = []
    for pair in range(pairs):
        mine = timed(lambda: emix.fit_many(groups, 2))
        some = np.random.default_rng(pair).choice(len(groups), SHARE, replace=False)
        theirs = timed(lambda: [GaussianMixture(2).fit(groups[i][:, None]) for i in some])  # noqa: B023
        times.append((mine, theirs / SHARE * len(groups)))
    a, b = np.array(times).T
    low, high = np.percentile(b / a, [10, 90])
    return Row(f"fit_many, {len(groups)} groups of {POINTS}, k = 2, {name}", "scikit-learn",
               float(np.median(a)), float(np.median(b)), float(np.median(b / a)), float(low),
               float(high), 150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs per row")
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--json", help="write the rows there as well")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    rows = [one(arguments.pairs)]
    for name, groups in (("apart", apart(rng, arguments.groups, 6.0)),
                         ("near", apart(rng, arguments.groups, 4.0)),
                         ("varied", varied(rng, arguments.groups))):
        rows.append(many(name, groups, arguments.pairs))
    print(machine())
    print(f"{'':58}{'ours':>12}{'theirs':>12}{'ratio':>8}{'10%–90%':>16}{'wanted':>8}")
    for row in rows:
        spread = f"{row.low:.3g}–{row.high:.3g}"
        print(f"{row.what:58}{row.ours * 1e3:>9.4g} ms{row.theirs * 1e3:>9.4g} ms"
              f"{row.ratio:>8.3g}{spread:>16}{row.wanted:>8g}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"machine": machine(), "rows": [vars(row) for row in rows]}, file, indent=1)


if __name__ == "__main__":
    sys.exit(main())
