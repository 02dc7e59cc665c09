"""emix beside whichever peers are installed: ratios within one run.

    python benchmarks/versus.py [--json FILE]

Rows of one column, of tables (rows n, columns d, components k), and of the machine itself: at
d = 64 the share of its own matrix product's rate (dgemm) that an EM step reaches, and the AVX-512
kernel beside the AVX2 one. Every row runs ours and theirs in turn, many times, and prints the
median of the ratios with the spread from the 10th to the 90th percentile: absolute times say little
on a shared machine. Peers that are not installed are named and left out. Same data, same
parameters at the start of a step.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

import emix
from emix.em import expect
from emix.kernels import available_threads, instruction_set
from emix.maximise import maximise
from emix.model import Model
from emix.sources.array import ArraySource


@dataclass
class Row:
    """One comparison: times in seconds (medians), and ratios theirs / ours."""

    what: str
    peer: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    wanted: float


def timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def compare(
    what: str, peer: str, ours: Callable[[], object], theirs: Callable[[], object], wanted: float,
    pairs: int, repeat: int = 1, their_repeat: int = 1,
) -> Row:
    """Pairs of runs in turn; several within a pair where one is too short to time alone."""
    ours(), theirs()
    times = []
    for _ in range(pairs):
        mine = timed(lambda: [ours() for _ in range(repeat)]) / repeat
        yours = timed(lambda: [theirs() for _ in range(their_repeat)]) / their_repeat
        times.append((mine, yours))
    a, b = np.array(times).T
    ratios = b / a
    low, high = np.percentile(ratios, [10, 90])
    return Row(what, peer, float(np.median(a)), float(np.median(b)), float(np.median(ratios)),
               float(low), float(high), wanted)


def overlapping(n: int) -> np.ndarray:
    """Three overlapping components: weights .5 .3 .2, means 0 2.2 6, sds 1 .6 1.5."""
    rng = np.random.default_rng(0)
    label = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return np.array([0, 2.2, 6])[label] + np.array([1, 0.6, 1.5])[label] * rng.normal(size=n)


def our_step(x: np.ndarray) -> Callable[[], object]:
    start = emix.Mixture.univariate([0.3, 0.3, 0.4], [-1.0, 2.0, 5.0], [1.0, 1.0, 1.0])
    model = Model.parse(3, 1)
    source, threads = ArraySource.of(x), available_threads()

    def step() -> object:
        statistics = expect(source, start, model, threads=threads)
        return maximise(statistics, start, model)

    return step


def against_sklearn(pairs: int) -> list[Row]:
    from sklearn.mixture import GaussianMixture

    x = overlapping(10**6)
    table = x[:, None]
    peer = GaussianMixture(
        3, max_iter=1, tol=0, means_init=[[-1.0], [2.0], [5.0]], weights_init=[0.3, 0.3, 0.4],
        precisions_init=np.ones((3, 1, 1)),
    ).fit(table[:1000])

    def their_step() -> None:
        _, log_responsibilities = peer._e_step(table)
        peer._m_step(table, log_responsibilities)

    rows = [compare("EM step, n = 1e6, k = 3, float64", "scikit-learn", our_step(x), their_step,
                    70, pairs, repeat=20)]
    waiting = emix.datasets.load("faithful")["waiting"]
    column = waiting[:, None]
    rows.append(compare(
        "fit(waiting, 2), default starts against their single one", "scikit-learn",
        lambda: emix.fit(waiting, 2), lambda: GaussianMixture(2).fit(column), 20, pairs,
        repeat=20, their_repeat=20,
    ))
    return rows


def against_pomegranate(pairs: int) -> list[Row]:
    import torch
    from pomegranate.distributions import Normal
    from pomegranate.gmm import GeneralMixtureModel

    torch.set_num_threads(available_threads())
    x = overlapping(10**6).astype(np.float32)
    tensor = torch.tensor(x[:, None])
    peer = GeneralMixtureModel(
        [Normal([m], [[1.0]], covariance_type="full") for m in (-1.0, 2.0, 5.0)]
    )

    def their_step() -> None:
        peer.summarize(tensor)
        peer.from_summaries()

    return [compare("EM step, n = 1e6, k = 3, float32", "pomegranate", our_step(x), their_step,
                    12, pairs, repeat=20)]


def import_time(pairs: int) -> Row:
    """`import emix` beside `import numpy`, each in a fresh interpreter; the ratio is numpy / emix,
    so that it, too, is better when larger."""
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"

    def seconds(module: str) -> float:
        command = [sys.executable, "-c", code.format(module)]
        return float(subprocess.run(command, capture_output=True, check=True).stdout)

    seconds("emix"), seconds("numpy")
    times = np.array([(seconds("emix"), seconds("numpy")) for _ in range(max(pairs, 15))])
    a, b = times.T
    low, high = np.percentile(b / a, [10, 90])
    return Row("import emix", "import numpy", float(np.median(a)), float(np.median(b)),
               float(np.median(b / a)), float(low), float(high), 0.5)


def machine() -> str:
    return (f"{platform.machine()}, {available_threads()} processors, {instruction_set()}, "
            f"Python {platform.python_version()}, numpy {np.__version__}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the rows there as well")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs per row")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    # Here, for tables.py takes `compare` from this file.
    sys.modules.setdefault("versus", sys.modules[__name__])
    import tables

    rows = [import_time(arguments.pairs)]
    missing = []
    for package, runs in (("sklearn", (against_sklearn, tables.against_sklearn)),
                          ("pomegranate", (against_pomegranate, tables.against_pomegranate))):
        if importlib.util.find_spec(package) is None:
            missing.append(package)
        else:
            for run in runs:
                rows += run(arguments.pairs)
    rows += tables.against_the_machine(arguments.pairs)
    print(machine())
    print(f"{'':58}{'peer':14}{'ours':>11}{'theirs':>11}{'ratio':>8}{'10%–90%':>16}{'wanted':>8}")
    for row in rows:
        spread = f"{row.low:.3g}–{row.high:.3g}"
        print(f"{row.what:58}{row.peer:14}{row.ours * 1e3:>8.3f} ms{row.theirs * 1e3:>8.2f} ms"
              f"{row.ratio:>8.3g}{spread:>16}{row.wanted:>8g}")
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"machine": machine(), "rows": [asdict(row) for row in rows]}, file, indent=1)


if __name__ == "__main__":
    main()
