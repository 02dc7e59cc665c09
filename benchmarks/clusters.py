"""EM on Dask and on Spark beside Spark's own GaussianMixture; what a step costs beyond its work.

    python benchmarks/clusters.py                        2·10⁶ × 4, k = 3, ten steps
    python benchmarks/clusters.py --rows 200000 --without-spark --json clusters.json

All in one run, on the same rows, from the same Parquet files, with as many steps: Spark's
GaussianMixture (local[2]; its data persisted by itself, as it does), our Spark path in the same
session, our Dask path on two workers. Seconds are those of a whole fit of so many EM steps, reading
the files and finding a start included, and of one further step. Spark's GaussianMixture starts from
means of a few random rows, and is given the best of several seeds; ours from a fit of 10,000 random
rows. Log-likelihoods are of the fitted mixtures on all rows, by one kernel.

The second table is the cost of a step beyond its work: a pass that asks the parts for nothing, on
1, 2 and 4 workers of this machine, for some numbers of parts; median and least of many passes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import emix
from emix import Mixture
from emix.em import Step, iterate
from emix.kernels import available_threads, instruction_set
from emix.model import Model
from emix.sources.opening import open_rows
from emix.sources.several import Several

D, K = 4, 3
SAMPLE = 10_000
NAMES = tuple("abcd")


def rows_of(n: int) -> np.ndarray:
    """Three clusters that overlap."""
    rng = np.random.default_rng(0)
    turns = rng.standard_normal((K, D, D)) * 0.3 + np.eye(D)
    means = np.array([[0.0] * D, [2.5] * D, [2.5, -2.5, 2.5, -2.5]])
    labels = rng.choice(K, n, p=[0.5, 0.3, 0.2])
    return means[labels] + np.einsum("nij,nj->ni", turns[labels], rng.standard_normal((n, D)))


def written(x: np.ndarray, folder: Path, parts: int) -> None:
    import pyarrow
    import pyarrow.parquet

    for number, part in enumerate(np.array_split(x, parts)):
        table = pyarrow.table(dict(zip(NAMES, part.T, strict=True)))
        pyarrow.parquet.write_table(table, folder / f"{number:04}.parquet")


@dataclass(frozen=True)
class Timed:
    """Seconds of a fit of so many steps, seconds of each further one, and what it found."""

    name: str
    whole: float
    step: float
    mixture: Mixture


def clocked(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def ours(name: str, opened: Callable[[], Any], steps: int) -> Timed:
    """EM from what a sample finds, reading included."""
    model = Model.parse(K, D, "full")

    def run() -> tuple[Step, list[float]]:
        source, _ = open_rows(opened(), None, list(NAMES))
        start = emix.fit(source.sample(SAMPLE, 0).points, K).mixture
        walk = iterate(source, start, model)
        passes, made = zip(*(clocked(lambda: next(walk)) for _ in range(steps + 1)), strict=True)
        return made[-1], list(passes)

    whole, (step, passes) = clocked(run)
    return Timed(name, whole, float(np.median(passes[2:])), step.mixture)


def spark_session(memory: str) -> Any:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false") \
        .config("spark.driver.host", "127.0.0.1").config("spark.driver.memory", memory) \
        .config("spark.log.level", "OFF").config("spark.ui.showConsoleProgress", "false") \
        .getOrCreate()
    return session


def sparks_own(session: Any, folder: Path, steps: int, seed: int) -> Timed:
    """GaussianMixture of Spark, for exactly so many iterations; a step is the difference of two
    fits, of so many and of one."""
    from pyspark.ml.clustering import GaussianMixture
    from pyspark.ml.feature import VectorAssembler

    table = session.read.parquet(str(folder))
    vectors = VectorAssembler(inputCols=list(NAMES), outputCol="features").transform(table)

    def fitted(most: int) -> Any:
        return GaussianMixture(k=K, maxIter=most, tol=0.0, seed=seed).fit(
            vectors.select("features"))

    fitted(1)
    one, _ = clocked(lambda: fitted(1))
    whole, model = clocked(lambda: fitted(steps))
    found = model.gaussians
    weights = np.array(model.weights)
    mixture = Mixture(weights / weights.sum(), [each.mean.toArray() for each in found],
                      [each.cov.toArray() for each in found])
    return Timed("Spark's GaussianMixture", whole, (whole - one) / (steps - 1), mixture)


def compared(n: int, steps: int, parts: int, seeds: int, with_spark: bool, memory: str) -> Any:
    x = rows_of(n)
    found: list[Timed] = []
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        written(x, folder, parts)
        if with_spark:
            session = spark_session(memory)
            # The first query of a session pays for its start.
            session.read.parquet(str(folder)).count()
            theirs = [sparks_own(session, folder, steps, seed) for seed in range(seeds)]
            best = max(theirs, key=lambda each: each.mixture.logpdf(x).sum())
            found.append(Timed(best.name, min(each.whole for each in theirs),
                               min(each.step for each in theirs), best.mixture))
            found.append(ours("emix on Spark", lambda: session.read.parquet(str(folder)), steps))
            session.stop()
        found.append(on_dask(folder, steps))
        found.append(ours("emix in memory", lambda: _named(x), steps))
    return [{
        "name": each.name, "seconds": each.whole, "step": each.step,
        "loglik": float(each.mixture.logpdf(x).sum()),
    } for each in found]


def _named(x: np.ndarray) -> Any:
    import polars

    return polars.DataFrame(dict(zip(NAMES, x.T, strict=True)))


def on_dask(folder: Path, steps: int) -> Timed:
    import dask.dataframe
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None,
                      silence_logs=50) as cluster, Client(cluster) as client:
        client.run(_warm)
        return ours("emix on Dask, 2 workers",
                    lambda: dask.dataframe.read_parquet(str(folder)), steps)


def _warm() -> None:
    """What is imported once in a worker's life."""
    import dask.dataframe  # noqa: F401

    import emix.sources.dask  # noqa: F401


