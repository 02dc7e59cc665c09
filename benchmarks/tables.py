"""EM steps on tables, beside scikit-learn's and pomegranate's, and beside the machine's dgemm.

Run by versus.py; the shapes are those in which small and large numbers of columns, and full and
diagonal covariances, each have to be fast.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
from versus import Row, compare, timed

import emix
from emix.em import expect
from emix.kernels import available_threads
from emix.maximise import maximise
from emix.model import Model
from emix.sources.array import ArraySource

# n, d, k, covariance, ratios wanted of scikit-learn and of pomegranate in float32 (None: not run).
SHAPES = (
    (1_000_000, 2, 5, "full", 50, 8),
    (200_000, 16, 16, "full", 50, 8),
    (50_000, 64, 32, "full", 6, 8),
    (100_000, 64, 64, "diag", 20, None),
)


def clusters(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, d) around k centres (k, d), each cluster turned and stretched its own way."""
    rng = np.random.default_rng(0)
    means, labels = rng.normal(size=(k, d)) * 4, rng.integers(0, k, n)
    x = np.empty((n, d))
    for j in range(k):
        mine = labels == j
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0] * rng.uniform(0.5, 1.5, d)
        x[mine] = means[j] + rng.normal(size=(int(mine.sum()), d)) @ turn
    return x, means + 0.3 * rng.normal(size=(k, d))


def our_step(x: np.ndarray, means: np.ndarray, covariance: str) -> Callable[[], object]:
    k, d = means.shape
    model = Model.parse(k, d, covariance)
    start = emix.Mixture(np.full(k, 1 / k), means, np.repeat(np.eye(d)[None], k, axis=0))
    start = model.conforming(start)
    source, threads = ArraySource.of(x), available_threads()

    def step() -> object:
        return maximise(expect(source, start, model, threads=threads), start, model)

    return step


def sklearn_step(x: np.ndarray, means: np.ndarray, covariance: str) -> Callable[[], object]:
    from sklearn.mixture import GaussianMixture

    k, d = means.shape
    unit = np.repeat(np.eye(d)[None], k, axis=0) if covariance == "full" else np.ones((k, d))
    peer = GaussianMixture(k, covariance_type=covariance, max_iter=1, tol=0, means_init=means,
                           weights_init=np.full(k, 1 / k), precisions_init=unit).fit(x[:2000])

    def step() -> None:
        _, log_responsibilities = peer._e_step(x)
        peer._m_step(x, log_responsibilities)

    return step


def pomegranate_step(x: np.ndarray, means: np.ndarray) -> Callable[[], object]:
    import torch
    from pomegranate.distributions import Normal
    from pomegranate.gmm import GeneralMixtureModel

    torch.set_num_threads(available_threads())
    d = means.shape[1]
    peer = GeneralMixtureModel([
        Normal(torch.tensor(m, dtype=torch.float32), torch.eye(d), covariance_type="full")
        for m in means
    ])
    tensor = torch.tensor(x, dtype=torch.float32)

    def step() -> None:
        peer.summarize(tensor)
        peer.from_summaries()

    return step


def _named(n: int, d: int, k: int, covariance: str, kind: str) -> str:
    return f"EM step, n = {n:g}, d = {d}, k = {k}, {covariance}, {kind}"


def against_sklearn(pairs: int) -> list[Row]:
    rows = []
    for n, d, k, covariance, wanted, _ in SHAPES:
        x, means = clusters(n, d, k)
        rows.append(compare(
            _named(n, d, k, covariance, "float64"), "scikit-learn", our_step(x, means, covariance),
            sklearn_step(x, means, covariance), wanted, max(pairs // 3, 3), repeat=3,
        ))
    return rows


def against_pomegranate(pairs: int) -> list[Row]:
    rows = []
    for n, d, k, covariance, _, wanted in SHAPES:
        if wanted is None:
            continue
        x, means = clusters(n, d, k)
        rows.append(compare(
            _named(n, d, k, covariance, "float32"), "pomegranate",
            our_step(x.astype(np.float32), means, covariance), pomegranate_step(x, means), wanted,
            max(pairs // 3, 3), repeat=3,
        ))
    return rows


def against_the_machine(pairs: int) -> list[Row]:
    """At d = 64: dgemm's time for as many operations as a step has at least, n k (d² + d²).

    Whitening by a triangle and scatter of a symmetric matrix each take half a matrix product,
    d² operations (a multiplication and an addition being two) per point and component.
    """
    n, d, k, *_ = SHAPES[2]
    x, means = clusters(n, d, k)
    a = np.random.default_rng(0).normal(size=(2048, 2048))
    share = n * k * 2 * d * d / (2 * 2048**3)

    def product() -> object:
        return a @ a

    row = compare(f"EM step, d = {d}, full: share of dgemm's rate", "dgemm",
                  our_step(x, means, "full"), product, 0.7, max(pairs, 5), repeat=1)
    row.theirs, row.ratio = row.theirs * share, row.ratio * share
    row.low, row.high = row.low * share, row.high * share
    return [row, *_between_levels()]


def _between_levels() -> list[Row]:
    """The time of a step with AVX-512 over that with AVX2, each in a process of its own."""
    code = ("import sys; sys.path.insert(0, 'benchmarks'); import tables; "
            "print(*tables.step_times())")
    times = {}
    for level in ("x86-64-v4", "x86-64-v3"):
        runs = []
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                  env={**os.environ, "EMIX_INSTRUCTION_SET": level})
            if done.returncode:
                return []
            runs.append([float(t) for t in done.stdout.split()])
        times[level] = np.median(runs, axis=0)
    return [
        Row(f"EM step, d = {d}, {covariance}: AVX-512", "AVX2", float(a), float(b),
            float(a / b), float(a / b), float(a / b), 0.5)
        for (_, d, _, covariance, *_), a, b in
        zip(SHAPES, times["x86-64-v4"], times["x86-64-v3"], strict=True)
    ]


def step_times() -> list[float]:
    """The median time of a step at each shape, a fifth of its rows."""
    medians = []
    for n, d, k, covariance, *_ in SHAPES:
        x, means = clusters(n // 5, d, k)
        step = our_step(x, means, covariance)
        step()
        medians.append(float(np.median([timed(step) for _ in range(9)])))
    return medians
