"""Rows that are not in memory: what a pass costs beside a bare scan, and that the bits are equal.

    python benchmarks/streaming.py [--rows 100000000] [--table-rows 20000000] [--folder DIR]
                                   [--forms NAME ...] [--json FILE]

- One column of `--rows` draws from three normals in Parquet, uncompressed, row groups of a million:
  a pass that makes an E-step of three components, in turn with a scan by Arrow of the same column
  (`pyarrow.dataset`, its defaults), in one process; the ratio of rows per second is the median of
  the pairs. Then a whole fit in a process of its own, with its peak memory.
- Four columns of `--table-rows` as an array, a mapped array, a folder of Parquet, CSV, a stream of
  polars, on Dask with 1, 2 and 4 workers and on Spark, local[2]: the same fit of each, from a start
  nearby, how long a pass takes, and how far parameters are from the array's; on clusters the peak
  memory of all their processes together. `--forms` chooses some of them, the array beside them.

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
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
from emix.sources.protocol import Source, block_rows

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


NAMES = tuple("abcd")


@contextmanager
def array(x: np.ndarray, folder: Path) -> Iterator[Source]:
    yield ArraySource.of(x, None, NAMES)


@contextmanager
def mapped_array(x: np.ndarray, folder: Path) -> Iterator[Source]:
    yield open_rows(folder / "x.npy")[0]


@contextmanager
def parquet_folder(x: np.ndarray, folder: Path) -> Iterator[Source]:
    yield open_files(parquet_of(x, folder), threads=available_threads())


@contextmanager
def polars_stream(x: np.ndarray, folder: Path) -> Iterator[Source]:
    import polars

    yield open_rows(polars.scan_parquet(parquet_of(x, folder) / "*.parquet"))[0]


def parquet_of(x: np.ndarray, folder: Path) -> Path:
    made = folder / "parquet"
    made.mkdir(exist_ok=True)
    for start in range(0, len(x), 4 * GROUP):
        part = pa.table(dict(zip(NAMES, x[start:start + 4 * GROUP].T, strict=True)))
        pq.write_table(part, made / f"{start:012}.parquet", row_group_size=GROUP,
                       compression="none", use_dictionary=False)
    return made


@contextmanager
def csv(x: np.ndarray, folder: Path) -> Iterator[Source]:
    import pyarrow.csv

    schema = pa.schema([(name, pa.float64()) for name in NAMES])
    with pyarrow.csv.CSVWriter(folder / "x.csv", schema) as w:
        for start in range(0, len(x), GROUP):
            w.write(pa.table(dict(zip(NAMES, x[start:start + GROUP].T, strict=True))))
    yield open_files(folder / "x.csv")


@dataclass(frozen=True)
class Block:
    """The rows of one block of a mapped array, by its number: what a worker reads for itself."""

    path: Path

    def __call__(self, number: int) -> np.ndarray:
        size = block_rows(len(NAMES))
        return np.array(np.load(self.path, mmap_mode="r")[number * size:(number + 1) * size])

    def of_numbers(self, numbers: Iterator[Any]) -> Iterator[Any]:
        """The same in Spark's hands."""
        for number in (each for batch in numbers for each in batch.column(0).to_pylist()):
            for rows in np.array_split(self(number), 100):
                yield pa.RecordBatch.from_pydict(dict(zip(NAMES, rows.T, strict=True)))


def on_dask(n_workers: int) -> Form:
    @contextmanager
    def opened(x: np.ndarray, folder: Path) -> Iterator[Source]:
        import dask
        import dask.array
        from distributed import Client, LocalCluster

        size, read = block_rows(len(NAMES)), dask.delayed(Block(folder / "x.npy"))
        parts = [dask.array.from_delayed(read(start // size), x[start:start + size].shape, x.dtype)
                 for start in range(0, len(x), size)]
        with LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None,
                          silence_logs=50) as cluster, Client(cluster):
            yield open_rows(dask.array.concatenate(parts))[0]

    return opened


@contextmanager
def on_spark(x: np.ndarray, folder: Path) -> Iterator[Source]:
    from clusters import spark_session

    session = spark_session("3g")
    parts = -(-len(x) // block_rows(len(NAMES)))
    rows = session.range(0, parts, 1, parts).mapInArrow(
        Block(folder / "x.npy").of_numbers, ", ".join(f"{name} double" for name in NAMES))
    yield open_rows(rows)[0]
    session.stop()


Form = Callable[[np.ndarray, Path], AbstractContextManager[Source]]
FORMS: dict[str, Form] = {
    "array": array, "mapped array": mapped_array, "Parquet folder": parquet_folder,
    "polars stream": polars_stream, "CSV": csv, "Dask, 1 worker": on_dask(1),
    "Dask, 2 workers": on_dask(2), "Dask, 4 workers": on_dask(4), "Spark, local[2]": on_spark,
}


def peak_of_others() -> float:
    """MiB that the processes begun by this one have held at most, each at its worst."""
    told = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            said = dict(line.split(":", 1) for line in path.read_text().splitlines())
            told[int(said["Pid"])] = int(said["PPid"]), int(said.get("VmHWM", "0 kB").split()[0])
    mine = {os.getpid()}
    while more := {pid for pid, (parent, _) in told.items() if parent in mine} - mine:
        mine |= more
    return sum(told[pid][1] for pid in mine - {os.getpid()}) / 1024


def table(n: int, folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    x, _ = TABLE.sample(n, seed=1)
    np.save(folder / "x.npy", x)
    rows: list[dict[str, Any]] = []
    first: emix.Fit | None = None
    for name in FORMS:
        if name != "array" and name not in names:
            continue
        with FORMS[name](x, folder) as source:
            row, found = row_of(name, source, first)
        first = first or found
        rows.append(row)
        print(", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                        for key, value in row.items()), flush=True)
    return rows


def row_of(name: str, source: Source, first: emix.Fit | None) -> tuple[dict[str, Any], emix.Fit]:
    counting = Counting(source)
    began = time.perf_counter()
    found = emix.fit(source if isinstance(source, ArraySource) else counting, 3, start=NEARBY)
    took = time.perf_counter() - began
    wanted = (first or found).mixture
    apart = max(float(abs(a - b).max()) for a, b in (
        (found.mixture.weights, wanted.weights), (found.mixture.means, wanted.means),
        (found.mixture.covariances, wanted.covariances)))
    expect = Expect(found.mixture, "full", None, available_threads())
    step = seconds(lambda: source.reduce(expect, expect.zero))
    return {"form": name, "bits equal": found.mixture == wanted, "apart": apart,
            "loglik": found.loglik, "seconds": took, "passes": counting.passes or None,
            "rows per second": source.n_rows / step, "peak MiB": peak_of_others()}, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--table-rows", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS), metavar="NAME")
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
            told["table"] = table(asked.table_rows, folder, asked.forms)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if asked.json is not None:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
