"""Certificates on every data set of one column, on random problems, and on a million rows.

    python benchmarks/certificates.py [--random N] [--rows N] [--prove SECONDS] [--json FILE]
                                      [SOURCE:COLUMN ...]

A SOURCE is a bundled data set or a CSV file. For each column and k = 1 … 6, σ is held at the
estimate of model E. A rival is the best log-likelihood that emix.fit finds with that σ held and k
to k + 3 components, or that of the certificate's own mixture: the bound must be above it. Random
problems are of 1 to 1000 rows with ties, outliers, weights and any σ. Prints how often the bound
was violated (never, or the program ends with 1), duality gaps in nats, and seconds: by the clock,
and of this process on the processor, which is what an idle machine takes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from typing import Any

import numpy as np

import emix
from emix.kernels import available_threads, instruction_set

BUNDLED = [("faithful", "waiting"), ("faithful", "eruptions"), ("galaxies", "velocity"),
           ("galaxies_fixed", "velocity"), ("acidity", ""), ("enzyme", ""),
           ("iris", "Sepal_Length"), ("iris", "Sepal_Width"), ("iris", "Petal_Length"),
           ("iris", "Petal_Width")]
PROVED = [("faithful", "waiting", 2), ("acidity", "", 2), ("galaxies", "velocity", 3)]


def column(source: str, name: str) -> Any:
    if emix.datasets.is_name(source):
        data = emix.datasets.load(source)
        return data[name or data.columns[0]]
    from emix.sources.opening import open_source

    return open_source(source, columns=name)[0].points[:, 0]


def rivals(x: Any, sd: float, ks: range, weight: Any = None, **search: Any) -> float:
    """The best log-likelihood found with σ held and any of the k."""
    best = -np.inf
    distinct = len(np.unique(x if weight is None else x[weight > 0]))
    for k in ks:
        if k <= distinct:
            best = max(best, emix.fit(x, k, sds=sd, sample_weight=weight, **search).loglik)
    return best


def checked(what: str, x: Any, fit: emix.Fit, rival: float, weight: Any = None) -> dict[str, Any]:
    start, worked = time.perf_counter(), time.process_time()
    found = emix.certify(x, fit, sample_weight=weight)
    seconds, processor = time.perf_counter() - start, time.process_time() - worked
    logs = found.npmle.logpdf(x)
    own = float(logs.sum() if weight is None else weight[weight > 0] @ logs[weight > 0])
    best = max(rival, own, fit.loglik)
    return {"what": what, "n": len(x), "bound": found.bound, "fit": fit.loglik, "rival": best,
            "violated": bool(best > found.bound), "gap": found.gap,
            "duality_gap": found.duality_gap, "atoms": found.npmle.n_components,
            "first_excluded": found.first_excluded, "seconds": seconds,
            "processor_seconds": processor}


def on_columns(columns: list[tuple[str, str]]) -> list[dict[str, Any]]:
    rows = []
    for source, name in columns:
        x = column(source, name)
        for k in range(1, 7):
            if k > len(np.unique(x)):
                continue
            fit = emix.fit(x, k, covariance="E")
            sd = float(fit.mixture.sds[0])
            rival = rivals(x, sd, range(k, k + 4), n_starts=4, max_iter=500)
            rows.append(checked(f"{source.rpartition('/')[2]} {name} k={k}", x, fit, rival))
            show(rows[-1])
    return rows


def problem(rng: np.random.Generator) -> tuple[Any, float, Any]:
    """Data, σ and weights of some random kind."""
    n = int(np.exp(rng.uniform(0, np.log(1000))))
    kind = rng.integers(6)
    k = int(rng.integers(1, 8))
    centres, spread = rng.normal(0, 5, k), rng.exponential(1.0, k) + 0.05
    which = rng.integers(0, k, n)
    x = centres[which] + spread[which] * rng.normal(size=n)
    if kind == 1:
        x = np.round(x)
    elif kind == 2:
        x = rng.standard_t(2, n)
    elif kind == 3:
        x = rng.uniform(0, 20, n)
    elif kind == 4:
        x = np.append(x[:-1], 40.0 + rng.exponential(50))
    elif kind == 5:
        x = rng.exponential(1.0, n)
    typical = float(np.std(x)) if n > 1 and np.std(x) > 0 else 1.0
    sd = typical * float(np.exp(rng.uniform(np.log(0.03), np.log(1.5))))
    scale, shift = 10.0 ** rng.integers(-6, 7), rng.normal() * 100
    weight = rng.exponential(1.0, n) * (rng.random(n) > 0.1) if rng.random() < 0.3 else None
    if weight is not None and not weight.any():
        weight = None
    return (x + shift) * scale, sd * scale, weight


def on_random(count: int, seed: int = 1) -> list[dict[str, Any]]:
    rows = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        x, sd, weight = problem(rng)
        fit = emix.fit(x, 1, sds=sd, sample_weight=weight)
        rival = rivals(x, sd, range(2, 9, 3), weight, n_starts=3, max_iter=300)
        rows.append(checked(f"random {number} σ={sd:.3g}", x, fit, rival, weight))
        if rows[-1]["violated"] or rows[-1]["duality_gap"] > 0.01 or rows[-1]["seconds"] > 1:
            show(rows[-1])
    return rows


def on_many(n: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    normal = np.concatenate([rng.normal(0, 1, 3 * n // 10), rng.normal(3, 0.7, n - 3 * n // 10)])
    tailed = rng.standard_t(5, n)
    rows = []
    for what, x, sd in (("two normals", normal, 0.8), ("two normals, σ a quarter", normal, 0.2),
                        ("t with 5 degrees", tailed, 0.8)):
        rows.append(checked(what, x, emix.fit(x, 1, sds=sd), -np.inf))
        show(rows[-1])
    return rows


def proofs(seconds: float) -> list[dict[str, Any]]:
    rows = []
    for source, name, k in PROVED:
        x = column(source, name)
        fit = emix.fit(x, k, covariance="E")
        proof = emix.certify(x, fit, prove_global=True, time_limit=seconds).global_proof
        assert proof is not None
        rows.append({"what": f"{source} {name} k={k}", **proof.to_dict()})
        print(f"{rows[-1]['what']:<34} proven {proof.proven!s:<5}  gap {proof.gap:.1e}  boxes "
              f"{proof.boxes}  {proof.seconds:.2f} s", flush=True)
    return rows


def show(row: dict[str, Any]) -> None:
    print(f"{row['what']:<34} n {row['n']:>7}  gap {row['gap']:>10.4f}  duality "
          f"{row['duality_gap']:.1e}  atoms {row['atoms']:>3}  {row['seconds']:.2f} s, processor "
          f"{row['processor_seconds']:.2f} s"
          f"{'  VIOLATED' if row['violated'] else ''}", flush=True)


def summed(title: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        names = ("duality_gap", "seconds", "processor_seconds")
        gaps, seconds, worked = ([row[name] for row in rows] for name in names)
        violated = sum(row["violated"] for row in rows)
        print(f"{title}: {len(rows)} certificates, {violated} violated; duality gap at most "
              f"{max(gaps):.1e}, above 0.01 in {sum(g > 0.01 for g in gaps)}; seconds median "
              f"{np.median(seconds):.3f}, at most {max(seconds):.2f}; on the processor median "
              f"{np.median(worked):.3f}, at most {max(worked):.2f}\n", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("columns", nargs="*", metavar="SOURCE:COLUMN")
    parser.add_argument("--random", type=int, default=500)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--prove", type=float, default=60.0)
    parser.add_argument("--json")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"emix {emix.__version__}, kernel {instruction_set()}, {available_threads()} threads\n")
    columns = [tuple(each.rsplit(":", 1)) for each in given.columns] or BUNDLED
    parts = {"columns": on_columns(columns)}
    summed("data sets", parts["columns"])
    parts["proofs"] = proofs(given.prove)
    print()
    parts["random"] = on_random(given.random)
    summed("random problems", parts["random"])
    parts["many"] = on_many(given.rows) if given.rows else []
    summed("many rows", parts["many"])
    if given.json:
        with open(given.json, "w") as file:
            json.dump(parts, file, indent=1)
    return int(any(row.get("violated") for part in parts.values() for row in part))


if __name__ == "__main__":
    sys.exit(main())
