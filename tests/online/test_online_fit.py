"""Learning from a stream: its laws, against batch EM, and what it says of itself."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import emix
from emix import DataError, Mixture, ParameterError
from emix.arrays import Units
from emix.covariance import STRUCTURES
from emix.em import expect
from emix.maximise import gradient
from emix.model import FLOOR, Model
from emix.online import Constant, Decay, Memory, OnlineFit, Update
from emix.sources.array import ArraySource

TRUTH = Mixture([0.3, 0.3, 0.4], [[0.0, 0.0], [4.0, 1.0], [1.0, 6.0]],
                [np.eye(2), [[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.6], [-0.6, 2.0]]])
X, LABELS = TRUTH.sample(3000, 1)
START = Mixture([0.2, 0.4, 0.4], [[0.5, 0.0], [3.0, 1.0], [1.0, 5.0]], [np.eye(2)] * 3)


def assert_close(found: Mixture, wanted: Mixture, atol: float = 1e-10) -> None:
    np.testing.assert_allclose(found.weights, wanted.weights, atol=atol)
    np.testing.assert_allclose(found.means, wanted.means, atol=atol)
    np.testing.assert_allclose(found.covariances, wanted.covariances, atol=atol)


def slope(mixture: Mixture, x: np.ndarray, covariance: str = "full") -> float:
    """The gradient of the log-likelihood per row, in internal units."""
    units = Units.of_spread(x.mean(axis=0), x.std(axis=0))
    model = Model.parse(mixture.n_components, x.shape[1], covariance).inward(units, FLOOR)
    inner = model.conforming(mixture.inward(units))
    found = expect(ArraySource.of(x), inner, model, units)
    return float(np.abs(gradient(found, inner, model)).max())


@pytest.mark.parametrize("covariance", [*STRUCTURES])
def test_a_rate_of_one_is_em_on_the_last_batch(covariance):
    """In every structure: what was before leaves no trace but the mixture it led to."""
    online = OnlineFit(3, covariance=covariance, start=START, schedule=Constant(1.0))
    batches = X[:1500].reshape(3, 500, 2)
    mixture = START
    for batch in batches:
        online.update(batch)
        steps = emix.steps(batch, mixture, covariance=covariance)
        next(steps)
        mixture = next(steps).mixture
    assert_close(online.mixture, mixture, 1e-9)
    assert online.rows == 500 and online.seen == 1500


@pytest.mark.parametrize("how", [
    {"prior": emix.ConjugatePrior(shrinkage=5.0, mean=[1.0, 2.0], scale=2.0)},
    {"prior": [emix.NormalPrior(1.0, 0.5), emix.DirichletPrior(20.0)]},
    {"covariances": [np.eye(2), np.full((2, 2), np.nan), np.eye(2) * 2]},
    {"weights": [0.2, np.nan, np.nan]},
], ids=["conjugate", "normal and Dirichlet", "covariances", "weights"])
def test_priors_and_held_values_are_those_of_em(how):
    """A prior weighs against the rows that are remembered, at a rate of one those of the batch."""
    online = OnlineFit(3, start=START, schedule=Constant(1.0), **how)
    for _ in range(2):
        online.update(X[:500])
    steps = emix.steps(X[:500], START, **how)
    *_, last = (step for _, step in zip(range(3), steps, strict=False))
    assert_close(online.mixture, last.mixture, 1e-9)


@pytest.mark.parametrize("how", [
    {}, {"covariance": "tied"}, {"weights": "equal"},
    {"means": [[0.0, 0.0], [np.nan, 1.0], [np.nan, np.nan]]},
], ids=["full", "tied", "equal", "held"])
def test_all_the_data_again_and_again_arrives_at_batch_ems_optimum(how):
    # Further apart, where EM is quick: at the rates of a stream it is many times slower.
    x = X[:600] + TRUTH.means[LABELS[:600]]
    start = Mixture(START.weights, 2 * START.means, START.covariances)
    online = OnlineFit(3, start=start, start_rows=10.0, schedule=Decay(0.51), averaged=False, **how)
    wanted = emix.fit(x, 3, start=start, **how).mixture
    for _ in range(300):
        online.update(x)
    assert_close(online.mixture.in_canonical_order(), wanted, 1e-5)
    if not how:
        assert slope(online.mixture, x) < 1e-6


def test_held_values_keep_their_bits():
    online = OnlineFit(2, sds=[0.5, np.nan], means=[np.nan, 3.3], first_rows=200)
    truth = Mixture.univariate([0.5, 0.5], [0.0, 3.3], [0.5, 1.0])
    for batch in truth.sample(2000)[0].reshape(20, 100):
        online.update(batch)
    found = online.mixture
    assert online.is_begun and 0.5 in found.sds and 3.3 in found.means


@pytest.mark.parametrize("sizes", [(100,) * 9, (50, 300, 7, 243, 300)])
def test_equal_weights_for_all_rows_however_they_were_divided(sizes):
    """At a mixture that does not move the running average is that of all rows."""
    still = {"means": START.means, "covariances": START.covariances}
    online = OnlineFit(3, start=START, schedule=Decay(1.0, 0.0), **still)
    ends = np.cumsum(sizes)
    for begin, end in zip(ends - sizes, ends, strict=True):
        online.update(X[begin:end])
    assert online.rows == pytest.approx(ends[-1])
    # Only weights are learned, from responsibilities at weights as they were.
    moving = START
    total = np.zeros(3)
    for begin, end in zip(ends - sizes, ends, strict=True):
        total += moving.responsibilities(X[begin:end]).sum(axis=0)
        moving = Mixture(total / total.sum(), START.means, START.covariances)
    np.testing.assert_allclose(online.mixture.weights, total / total.sum(), rtol=1e-12)


def test_a_weight_counts_as_repetition():
    times = np.arange(500) % 4
    alone, repeated = (OnlineFit(3, start=START, start_rows=100.0) for _ in range(2))
    for rows in (slice(0, 500), slice(500, 1000)):
        one = alone.update(X[rows], times.astype(float))
        other = repeated.update(np.repeat(X[rows], times, axis=0))
        assert one.rows == other.rows and one.rate == other.rate
        assert one.loglik == pytest.approx(other.loglik, rel=1e-12)
    assert_close(alone.mixture, repeated.mixture)


def test_a_batch_without_weight_changes_nothing():
    online = OnlineFit(3, start=START, start_rows=100.0)
    online.update(X[:100])
    before = online.mixture
    assert online.update(X[100:200], np.zeros(100)) == Update(0.0)
    assert online.mixture == before and online.seen == 200


def test_threads_do_not_change_a_bit():
    found = []
    for threads in (1, 2, 3):
        online = OnlineFit(3, threads=threads, first_rows=1000)
        for batch in X.reshape(10, 300, 2):
            online.update(batch)
        found.append(online.mixture)
    assert found[0] == found[1] == found[2]


def test_one_pass_comes_near_batch_em():
    """Half of what sampling alone is wrong by, d.f. / 2n nats per row, and nearer with passes."""
    best = emix.fit(X, 3)
    short = []
    online = OnlineFit(3, first_rows=600)
    for _ in range(3):
        for batch in X.reshape(30, 100, 2):
            online.update(batch)
        short.append(best.loglik / len(X) - online.mixture.logpdf(X).mean())
    assert 0 <= short[2] < short[1] < short[0] < 0.5 * best.df / (2 * len(X))


def test_an_average_over_steps_is_nearer():
    best = emix.fit(X, 3).loglik / len(X)
    short = {}
    for averaged in (False, True):
        online = OnlineFit(3, schedule=Decay(0.6), averaged=averaged, first_rows=600)
        for batch in np.tile(X, (3, 1)).reshape(90, 100, 2):
            online.update(batch)
        short[averaged] = best - online.mixture.logpdf(X).mean()
    assert short[True] < 0.5 * short[False]
    assert Decay(0.6).averages and not Decay(1.0).averages and not Constant(0.1).averages


def test_drift_is_followed_and_lag_is_as_long_as_memory():
    """Means move by one σ in 2000 rows: with a memory of 500 they lag by a quarter of a σ or so."""
    rng = np.random.default_rng(5)
    follows, settles = (OnlineFit(2, schedule=s, covariance="E", first_rows=500)
                        for s in (Memory(500.0), Decay(1.0)))
    for t in range(100):
        means = np.array([0.0, 6.0]) + t * 100 / 2000
        batch = means[rng.integers(0, 2, 100)] + rng.normal(size=100)
        late = follows.update(batch)
        settles.update(batch)
    lag = means - follows.mixture.means[:, 0]
    assert np.all((lag > 0.1) & (lag < 0.45))
    assert np.all(means - settles.mixture.means[:, 0] > 1.5)
    assert follows.recent_loglik > settles.recent_loglik + 0.1
    assert late.rate == pytest.approx(1 - np.exp(-0.2))
    # Rows that a memory is worth: 2 / γ − 1 batches.
    assert follows.rows == pytest.approx(100 * (2 / late.rate - 1), rel=1e-6)


def test_components_keep_their_names_when_they_cross():
    rng = np.random.default_rng(2)
    online = OnlineFit(2, schedule=Memory(300.0), first_rows=500)
    for t in range(120):
        means, labels = np.array([0.1 * t, 6.0]), rng.integers(0, 2, 100)
        online.update(np.column_stack([means[labels] + rng.normal(size=100),
                                       8.0 * labels + rng.normal(size=100)]))
    found = online.mixture.means
    assert found[0, 0] > found[1, 0] + 4 and abs(found[0, 1]) < 1 and abs(found[1, 1] - 8) < 1


def test_log_likelihood_is_of_rows_not_yet_seen():
    online = OnlineFit(3, start=START, start_rows=50.0)
    wanted = []
    for batch in X[:500].reshape(5, 100, 2):
        wanted.append(START.logpdf(batch).mean() if not wanted else
                      online._stream.mixture(False).logpdf(batch).mean())
        assert online.update(batch).loglik == pytest.approx(wanted[-1], rel=1e-10)
    assert online.recent_loglik == pytest.approx(np.mean(wanted), rel=1e-10)


def test_late_is_ten_thousand_rows():
    online = OnlineFit(3, start=START, start_rows=50.0)
    found = [online.update(X).loglik for _ in range(6)]
    assert online.recent_loglik == pytest.approx(np.mean(found[-4:]), rel=1e-12)


def test_first_rows_are_fitted_as_they_are():
    """While they are gathered the mixture is the fit of them, and no batch has a rate."""
    online = OnlineFit(3, first_rows=900)
    with pytest.raises(DataError, match="no rows have been seen"):
        online.mixture  # noqa: B018
    for end in (300, 600):
        update = online.update(X[end - 300:end])
        assert update == Update(300.0) and not online.is_begun
        assert_close(online.mixture, emix.fit(X[:end], 3).mixture, 1e-6)
    assert online.recent_loglik is None and online.seen == online.rows == 600
    online.update(X[600:900])
    assert online.is_begun
    assert_close(online.mixture, emix.fit(X[:900], 3).mixture, 1e-6)
    assert OnlineFit(3)._enough is None


def test_rows_for_each_parameter_are_gathered():
    online = OnlineFit(3)
    for batch in X[:600].reshape(12, 50, 2):
        online.update(batch)
        assert online.is_begun == (online.seen >= 500)


def test_a_component_that_runs_out_of_rows_is_told():
    online = OnlineFit(2, schedule=Memory(100.0), start_rows=1000.0, start=Mixture.univariate(
        [0.5, 0.5], [0.0, 50.0], [1.0, 1.0]))
    rows = np.random.default_rng(1).normal(size=(30, 50))
    told = []

    def follow() -> None:
        for batch in rows:
            online.update(batch)
            told.append(len(online.degenerate))

    with pytest.warns(emix.DegenerateWarning, match="component 2 is degenerate") as caught:
        follow()
    assert told[0] == 0 and told[-1] == 1 and len(caught) == 1
    assert "rows that are remembered" in online.degenerate[0].reason
    assert np.isfinite(online.mixture.means).all()


def test_a_component_without_width_is_told():
    online = OnlineFit(2, schedule=Constant(1.0), start=Mixture(
        [0.5, 0.5], [[0.0, 0.0], [9.0, 9.0]], [np.eye(2)] * 2))
    x = np.concatenate([np.random.default_rng(1).normal(size=(200, 2)), np.full((100, 2), 9.0)])
    with pytest.warns(emix.DegenerateWarning, match="no width"):
        online.update(x)


def test_columns_go_by_name():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "n": 1.0})
    online = OnlineFit(3, start=START, start_rows=100.0)
    online.update(frame[["a", "b"]][:500])
    online.update(frame[500:1000][["n", "b", "a"]])
    online.update(frame[1000:1500], sample_weight="n")
    plain = OnlineFit(3, start=START, start_rows=100.0)
    for begin in (0, 500, 1000):
        plain.update(X[begin:begin + 500])
    assert online.columns == ("a", "b")
    assert_close(online.mixture, plain.mixture)


def test_a_source_brings_its_weights():
    times = (np.arange(500) % 4).astype(float)
    one, other = (OnlineFit(3, start=START, start_rows=100.0) for _ in range(2))
    for rows in (slice(0, 500), slice(500, 1000)):
        one.update(ArraySource.of(X[rows], times))
        other.update(X[rows], times)
    assert one.mixture == other.mixture


def test_units_and_offsets_do_not_matter():
    far = OnlineFit(3, first_rows=900)
    near = OnlineFit(3, first_rows=900)
    for batch in X.reshape(10, 300, 2):
        near.update(batch)
        far.update(batch * 2.0**20 + 2.0**40)
    np.testing.assert_allclose((far.mixture.means - 2.0**40) / 2.0**20, near.mixture.means,
                               atol=1e-3)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"schedule": 0.5}, "expected Decay"), ({"start": 3}, "expected a Mixture"),
    ({"start_rows": -1}, "start_rows"), ({"first_rows": 0}, "first_rows"),
])
def test_arguments_without_meaning(arguments, words):
    with pytest.raises(ParameterError, match=words):
        OnlineFit(2, **arguments)


@pytest.mark.parametrize("make", [
    lambda: Decay(0.5), lambda: Decay(1.1), lambda: Decay(0.7, -1), lambda: Constant(0.0),
    lambda: Constant(1.5), lambda: Memory(0.0), lambda: Memory(np.inf),
])
def test_rates_without_meaning(make):
    with pytest.raises(ParameterError):
        make()


def test_what_cannot_be_learned_leaves_what_was():
    online = OnlineFit(3, start=START, start_rows=100.0)
    online.update(X[:100])
    before = online.mixture
    bad = X[:100].copy()
    bad[3, 1] = np.nan
    for batch, words in ((bad, "row 3, column"), (X[:5, :1], "1 columns; expected 2")):
        with pytest.raises(DataError, match=words):
            online.update(batch)
    with pytest.raises(emix.NumericalError, match="not learned"):
        online.update(np.full((3, 2), 1e300))
    assert online.mixture == before and online.seen == 200
    with pytest.raises(ParameterError, match="expected 2 in 2"):
        OnlineFit(2, start=START).update(X)
    wrong = SimpleNamespace(averages=False, rate=lambda batch, seen: 2)
    with pytest.raises(ParameterError, match="gave the rate 2"):
        OnlineFit(3, start=START, schedule=wrong).update(X)


def test_a_bad_first_batch_settles_nothing():
    online = OnlineFit(1, first_rows=10)
    with pytest.raises(DataError):
        online.update([[np.nan, 1.0, 2.0]])
    online.update(X[:50])
    assert online.columns == ("x1", "x2")


def test_it_can_be_kept_and_gone_on_with():
    one = OnlineFit(3, first_rows=600)
    for batch in X[:1500].reshape(5, 300, 2):
        one.update(batch)
    other = pickle.loads(pickle.dumps(one))
    for batch in X[1500:].reshape(5, 300, 2):
        assert one.update(batch) == other.update(batch)
    assert one.mixture == other.mixture
    assert repr(one).startswith("<OnlineFit k=3 full 3000 rows seen loglik=-")
