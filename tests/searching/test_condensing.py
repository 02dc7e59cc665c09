"""A long column in a few points: the same fit as over all rows, or word that it was not done."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import emix
from emix import DirichletPrior, Mixture, NormalPrior, Outcome
from emix.arrays import Block, Units
from emix.climbing.climb import Climb, Stop
from emix.compression import Compression, Surrogate
from emix.compression.bins import Bins
from emix.compression.thinning import thinned
from emix.initialise import SortedColumn
from emix.kernels import NATIVE
from emix.model import FLOOR, Model
from emix.searching import finding
from emix.searching.candidates import Candidate
from emix.searching.condensing import Condensed, condensed, joined
from emix.sources.array import ArraySource

NAN = np.nan
N = 30_000
THREE = Mixture.univariate([0.5, 0.3, 0.2], [0.0, 2.2, 6.0], [1.0, 0.6, 1.5])
POOR = Mixture.univariate([0.4, 0.3, 0.3], [-0.5, 2.0, 5.0], [1.2, 1.0, 1.2])
needs_native = pytest.mark.skipif(NATIVE is None, reason="steps over all rows are slow in NumPy")


def sample(seed: int = 0, n: int = N) -> np.ndarray:
    return THREE.sample(n, seed)[0].reshape(-1)


def with_outliers(rng) -> np.ndarray:
    far = rng.standard_cauchy(30) * 10 ** rng.uniform(0, 12, 30)
    return np.concatenate([sample(n=N - 30), far])


def with_spike(rng) -> np.ndarray:
    return np.concatenate([sample(n=N * 4 // 5), 1 + 1e-6 * rng.standard_normal(N // 5)])


# Data that compression could get wrong, and what is fitted to it.
STRESS = {
    "overlapping": (lambda rng: sample(), 3, {}),
    # Beside 1e12 rounding alone makes a gradient, and whether it is small is chance.
    "outliers over 12 decades": (with_outliers, 3, {"max_iter": 200}),
    "Cauchy": (lambda rng: rng.standard_cauchy(N), 3, {}),
    "a spike of width 1e-6 beside width 1": (with_spike, 3, {}),
    "ties": (lambda rng: np.round(sample(), 1), 3, {}),
    "half zeros": (lambda rng: np.where(rng.random(N) < 0.5, 0.0, sample()), 2, {"sds": 0.5}),
    "integers": (lambda rng: np.round(50 * sample()), 3, {}),
    "an offset of 1e8": (lambda rng: sample() + 1e8, 3, {}),
    "tiny units": (lambda rng: sample() * 1e-150, 3, {}),
    "float32": (lambda rng: sample().astype(np.float32), 3, {}),
    "weights over 9 decades": (
        lambda rng: sample(), 3,
        {"sample_weight": 10 ** np.random.default_rng(1).uniform(-4.5, 4.5, N)},
    ),
    "one sd": (lambda rng: sample(), 3, {"covariance": "E"}),
    "held": (lambda rng: sample(), 3, {"means": [0.0, NAN, NAN], "weights": "equal"}),
    "narrow and held": (lambda rng: sample(), 2, {"sds": [0.01, NAN]}),
    "priors": (lambda rng: sample(), 3,
               {"prior": [NormalPrior(1, 0.001), DirichletPrior(500.0)]}),
    "conjugate prior": (lambda rng: sample(), 3, {"prior": "conjugate"}),
    "no rows twice alike": (lambda rng: np.exp(2 * rng.standard_normal(N)), 3, {}),
}


def quietly(*args, **kwargs) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.fit(*args, **kwargs)


def uncompressed(monkeypatch, *args, **kwargs) -> emix.Fit:
    with monkeypatch.context() as patch:
        patch.setattr("emix.searching.whole.condensed",
                      lambda *_: Compression.declined("told to"))
        return quietly(*args, **kwargs)


@needs_native
@pytest.mark.parametrize("name", STRESS)
def test_the_loglik_is_that_of_the_fit_without(monkeypatch, name):
    make, k, arguments = STRESS[name]
    x = make(np.random.default_rng(0))
    # From where it converges soon, and where the search would take long.
    if name not in ("overlapping", "priors", "one sd", "held", "integers"):
        arguments = {**arguments, "start": quietly(x, k, **arguments, n_starts=2).mixture}
    found = quietly(x, k, **arguments)
    without = uncompressed(monkeypatch, x, k, **arguments)
    assert found.objective == pytest.approx(without.objective, rel=1e-9)
    assert found.compression.used
    assert (found.converged and without.converged) or "max_iter" in arguments
    weights = arguments.get("sample_weight", np.ones(N))
    assert found.loglik == pytest.approx(weights @ found.mixture.logpdf(x), rel=1e-11)
    assert abs(found.compression.nats) <= 1e-9 * abs(found.loglik)
    assert without.compression.describe() == "not compressed: told to"


def test_what_it_cost_is_in_the_fit_and_in_the_report():
    x = sample()
    found = emix.fit(x, 3, start=POOR)
    used = found.compression
    assert 100 < used.points < N / 4 and used.passes == 1 and used.reason == ""
    assert abs(used.nats) < 1e-6
    assert found.converged and found.gradient <= 1e-10
    line = [line for line in str(found).splitlines() if "weighted points" in line]
    assert line == [used.describe()]
    assert f"climbed on {used.points} weighted points" in line[0]
    assert found.to_dict()["compression"] == {
        "used": True, "points": used.points, "width": used.width, "passes": 1, "nats": used.nats,
        "reason": ""}
    # The trace is of one climb: it meets the log-likelihood of the data, and never falls.
    assert len(found.trace) == found.n_iter + 1
    assert found.trace[-1] == pytest.approx(found.loglik, rel=1e-13)
    assert (np.diff(found.trace) > -1e-8).all()


@pytest.mark.parametrize(("arguments", "why"), [
    ({"tol": 0, "max_iter": 12}, "tol=0 asks for steps over all rows"),
    ({"max_iter": 3}, "max_iter=3 steps are as soon made on all rows"),
])
def test_where_it_declines_it_says_so(arguments, why):
    found = quietly(sample(), 3, start=POOR, **arguments)
    assert not found.compression.used and why in found.compression.reason
    assert found.compression.describe() in str(found)
    assert found.to_dict()["compression"]["points"] == 0
    assert found.n_iter <= arguments.get("max_iter", 20_000)


@needs_native
def test_points_that_are_not_much_fewer_than_the_rows_are_declined():
    truth = Mixture.univariate(np.full(32, 1 / 32), np.arange(32) * 20.0, np.ones(32))
    x = truth.sample(16_400, 0)[0]
    found = quietly(x, 32, start=truth)
    assert not found.compression.used and found.compression.passes == 1
    assert "points would stand for 16400 rows" in found.compression.reason


@pytest.mark.parametrize(("x", "k"), [
    (sample(n=2000), 3), (sample(), 1), (np.stack([sample(), sample(1)], axis=1), 1),
])
def test_where_there_is_nothing_to_compress_nothing_is_said(x, k):
    found = quietly(x, k, n_starts=1)
    assert found.compression is None and "compress" not in str(found)
    assert found.to_dict()["compression"] is None


def test_the_same_bits_whatever_the_threads():
    x = with_spike(np.random.default_rng(0))
    start = Mixture.univariate([0.4, 0.3, 0.3], [0.0, 1.0, 4.0], [1.0, 1e-5, 2.0])
    one, two = (emix.fit(x, 3, start=start, threads=threads) for threads in (1, 2))
    assert one.compression.used and one.compression == two.compression
    assert one.mixture == two.mixture and one.loglik == two.loglik
    assert one.trace.tolist() == two.trace.tolist()


def test_a_component_that_narrows_gets_narrower_bins():
    x = with_spike(np.random.default_rng(0))
    found = quietly(x, 2, start=Mixture.univariate([0.3, 0.7], [1.0, 3.0], [0.1, 1.0]))
    assert found.compression.used and found.compression.passes > 1
    assert found.compression.width < 1e-6 / 16
    assert found.mixture.sds.min() == pytest.approx(1e-6, rel=0.05)
    assert found.gradient <= 1e-10


def climbed(x: np.ndarray, start: Mixture, stop: Stop, **arguments) -> Condensed | Compression:
    model = Model.parse(start.n_components, 1, **arguments).inward(Units.identity(1), FLOOR)
    return condensed(ArraySource.of(x), [start], model, Units.identity(1), stop)


def test_climbs_on_points_keep_to_the_steps_they_may_take():
    short = climbed(sample(), POOR, Stop(1e-10, 20))
    assert short.climbs[0].iterations == 20
    assert short.climbs[0].outcome is Outcome.NOT_CONVERGED
    ended = climbed(sample(), POOR, Stop(1e-10, 5000))
    assert ended.climbs[0].outcome is Outcome.CONVERGED and ended.climbs[0].gradient <= 5e-11


def test_a_range_too_wide_for_bins_declines():
    x = sample()
    x[0] = 1.5e308
    narrow = Mixture.univariate([0.5, 0.5], [0.0, 3.0], [1e-10, 1.0])
    refused = climbed(x, narrow, Stop(1e-10, 50))
    assert isinstance(refused, Compression) and "too wide for bins so narrow" in refused.reason


def test_climbs_joined_meet_where_they_join():
    first = Climb(POOR, -1.0, -10.0, 0.1, 2, Outcome.CONVERGED, np.array([-30.0, -20.0, -10.0]))
    second = Climb(THREE, -2.0, -11.0, 0.0, 1, Outcome.CONVERGED, np.array([-12.0, -11.0]))
    both = joined(first, second)
    assert both.trace.tolist() == [-32.0, -22.0, -12.0, -11.0]
    assert both.iterations == 3 and both.mixture is THREE and both.objective == -11.0


# The sample that is searched, in fewer points


def column(x: np.ndarray) -> SortedColumn:
    return SortedColumn.of(Block(x[:, None]), Units.identity(1))


@pytest.mark.parametrize("x", [
    sample(), with_outliers(np.random.default_rng(0)), np.concatenate([sample(), 1e6 + sample()]),
], ids=["smooth", "outliers", "far apart"])
def test_a_smooth_sample_is_thinned_however_wide_it_is(x):
    fewer, width = thinned(column(x), 3)
    assert len(fewer.points) <= 512
    assert width <= 0.25
    assert fewer.weight.sum() == pytest.approx(len(x))
    assert fewer.sd == pytest.approx(x.std(), rel=1e-9)
    assert (np.diff(fewer.points) > 0).all()


@pytest.mark.parametrize("x", [
    sample(n=1000), with_spike(np.random.default_rng(0))[N // 2:],
    np.where(np.arange(N) % 2, sample(), 3.0), np.exp(2 * sample()),
], ids=["few", "a spike", "zeros", "many scales"])
def test_a_sample_with_something_narrow_in_it_is_searched_as_it_is(x):
    assert thinned(column(x), 3) is None


@needs_native
def test_thinning_does_not_change_what_a_search_finds(monkeypatch):
    x = np.random.default_rng(3).laplace(size=N)
    found = emix.fit(x, 2)
    monkeypatch.setattr("emix.searching.finding.thinned", lambda *_: None)
    assert emix.fit(x, 2).loglik == pytest.approx(found.loglik, abs=1e-7)


def test_what_rests_on_the_floor_of_a_thinned_search_and_is_higher_is_looked_for(monkeypatch):
    searched = []
    real = finding.search

    def search(terrain, k, within, *rest):
        searched.append(within.floor)
        found = real(terrain, k, within, *rest)
        if within.floor == FLOOR:
            return found
        higher = replace(found[0].climb, objective=found[0].climb.objective + 1)
        return [*found, Candidate(higher, -np.inf)]

    monkeypatch.setattr(finding, "search", search)
    found = emix.fit(sample(n=20_000), 2, n_starts=2)
    assert len(searched) == 2 and searched[0] > 0.01 and searched[1] == FLOOR
    assert not found.degenerate


def test_points_foretell_when_bins_are_too_wide():
    x = sample()
    wide = Surrogate.of(Bins.of(x, None, 1), Units.identity(1))
    narrow = Surrogate.of(Bins.of(x, None, -6), Units.identity(1))
    assert wide.errors(THREE)[0].sum() > 1e-8 * N > narrow.errors(THREE)[0].sum()
