"""emix.select beside R's Mclust: the same data in turn, in one run.

    python benchmarks/selection.py [--pairs N] [--threads N] [--json FILE] [DATASET ...]

A data set is one of those that emix has, or a CSV file of numbers (a column "label" is left out).
Both have a process that is warm: libraries are loaded and each data set has been through once
before the clock starts. R's own clock times Mclust(x) with its defaults, 14 structures × k = 1 … 9.
Needs Rscript with mclust; prints the median seconds, the median of the ratios theirs / ours with
their range, the two choices, and in how many cells of the table either has the smaller BIC by more
than 0.1 (mclust stops early, so that its BIC is some tenths too large even at the same optimum).
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import emix
from emix.kernels import available_threads, instruction_set

DATASETS = ("faithful", "iris", "diabetes", "thyroid", "banknote", "wine")
SLACK = 0.1

SERVER = """
suppressMessages(library(mclust))
input <- file("stdin", "r")
while (length(path <- readLines(input, n = 1)) > 0) {
  x <- as.matrix(read.csv(path, header = FALSE))
  clock <- proc.time()
  m <- Mclust(x, verbose = FALSE)
  seconds <- (proc.time() - clock)[["elapsed"]]
  b <- m$BIC
  cat(seconds, m$modelName, m$G, format(m$bic, digits = 12), "\\n")
  cat(colnames(b), "\\n")
  cat(rownames(b), "\\n")
  cat(format(as.numeric(b), digits = 12), "\\n")
  flush(stdout())
}
"""


@dataclass
class Row:
    """One data set: seconds (medians), ratios theirs / ours, choices, and cells of the table."""

    data: str
    n: int
    d: int
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    our_choice: str
    our_bic: float
    their_choice: str
    their_bic: float
    ours_smaller: int
    theirs_smaller: int
    ours_failed: int


class Mclust:
    """An R process that selects for whoever sends it a file of numbers."""

    def __init__(self) -> None:
        self._r = subprocess.Popen(
            ["Rscript", "--vanilla", "-e", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )

    def select(self, path: Path) -> tuple[float, str, int, float, dict[tuple[str, int], float]]:
        """Seconds, model, k, BIC with our sign, and BIC by model and k."""
        assert self._r.stdin is not None and self._r.stdout is not None
        print(path, file=self._r.stdin, flush=True)
        seconds, model, k, bic = self._r.stdout.readline().split()
        models, ks = self._r.stdout.readline().split(), self._r.stdout.readline().split()
        values = self._r.stdout.readline().split()
        # R's matrices lie column by column: structure by structure.
        cells = zip(itertools.product(models, map(int, ks)), values, strict=True)
        table = {cell: -float(value) for cell, value in cells if value != "NA"}
        return float(seconds), model, int(k), -float(bic), table


def numbers(name: str) -> np.ndarray:
    """A bundled data set, or a CSV file without its labels."""
    if name in emix.datasets.names():
        return emix.datasets.load(name).data
    with Path(name).open() as file:
        rows = list(csv.DictReader(file))
    columns = [column for column in rows[0] if column != "label"]
    return np.array([[float(row[column]) for column in columns] for row in rows])


def compare(name: str, mclust: Mclust, pairs: int, threads: int | None) -> Row:
    x = numbers(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        np.savetxt(path, x, delimiter=",", fmt="%.17g")
        times = []
        for pair in range(pairs + 1):
            begin = time.perf_counter()
            ours = emix.select(x, threads=threads)
            mine = time.perf_counter() - begin
            seconds, model, k, bic, table = mclust.select(path)
            if pair:
                times.append((mine, seconds))
    a, b = np.array(times).T
    both = [(row, table[row.covariance, row.k]) for row in ours.table
            if (row.covariance, row.k) in table]
    return Row(
        Path(name).stem, *x.shape, float(np.median(a)), float(np.median(b)),
        float(np.median(b / a)), float((b / a).min()), float((b / a).max()),
        f"{ours.best.covariance} {ours.best.k}", ours.best.bic, f"{model} {k}", bic,
        sum(row.bic < theirs - SLACK for row, theirs in both),
        sum(row.bic > theirs + SLACK for row, theirs in both),
        sum(row.failure is not None for row, _ in both),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=DATASETS)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed: nothing to compare with")
    mclust, rows = Mclust(), []
    print(f"emix {emix.__version__} ({instruction_set()}, "
          f"{given.threads or available_threads()} threads) beside Mclust, {given.pairs} pairs")
    print(f"{'data':>10} {'rows':>9}  {'ours':>7}  {'theirs':>7}  {'ratio':>15}  "
          f"{'ours':>6} {'BIC':>10}  {'theirs':>6} {'BIC':>10}  cells <  >  failed")
    for name in given.data:
        row = compare(name, mclust, given.pairs, given.threads)
        rows.append(asdict(row))
        print(f"{row.data:>10} {f'{row.n}×{row.d}':>9}  {row.ours:>6.3f}s  {row.theirs:>6.3f}s  "
              f"{row.ratio:>4.2f} {f'{row.low:.2f}–{row.high:.2f}':>10}  {row.our_choice:>6} "
              f"{row.our_bic:>10.3f}  {row.their_choice:>6} {row.their_bic:>10.3f}  "
              f"{row.ours_smaller:>7} {row.theirs_smaller:>2}  {row.ours_failed:>6}", flush=True)
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
