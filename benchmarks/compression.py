"""What the compression of one column is worth: whole fits from default settings, within one run.

    python benchmarks/compression.py [--rows 1e8] [--json FILE]

1. n = 10⁶, three overlapping components: `emix.fit(x, 3)` to its gradient, beside scikit-learn at
   tol=1e-9 from one start, both to their end; and who ends higher.
2. n = 10⁸ (or --rows): the whole fit beside six plain EM steps over the same rows, in turn, and
   what it takes of memory beyond the data. In a process of its own: nothing else is counted.

Only ratios of one run mean anything on a shared machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import resource
import subprocess
import sys
import time
import warnings

import numpy as np

import emix
from emix.em import iterate
from emix.kernels import available_threads, instruction_set
from emix.model import Model
from emix.sources.array import ArraySource

THREE = emix.Mixture.univariate([0.5, 0.3, 0.2], [0.0, 2.2, 6.0], [1.0, 0.6, 1.5])
# Rows drawn at once: making the data must not take more memory than fitting it.
DRAWN = 1 << 18


def overlapping(n: int) -> np.ndarray:
    """Three overlapping components: weights .5 .3 .2, means 0 2.2 6, sds 1 .6 1.5."""
    rng, x = np.random.default_rng(1), np.empty(n)
    for start in range(0, n, DRAWN):
        part = x[start:start + DRAWN]
        label = rng.choice(3, len(part), p=THREE.weights)
        part[:] = THREE.means[label, 0] + THREE.sds[label] * rng.standard_normal(len(part))
    return x


def timed(action) -> tuple[float, object]:
    begin = time.perf_counter()
    result = action()
    return time.perf_counter() - begin, result


def beside_sklearn() -> dict[str, float]:
    """Ratio of times, log-likelihoods and our gradient; scikit-learn runs once, it takes long."""
    from sklearn.mixture import GaussianMixture

    x = overlapping(10**6)
    emix.fit(x[:1000], 2)
    ours, fit = min((timed(lambda: emix.fit(x, 3)) for _ in range(5)), key=lambda run: run[0])
    peer = GaussianMixture(3, tol=1e-9, max_iter=10_000, random_state=0)
    theirs, _ = timed(lambda: peer.fit(x[:, None]))
    again, _ = min((timed(lambda: emix.fit(x, 3)) for _ in range(5)), key=lambda run: run[0])
    return {
        "ours": max(ours, again), "theirs": theirs, "ratio": theirs / max(ours, again),
        "loglik": fit.loglik, "their_loglik": float(peer.score(x[:, None]) * len(x)),
        "gradient": fit.gradient, "points": fit.compression.points, "nats": fit.compression.nats,
    }


def six_steps(x: np.ndarray) -> None:
    steps = iterate(ArraySource.of(x), THREE, Model.parse(3, 1), None, available_threads())
    for _ in itertools.islice(steps, 6):
        pass


def resident() -> float:
    """The most memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def large(n: int, pairs: int) -> dict[str, float]:
    """A whole fit beside six steps, in turn: medians, and the median of the ratios."""
    x = overlapping(n)
    emix.fit(x[:1000], 2)
    before = resident()
    _, fit = timed(lambda: emix.fit(x, 3))
    memory = resident() - before
    times = [(timed(lambda: emix.fit(x, 3))[0], timed(lambda: six_steps(x))[0])
             for _ in range(pairs)]
    ours, six = np.array(times).T
    return {
        "rows": n, "fit": float(np.median(ours)), "six": float(np.median(six)),
        "ratio": float(np.median(ours / six)), "least": float((ours / six).min()),
        "most": float((ours / six).max()), "memory": memory, "data": x.nbytes / 1e6,
        "gradient": fit.gradient, "points": fit.compression.points, "nats": fit.compression.nats,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=1e8, help="of the large fit")
    parser.add_argument("--pairs", type=int, default=3, help="pairs of runs of the large fit")
    parser.add_argument("--json", help="write the numbers there as well")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.alone:
        print(json.dumps(large(int(arguments.rows), arguments.pairs)))
        return
    print(f"{available_threads()} processors, {instruction_set()}, numpy {np.__version__}")
    alone = subprocess.run(
        [sys.executable, __file__, "--alone", "--rows", str(arguments.rows),
         "--pairs", str(arguments.pairs)], capture_output=True, check=True, text=True)
    found = {"large": json.loads(alone.stdout)}
    row = found["large"]
    print(f"n = {row['rows']:.0e}: whole fit {row['fit']:.2f} s, six EM steps {row['six']:.2f} s: "
          f"{row['ratio']:.2f} of them ({row['least']:.2f}–{row['most']:.2f}; wanted: at most 1)")
    print(f"    memory beyond {row['data']:.0f} MB of data: {row['memory']:.0f} MB (wanted: 200); "
          f"gradient {row['gradient']:.0e}; {row['points']} points, {row['nats']:+.1e} nats")
    if importlib.util.find_spec("sklearn") is None:
        print("scikit-learn is not installed: left out")
    else:
        row = found["scikit-learn"] = beside_sklearn()
        print(f"n = 1e+06: whole fit {row['ours'] * 1e3:.1f} ms, scikit-learn {row['theirs']:.1f} "
              f"s: {row['ratio']:.0f} times as fast (wanted: 1000)")
        print(f"    log-likelihood {row['loglik']:.6f}, theirs {row['their_loglik']:.6f} "
              f"({row['loglik'] - row['their_loglik']:+.2e}); gradient {row['gradient']:.0e}; "
              f"{row['points']} points, {row['nats']:+.1e} nats")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
