"""What a mixture says of rows on a device, and what it refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from emix import DataError, MissingExtraError, Mixture
from emix.devices import device_of, points_of, weight_of

MIXTURE = Mixture([0.4, 0.6], [[0.0, 0.0], [3.0, 1.0]], [np.eye(2), [[2.0, 0.5], [0.5, 1.0]]])


def rows(n=50):
    return np.random.default_rng(2).normal(1, 2, (n, 2))


@pytest.mark.parametrize("verb", ["logpdf", "pdf", "responsibilities", "predict"])
def test_a_mixture_answers_in_kind(library, traffic, verb):
    x = rows()
    found = getattr(MIXTURE, verb)(library.put(x))
    assert isinstance(found, library.kind) and found.device == library.place
    assert traffic.total == 0
    np.testing.assert_allclose(library.take(found), getattr(MIXTURE, verb)(x), rtol=1e-12)


def test_one_column_may_come_flat(library):
    mixture = Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
    x = np.array([3.0, 4.5])
    np.testing.assert_allclose(library.take(mixture.responsibilities(library.put(x))),
                               mixture.responsibilities(x), rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.float32])
def test_whole_numbers_become_real_and_floats_stay(library, dtype):
    x = np.array([[1, 0], [0, 1], [3, 1]]).astype(dtype)
    points = points_of(library.put(x))
    assert ("float32" in str(points.dtype)) == (dtype is np.float32)
    np.testing.assert_allclose(library.take(MIXTURE.logpdf(library.put(x))),
                               MIXTURE.logpdf(x.astype(float)), rtol=1e-12)


def test_half_precision_is_computed_in_double():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = torch.asarray(rows(), dtype=torch.bfloat16)
    np.testing.assert_allclose(MIXTURE.logpdf(x).numpy(), MIXTURE.logpdf(x.double().numpy()),
                               rtol=1e-12)


def test_a_tensor_that_learns_is_only_looked_at():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = torch.asarray(rows()).requires_grad_()
    assert not MIXTURE.logpdf(x).requires_grad and x.requires_grad


@pytest.mark.parametrize(("make", "words"), [
    (lambda: np.array([[0.0, 1.0], [np.nan, 2.0]]), "nan at row 1, column 0"),
    (lambda: np.array([[0.0, np.inf]]), "inf at row 0, column 1"),
    (lambda: np.zeros((4, 3)), "3 columns, the mixture 2"),
    (lambda: np.zeros((2, 2, 2)), "3 axes"),
    (lambda: np.zeros((0, 2)), "empty"),
    (lambda: np.zeros((3, 2), complex), "real numbers"),
])
def test_what_cannot_be_scored_is_refused_in_words(library, make, words):
    with pytest.raises(DataError, match=words):
        MIXTURE.logpdf(library.put(make()))


@pytest.mark.parametrize("ask", [
    lambda m, x: m.most_typical(x), lambda m, x: m.mahalanobis(x), lambda m, x: m.regress(0, x),
], ids=["most_typical", "mahalanobis", "regress"])
def test_what_only_numpy_serves_makes_no_copy(library, traffic, ask):
    with pytest.raises(DataError, match="no copy is made unasked"):
        ask(MIXTURE, library.put(rows()))


def test_weights_stand_beside_their_rows(library):
    x, w = rows(3), np.array([1.0, 0.0, 2.0])
    device = device_of(library.put(x))
    assert library.take(weight_of(library.put(w), device, 3)).tolist() == w.tolist()
    with pytest.raises(DataError, match="one weight per row"):
        weight_of(library.put(w), device, 4)


def test_weights_on_another_device_are_refused():
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    x, w = strict.asarray(rows(3)), strict.asarray([1.0, 2.0, 3.0], device=strict.Device("device1"))
    with pytest.raises(DataError, match="both on one device"):
        weight_of(w, device_of(x), 3)


def test_without_the_extra_its_name_is_told(library, monkeypatch):
    x = library.put(rows())
    monkeypatch.setitem(sys.modules, "array_api_compat", None)
    monkeypatch.delitem(sys.modules, "emix.devices.backend", raising=False)
    monkeypatch.delattr("emix.devices.backend", raising=False)
    with pytest.raises(MissingExtraError, match=r"emix\[devices\]"):
        MIXTURE.logpdf(x)


def test_numpy_needs_no_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_compat", None)
    monkeypatch.delitem(sys.modules, "emix.devices.backend", raising=False)
    assert np.isfinite(MIXTURE.logpdf(rows())).all()
