"""Kill checkpointed fits at random moments, and see that each goes on to the same bits.

    python tests/nightly/kills.py [KILLS] [SEED]

Each fit is run in a process of its own and killed (SIGKILL) after a random time, again and again,
until one of its resumptions ends; what it says must be, to the bit, what a fit says that was never
killed. Prints a line for each kind of fit.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import emix
from emix.searching import checkpoint, direct, finding

Problem = tuple[Any, int, dict[str, Any]]


def problems() -> dict[str, Problem]:
    """Fits of a second or so, of each kind of climb."""
    rng = np.random.default_rng(0)
    blobs = rng.normal(size=(3, 3))[rng.integers(0, 3, 40_000)] + rng.normal(size=(40_000, 3))
    heavy = rng.standard_t(3, size=12_000)
    wide = rng.standard_t(4, size=(6_000, 3))
    start = emix.Mixture([0.25] * 4, rng.normal(size=(4, 3)), [np.eye(3)] * 4)
    return {
        "40000 × 3, VVV, k = 3": (blobs, 3, {"max_iter": 60, "n_starts": 3}),
        "40000 × 3, VEV, k = 3": (blobs, 3, {"covariance": "VEV", "max_iter": 40, "n_starts": 3}),
        "12000 × 1, V, k = 5": (heavy, 5, {"n_starts": 4, "max_iter": 4_000}),
        "6000 × 3, VVV, k = 4, own start": (wide, 4, {"start": start, "max_iter": 1_500,
                                                      "tol": 0.0}),
        "100000 × 1, V, k = 3": (rng.standard_t(3, size=100_000), 3, {"max_iter": 300}),
    }


def digest(found: emix.Fit) -> bytes:
    """Of all that a fit says, to the bit."""
    said = [found.trace.tolist(), found.gradient, found.n_iter, found.outcome.value,
            [(o.loglik, o.objective, o.starts, o.outcome.value, o.mixture.to_dict())
             for o in found.optima]]
    return hashlib.sha256(json.dumps(said).encode()).digest()


def fitted(problem: Problem, path: Path | None) -> bytes:
    x, k, settings = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return digest(emix.fit(x, k, checkpoint=path, **settings))


def in_a_process(problem: Problem, path: Path, patience: float | None) -> bytes | None:
    """What a fit says; None for one killed after so many seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, fitted(problem, path))
        os._exit(0)
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], patience)
        if not ready:
            os.kill(child, signal.SIGKILL)
        said = os.read(reading, 64)
    finally:
        os.close(reading)
        os.waitpid(child, 0)
    return said or None


def main(kills: int, seed: int) -> int:
    # Written at every chance, so that kills hit writes as well.
    checkpoint.BETWEEN = checkpoint.SPARING = 0.0
    finding.SEARCH_ROWS = direct.SEARCH_ROWS = 4_096
    chance, wrong = random.Random(seed), 0
    every = problems()
    for number, (name, problem) in enumerate(every.items()):
        share = kills // len(every) + (number < kills % len(every))
        began = time.perf_counter()
        whole = fitted(problem, None)
        lasts = time.perf_counter() - began
        done = ended = differ = asides = 0
        while done < share:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "fit.json"
                said = None
                while said is None:
                    spare = done >= share
                    said = in_a_process(problem, path, None if spare else
                                        chance.uniform(0.0, 0.7 * lasts))
                    done += said is None
                    asides += len(list(Path(folder).iterdir())) - path.exists()
                ended += 1
                differ += said != whole
        wrong += differ
        print(f"{name:34} {lasts:5.2f} s  {done:4} kills, {ended:3} fits ended, {differ} differ, "
              f"{asides} killed while writing", flush=True)
    print(f"{'all bit-identical' if not wrong else f'{wrong} DIFFER'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(numbers + [200, 1][len(numbers):])))
