"""Whole fits of arrays on a device: NumPy's results, and no copy that was not asked for."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

import emix
from emix import DataError, Mixture, ParameterError
from emix.arrays import Units
from emix.covariance import STRUCTURES
from emix.initialise import Table
from emix.kernels import NATIVE
from emix.model import FLOOR, Model
from emix.searching import finding
from emix.searching.judging import worths_on
from emix.sources.array import ArraySource
from emix.sources.device import DeviceSource
from emix.sources.opening import open_source

TRUTH = Mixture([0.3, 0.3, 0.4], [[0.0, 0.0], [4.0, 1.0], [1.0, 6.0]],
                [np.eye(2), [[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.6], [-0.6, 2.0]]])
X = TRUTH.sample(1500, 1)[0]
WEIGHT = np.random.default_rng(3).exponential(size=len(X)) * (np.arange(len(X)) % 7 > 0)
START = Mixture([0.2, 0.4, 0.4], [[0.5, 0.0], [3.0, 1.0], [1.0, 5.0]], [np.eye(2)] * 3)


def assert_same(found, wanted, loglik=1e-12, means=1e-7):
    assert found.outcome is wanted.outcome
    assert found.loglik == pytest.approx(wanted.loglik, rel=loglik)
    np.testing.assert_allclose(found.mixture.means, wanted.mixture.means, atol=means)
    np.testing.assert_allclose(found.mixture.covariances, wanted.mixture.covariances, atol=means)
    np.testing.assert_allclose(found.mixture.weights, wanted.mixture.weights, atol=means)


def test_a_search_and_its_climbs(library, traffic, monkeypatch):
    """The sample comes to the host, and of each pass its sums; nothing else."""
    monkeypatch.setattr(finding, "SEARCH_ROWS", 1000)
    there = library.put(X)
    found, wanted = emix.fit(there, 3), emix.fit(X, 3)
    assert_same(found, wanted)
    assert found.kernel.startswith("portable, on ")
    assert traffic.largest == 1000 * 2 * 8
    traffic.total = 0
    shares, labels = found.responsibilities(there), found.predict(there)
    assert traffic.total == 0
    for array in (shares, labels):
        assert isinstance(array, library.kind) and array.device == library.place
    np.testing.assert_allclose(library.take(shares), wanted.responsibilities(X), atol=1e-6)
    np.testing.assert_array_equal(library.take(labels), found.mixture.predict(X))


def test_sums_are_all_that_a_climb_brings_back(library, traffic):
    """From a start: a sample for judging, then some hundred bytes a pass."""
    found = emix.fit(library.put(X), 3, start=START)
    assert_same(found, emix.fit(X, 3, start=START))
    sample, pass_of = len(X) * 2 * 8, 8 * (3 + 3 * 2 + 3 * 4 + 2)
    assert traffic.total <= sample + (found.n_iter + 20) * pass_of


@pytest.mark.parametrize("covariance", [*STRUCTURES])
def test_steps_are_numpys_in_every_structure(library, covariance):
    pairs = zip(emix.steps(library.put(X), START, covariance=covariance),
                emix.steps(X, START, covariance=covariance), strict=False)
    for found, wanted in islice(pairs, 4):
        assert found.loglik == pytest.approx(wanted.loglik, rel=1e-12)
        np.testing.assert_allclose(found.mixture.means, wanted.mixture.means, atol=1e-11)
        np.testing.assert_allclose(found.mixture.covariances, wanted.mixture.covariances,
                                   atol=1e-10)


@pytest.mark.parametrize("how", [
    {"sample_weight": True}, {"covariance": "diag", "prior": "conjugate"},
    {"weights": "equal", "means": [[0.0, 0.0], [np.nan, 1.0], [np.nan, np.nan]]},
    {"covariance": "spherical", "sds": [1.0, np.nan, np.nan]},
], ids=["weighted", "prior", "held", "held-sds"])
def test_weights_priors_and_held_values(library, how):
    there = how
    if "sample_weight" in how:
        how, there = {"sample_weight": WEIGHT}, {"sample_weight": library.put(WEIGHT)}
    assert_same(emix.fit(library.put(X), 3, start=START, **there),
                emix.fit(X, 3, start=START, **how))


def test_one_column_in_single_precision(library, monkeypatch):
    monkeypatch.setattr(finding, "SEARCH_ROWS", 1000)
    x = X[:, 0].astype(np.float32)
    assert_same(emix.fit(library.put(x), 2), emix.fit(x, 2))


def test_columns_go_by_position_or_by_the_names_they_are_called(library):
    x = np.column_stack([X, WEIGHT])
    there = library.put(x)
    for columns in ([0, 1], ["x1", "x2"]):
        found = emix.fit(there, 3, start=START, columns=columns, sample_weight="x3")
        assert found.columns == ("x1", "x2")
        assert_same(found, emix.fit(X, 3, start=START, sample_weight=WEIGHT))
    # Weights may come from the host.
    found = emix.fit(library.put(X), 3, start=START, sample_weight=WEIGHT)
    assert_same(found, emix.fit(X, 3, start=START, sample_weight=WEIGHT))


def test_blocks_are_reduced_in_the_order_of_rows(library, monkeypatch):
    from emix.sources import device

    monkeypatch.setattr(device, "block_rows", lambda _: 400)
    source = DeviceSource.of(library.put(X))
    sizes = source.reduce(lambda block: [block.n_rows], [])
    assert sizes == [400, 400, 400, 300]
    assert_same(emix.fit(library.put(X), 3, start=START), emix.fit(X, 3, start=START))
    x = X.copy()
    x[1234, 1] = np.nan
    with pytest.raises(DataError, match="nan at row 1234, column 1"):
        emix.fit(library.put(x), 3)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("covariance", [n for n in STRUCTURES if n not in ("EII", "EEI", "EEE")])
def test_components_are_judged_as_numpys(library, traffic, covariance, weighted):
    model = Model.parse(3, 2, covariance)
    units = Units(np.zeros(2), np.ones(2))
    within = model.inward(units, FLOOR)
    mixture = within.conforming(START)
    w = WEIGHT if weighted else None
    table = Table.of(ArraySource.of(X, w).block, units)
    there = DeviceSource.of(library.put(X), None if w is None else library.put(w))
    found = worths_on(there, units, mixture, within, table)
    np.testing.assert_allclose(
        found, worths_on(ArraySource.of(X, w), units, mixture, within, table), rtol=1e-9)
    assert traffic.largest <= 8 * 32


def test_one_column_is_judged_as_numpys(library):
    x = X[:, :1]
    mixture = Mixture.univariate([0.3, 0.7], [0.0, 2.0], [0.5, 1.5])
    units, table = Units.identity(1), Table.of(ArraySource.of(x).block, Units.identity(1))
    within = Model.parse(2, 1).inward(units, FLOOR)
    np.testing.assert_allclose(
        worths_on(DeviceSource.of(library.put(x)), units, mixture, within, table),
        worths_on(ArraySource.of(x), units, mixture, within, table), rtol=1e-9)


def test_a_spike_is_named_on_a_device_too(library):
    x = np.concatenate([X, np.tile([20.0, 20.0], (5, 1))])
    with pytest.warns(emix.DegenerateWarning):
        found = emix.fit(library.put(x), 2, start=Mixture(
            [0.9, 0.1], [[1.0, 2.0], [20.0, 20.0]], [np.eye(2) * 9, np.eye(2) * 0.01]))
    assert [each.component for each in found.degenerate] == [1]


def test_a_source_on_a_device_is_not_held_on_the_host(library, traffic):
    """Not even where it is little, by what holds other sources in memory."""
    with pytest.raises(DataError, match="no copy is made unasked"):
        open_source(DeviceSource.of(library.put(X)))
    assert traffic.total == 0


def test_too_few_different_rows(library, traffic):
    x = np.tile([[0.0, 1.0], [1.0, 3.0], [2.0, 0.0]], (50, 1))
    with pytest.raises(DataError, match="3 distinct rows in 150 rows"):
        emix.fit(library.put(x), 4)


def test_what_reads_all_digits_is_refused(library, tmp_path):
    there = library.put(X)
    with pytest.raises(ParameterError, match="leave checkpoint out"):
        emix.fit(there, 2, checkpoint=tmp_path / "fit.emix")
    with pytest.raises(ParameterError, match="label for each row"):
        emix.fit(there, 2, start=np.zeros(len(X), int))
    for ask in (lambda: emix.uncertainty(there, emix.fit(X, 2)),
                lambda: emix.fit(X, 2).goodness(there)):
        with pytest.raises(DataError, match="no copy is made unasked"):
            ask()


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_without_double_precision_a_fit_arrives_at_its_roundings(single, traffic, offset):
    x = (X + offset).astype(np.float32)
    found, wanted = emix.fit(single.put(x), 3, start=START if offset == 0 else None), emix.fit(x, 3)
    assert found.converged and found.gradient <= 16 * single.rounding
    # At the optimum the log-likelihood is flat; how flat decides where its parameters are.
    assert found.loglik == pytest.approx(wanted.loglik, rel=1e-5)
    np.testing.assert_allclose(found.mixture.means, wanted.mixture.means, atol=1e-3)
    assert any("single precision" in note for note in found.warnings)


def test_numpys_fits_have_no_such_note():
    assert not any("precision" in note for note in emix.fit(X, 2).warnings)
    assert NATIVE is None or emix.fit(X, 2).kernel == "native"