@dataclass(frozen=True)
class Nothing:
    """A question that costs nothing to answer."""

    def __call__(self, block: object) -> Several[Any]:
        return Several(())


def overheads(workers: list[int], parts: list[int], passes: int) -> list[dict[str, float]]:
    import dask.array as da
    from distributed import Client, LocalCluster

    found = []
    for n_workers in workers:
        with LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None,
                          silence_logs=50) as cluster, Client(cluster) as client:
            client.run(_warm)
            for n_parts in parts:
                rows = np.zeros((100 * n_parts, D))
                source, _ = open_rows(da.from_array(rows, chunks=(100, D)))
                source.reduce(Nothing(), Several(()))
                times = [clocked(lambda: source.reduce(Nothing(), Several(())))[0]  # noqa: B023
                         for _ in range(passes)]
                found.append({"workers": n_workers, "parts": n_parts,
                              "median": float(np.median(times)), "least": min(times)})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--passes", type=int, default=30)
    parser.add_argument("--memory", default="6g", help="of Spark's Java")
    parser.add_argument("--without-spark", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    print(f"emix {emix.__version__}, kernel {instruction_set()}, {available_threads()} processors, "
          f"load {os.getloadavg()[0]:.1f}")
    print(f"{given.rows} × {D}, k = {K}, full covariances, {given.steps} steps, "
          f"{given.parts} files\n")
    fits = compared(given.rows, given.steps, given.parts, given.seeds, not given.without_spark,
                    given.memory)
    first = fits[0]
    print(f"{'':26}{'fit s':>9}{'×':>7}{'step ms':>10}{'×':>7}{'log-likelihood':>20}")
    for each in fits:
        print(f"{each['name']:26}{each['seconds']:9.2f}{first['seconds'] / each['seconds']:7.1f}"
              f"{1e3 * each['step']:10.1f}{first['step'] / each['step']:7.1f}"
              f"{each['loglik']:20.3f}")
    beyond = overheads([1, 2, 4], [1, 2, 4, 8, 16], given.passes)
    print(f"\n{'workers':>8}{'parts':>7}{'median ms':>11}{'least ms':>10}   of a pass beyond its "
          f"work")
    for each in beyond:
        print(f"{each['workers']:8}{each['parts']:7}{1e3 * each['median']:11.1f}"
              f"{1e3 * each['least']:10.1f}")
    if given.json is not None:
        given.json.write_text(json.dumps({"fits": fits, "overheads": beyond}, indent=1))


if __name__ == "__main__":
    main()
