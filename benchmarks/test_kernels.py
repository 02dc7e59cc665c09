"""Microbenchmarks of the kernels' verbs, native and portable.

    pip install -e '.[bench]' && pytest benchmarks/test_kernels.py

Not a part of the tests: `pytest` alone collects `tests/`. `--benchmark-autosave` and
`--benchmark-compare` hold one commit beside another.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import emix
from emix.arrays import Block, Units
from emix.kernels import NATIVE, PORTABLE, available_threads
from emix.moments import moments_of
from emix.sources.array import ArraySource

KERNELS = {"native": NATIVE, "portable": PORTABLE}
# rows, columns, components
SHAPES = ((100_000, 1, 3), (100_000, 2, 5), (20_000, 16, 16))


@pytest.fixture(params=[name for name, kernel in KERNELS.items() if kernel is not None])
def kernel(request):
    return KERNELS[request.param]


@pytest.fixture(params=SHAPES, ids=lambda shape: "n{}-d{}-k{}".format(*shape))
def problem(request) -> tuple[NDArray[np.float64], emix.Mixture]:
    n, d, k = request.param
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    means = x[rng.choice(n, k, replace=False)]
    return x, emix.Mixture(np.full(k, 1 / k), means, np.repeat(np.eye(d)[None], k, axis=0))


def test_expect(benchmark, kernel, problem):
    x, mixture = problem
    form = "spherical" if x.shape[1] == 1 else "full"
    units = Units.identity(x.shape[1])
    benchmark(kernel.expect, mixture, Block(x, None), form, units, available_threads())


@pytest.mark.parametrize("verb", ["log_density", "responsibilities", "labels"])
def test_scores(benchmark, kernel, problem, verb):
    x, mixture = problem
    benchmark(getattr(kernel, verb), mixture, x)


def test_classification(benchmark, kernel, problem):
    x, mixture = problem
    benchmark(kernel.classification, mixture, Block(x, None), available_threads())


def test_moments(benchmark, problem):
    x, _ = problem
    benchmark(moments_of, ArraySource.of(x), available_threads())


@pytest.mark.parametrize("n", [200, 2_000, 16_000])
def test_fit_of_one_column(benchmark, n):
    x = np.random.default_rng(0).normal(size=n) + 4 * (np.arange(n) % 2)
    benchmark(emix.fit, x, 2)


def test_fit_many(benchmark):
    groups = np.random.default_rng(0).normal(size=(1000, 200)) + 4 * (np.arange(200) % 2)
    benchmark(emix.fit_many, groups, 2)
