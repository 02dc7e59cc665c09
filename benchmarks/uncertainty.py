"""emix.uncertainty and emix.bootstrap_lrt beside R's mclust: the same data in turn, in one run.

    python benchmarks/uncertainty.py [--replicates N] [--pairs N] [--threads N]

Standard errors: MclustBootstrap(m, nboot, type) on mclust's fit, and emix.uncertainty on emix's, as
many replicates each; the largest and the smallest ratio ours / theirs of the standard errors of
means say how far they agree (the Monte-Carlo error of a ratio is 1/√n, 3% at 999). Likelihood
ratios: mclustBootstrapLRT(x, modelName, nboot, maxG) and emix.bootstrap_lrt(thorough=False), which
begins replicates as mclust does, and in the last column with thorough=True, which mclust has not.
mclust stops a refit when its log-likelihood changes by 1e-5 of itself; emix goes on to a small
gradient. Both processes are warm, fits are made before the clock starts (of a likelihood-ratio test
they are a part, on both sides), and R's own clock times R. Needs Rscript with mclust.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import emix
from emix.kernels import available_threads, instruction_set

METHODS = {"bs": "bootstrap", "pb": "parametric", "wlbs": "weighted"}
# (data set, columns, structure, k, kinds of bootstrap)
ERRORS = (
    ("faithful", ["waiting"], "V", 2, ("bs", "pb", "wlbs")),
    ("faithful", ["eruptions"], "V", 2, ("bs", "pb", "wlbs")),
    ("faithful", ["eruptions", "waiting"], "VVV", 2, ("bs", "pb")),
    ("iris", [], "VEV", 2, ("bs", "pb")),
)
# (data set, columns, structure, largest k tested)
RATIOS = (
    ("faithful", ["waiting"], "E", 2),
    ("faithful", ["waiting"], "V", 2),
    ("faithful", ["eruptions", "waiting"], "EEE", 2),
    ("iris", [], "VEV", 2),
)

SERVER = """
suppressMessages(library(mclust))
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  a <- strsplit(line, " ")[[1]]
  x <- as.matrix(read.csv(a[2], header = FALSE))
  if (ncol(x) == 1) x <- x[, 1]
  if (a[1] == "se") {
    m <- Mclust(x, G = as.integer(a[4]), modelNames = a[3], verbose = FALSE)
    clock <- proc.time()
    b <- MclustBootstrap(m, nboot = as.integer(a[5]), type = a[6], verbose = FALSE)
    seconds <- (proc.time() - clock)[["elapsed"]]
    s <- summary(b, what = "se")$mean
    cat(seconds, as.numeric(s), "\\n")
  } else {
    clock <- proc.time()
    # A level of almost 1, so that the sequence goes on to its end.
    t <- mclustBootstrapLRT(x, modelName = a[3], nboot = as.integer(a[5]),
                            level = 0.9999, maxG = as.integer(a[4]), verbose = FALSE)
    seconds <- (proc.time() - clock)[["elapsed"]]
    cat(seconds, t$p.value, "\\n")
  }
  flush(stdout())
}
"""


class Mclust:
    """R with mclust, started once."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            ["Rscript", "-e", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )

    def ask(self, *words: object) -> list[float]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit("R ended: is mclust installed?")
        return [float("nan") if a in ("NA", "NaN") else float(a) for a in answer]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=999)
    parser.add_argument("--pairs", type=int, default=3, help="times that both are run in turn")
    parser.add_argument("--threads", type=int, default=available_threads())
    arguments = parser.parse_args()
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not there")
    print(f"emix {emix.__version__} ({instruction_set()}, {arguments.threads} threads), "
          f"{arguments.replicates} replicates, medians of {arguments.pairs}")
    with tempfile.TemporaryDirectory() as folder:
        mclust = Mclust()
        errors(mclust, Path(folder), arguments)
        ratios(mclust, Path(folder), arguments)


def errors(mclust: Mclust, folder: Path, arguments: argparse.Namespace) -> None:
    print(f"\n{'standard errors':34} {'emix s':>8} {'mclust s':>9} {'ratio':>7}   se of means, "
          f"emix / mclust")
    for name, columns, covariance, k, kinds in ERRORS:
        x, path = written(name, columns, folder)
        fit = emix.fit(x, k, covariance=covariance)
        for kind in kinds:
            ours, theirs, apart = [], [], []
            for turn in range(arguments.pairs + 1):
                clock = time.perf_counter()
                found = emix.uncertainty(x, fit, METHODS[kind], seed=turn,
                                         n_replicates=arguments.replicates,
                                         threads=arguments.threads)
                ours.append(time.perf_counter() - clock)
                seconds, *se = mclust.ask("se", path, covariance, k, arguments.replicates, kind)
                theirs.append(seconds)
                own = np.sort(found.means.ravel())
                apart.append(own / np.sort(np.abs(se)))
            report(f"{name} {'+'.join(columns) or 'all'} {covariance} {kind}", ours, theirs,
                   f"{np.min(apart[1:]):.3f} to {np.max(apart[1:]):.3f}")


def ratios(mclust: Mclust, folder: Path, arguments: argparse.Namespace) -> None:
    print(f"\n{'likelihood ratios':34} {'emix s':>8} {'mclust s':>9} {'ratio':>7}   p-values, "
          f"emix | mclust | thorough (s)")
    for name, columns, covariance, k in RATIOS:
        x, path = written(name, columns, folder)
        ours, theirs = [], []
        p_values: list[list[float]] = [[], [], []]
        for turn in range(arguments.pairs + 1):
            found, seconds = tested(x, covariance, k, turn, False, arguments)
            ours.append(seconds)
            p_values[0] = found
            seconds, *p_values[1] = mclust.ask("lrt", path, covariance, k, arguments.replicates)
            theirs.append(seconds)
        p_values[2], seconds = tested(x, covariance, k, 0, True, arguments)
        words = " | ".join(" ".join(f"{p:.3f}" for p in ps) for ps in p_values)
        report(f"{name} {'+'.join(columns) or 'all'} {covariance}", ours, theirs,
               f"{words} ({seconds:.2f})")


def tested(
    x: np.ndarray, covariance: str, k: int, seed: int, thorough: bool,
    arguments: argparse.Namespace,
) -> tuple[list[float], float]:
    clock = time.perf_counter()
    found = emix.bootstrap_lrt(
        x, range(1, k + 1), covariance, n_replicates=arguments.replicates, level=0.9999,
        thorough=thorough, seed=seed, threads=arguments.threads,
    )
    return [test.p_value for test in found.tests], time.perf_counter() - clock


def report(what: str, ours: list[float], theirs: list[float], words: str) -> None:
    """Medians, the first turn left out as a warm-up."""
    ratio = statistics.median(t / o for o, t in zip(ours[1:], theirs[1:], strict=True))
    print(f"{what:34} {statistics.median(ours[1:]):>8.3f} {statistics.median(theirs[1:]):>9.3f} "
          f"{ratio:>6.1f}×   {words}", flush=True)


def written(name: str, columns: list[str], folder: Path) -> tuple[np.ndarray, Path]:
    """The data, and a file of it for R."""
    table = emix.datasets.load(name)
    chosen = columns or list(table.columns)
    x = np.stack([table[column] for column in chosen], axis=1)
    path = folder / f"{name}-{len(chosen)}-{chosen[0]}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(x.tolist())
    return x, path


if __name__ == "__main__":
    main()
