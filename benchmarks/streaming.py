"""Rows that are not in memory: what a pass costs beside a bare scan, and that the bits are equal.

    python benchmarks/streaming.py [--rows 100000000] [--table-rows 20000000] [--folder DIR]
                                   [--json FILE]

- One column of `--rows` draws from three normals in Parquet, uncompressed, row groups of a million:
  a pass that makes an E-step of three components, in turn with a scan by Arrow of the same column
  (`pyarrow.dataset`, its defaults), in one process; the ratio of rows per second is the median of
  the pairs. Then a whole fit in a process of its own, with its peak memory.
- Four columns of `--table-rows` as an array, a mapped array, a folder of Parquet, CSV and a stream
  of polars: the same fit of each, from a start nearby, how long a pass takes, and how far
  parameters are from the array's.

Files are made in `--folder` (a temporary one), as large as the data, and removed again. Timings
mean little where others use the machine; ratios of pairs mean more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

import emix
from emix.em import Expect
from emix.kernels import available_threads
from emix.sources.array import ArraySource
from emix.sources.files import open_files
from emix.sources.opening import open_rows
from emix.sources.protocol import Source

GROUP = 1_000_000
PAIRS = 5
COLUMN = emix.Mixture.univariate([0.5, 0.3, 0.2], [0.0, 4.0, 9.0], [1.0, 0.5, 2.0])
TABLE = emix.Mixture([0.5, 0.3, 0.2], [[0, 0, 0, 0], [3, 1, 0, -1], [-2, 4, 1, 1]],
                     [np.eye(4), 0.5 * np.eye(4) + 0.3, 2 * np.eye(4) - 0.4])


NEARBY = emix.Mixture(np.ones(3) / 3, TABLE.means + 0.3, [1.5 * np.eye(4)] * 3)


def column_file(path: Path, n: int) -> None:
    with pq.ParquetWriter(path, pa.schema([("x", pa.float64())]), compression="none",
                          use_dictionary=False) as writer:
        for start in range(0, n, GROUP):
            x, _ = COLUMN.sample(min(GROUP, n - start), seed=start // GROUP)
            writer.write_table(pa.table({"x": x}))


def scan(path: Path) -> int:
    return sum(batch.num_rows for batch in ds.dataset(path).to_batches(columns=["x"]))


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def passes(path: Path) -> dict[str, float]:
    """Rows per second of a scan and of a pass, in turn, and their ratio."""
    source = open_files(path, threads=available_threads())
    expect = Expect(COLUMN, "full", None, available_threads())
    scans, steps = [], []
    for _ in range(PAIRS):
        scans.append(source.n_rows / seconds(lambda: scan(path)))
        steps.append(source.n_rows / seconds(lambda: source.reduce(expect, expect.zero)))
    ratio = statistics.median(b / a for a, b in zip(scans, steps, strict=True))
    return {"scan": statistics.median(scans), "pass": statistics.median(steps), "ratio": ratio}


class Counting:
    """A source that counts its passes."""

    def __init__(self, source: Source) -> None:
        self.source, self.passes, self.seconds = source, 0, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def reduce(self, map_block: Any, zero: Any) -> Any:
        self.passes += 1
        began = time.perf_counter()
        try:
            return self.source.reduce(map_block, zero)
        finally:
            self.seconds += time.perf_counter() - began


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fit_column(path: Path) -> dict[str, Any]:
    """One fit, in this process alone."""
    before = peak_mib()
    source = Counting(open_files(path, threads=available_threads()))
    began = time.perf_counter()
    fit = emix.fit(source, 3)
    took = time.perf_counter() - began
    return {"n": fit.n, "seconds": took, "passes": source.passes, "peak MiB": peak_mib(),
            "MiB before": before, "converged": fit.converged,
            "means": fit.mixture.means[:, 0].tolist(), "loglik": fit.loglik}


def alone(what: str, path: Path) -> dict[str, Any]:
    """In a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--do", what, str(path)], check=True,
                          capture_output=True, text=True)
    return dict(json.loads(done.stdout))


# --- the same rows in every form


def forms(x: np.ndarray, folder: Path) -> Iterator[tuple[str, Source]]:
    import polars
    import pyarrow.csv

    names = list("abcd")
    yield "array", ArraySource.of(x, None, tuple(names))
    np.save(folder / "x.npy", x)
    yield "mapped array", open_rows(folder / "x.npy")[0]
    (folder / "parquet").mkdir()
    for start in range(0, len(x), 4 * GROUP):
        part = pa.table(dict(zip(names, x[start:start + 4 * GROUP].T, strict=True)))
        pq.write_table(part, folder / f"parquet/{start:012}.parquet", row_group_size=GROUP,
                       compression="none", use_dictionary=False)
    yield "Parquet folder", open_files(folder / "parquet", threads=available_threads())
    yield "polars stream", open_rows(polars.scan_parquet(folder / "parquet/*.parquet"))[0]
    shutil.rmtree(folder / "parquet")
    schema = pa.schema([(name, pa.float64()) for name in names])
    with pyarrow.csv.CSVWriter(folder / "x.csv", schema) as w:
        for start in range(0, len(x), GROUP):
            w.write(pa.table(dict(zip(names, x[start:start + GROUP].T, strict=True))))
    yield "CSV", open_files(folder / "x.csv")


def table(n: int, folder: Path) -> list[dict[str, Any]]:
    x, _ = TABLE.sample(n, seed=1)
    rows: list[dict[str, Any]] = []
    first: emix.Fit | None = None
    for name, source in forms(x, folder):
        counting = Counting(source)
        began = time.perf_counter()
        found = emix.fit(source if isinstance(source, ArraySource) else counting, 3, start=NEARBY)
        took = time.perf_counter() - began
        first = first or found
        apart = max(float(abs(a - b).max()) for a, b in (
            (found.mixture.weights, first.mixture.weights),
            (found.mixture.means, first.mixture.means),
            (found.mixture.covariances, first.mixture.covariances)))
        expect = Expect(found.mixture, "full", None, available_threads())
        step = seconds(lambda s=source, e=expect: s.reduce(e, e.zero))
        rows.append({"form": name, "bits equal": found.mixture == first.mixture, "apart": apart,
                     "loglik": found.loglik, "seconds": took, "passes": counting.passes or None,
                     "rows per second": n / step})
        print(f"{name:>16}: bits equal {found.mixture == first.mixture}, apart {apart:.1e}, "
              f"{took:.1f} s, a pass {n / step / 1e6:.1f} M rows/s", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--table-rows", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--do", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.do is not None:
        what, path = asked.do
        print(json.dumps({"passes": passes, "fit": fit_column}[what](Path(path))))
        return
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    told: dict[str, Any] = {"threads": available_threads(), "cpus": os.cpu_count()}
    try:
        if asked.rows:
            path = folder / "x.parquet"
            column_file(path, asked.rows)
            told["bytes"] = path.stat().st_size
            told["column"] = alone("passes", path)
            print({key: f"{value:.3g}" for key, value in told["column"].items()}, flush=True)
            told["fit"] = alone("fit", path)
            print(told["fit"], flush=True)
            path.unlink()
        if asked.table_rows:
            told["table"] = table(asked.table_rows, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if asked.json is not None:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
