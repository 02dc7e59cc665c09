"""Plain data: every form of covariances comes back to the bit, and nothing else gets in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix import Mixture, ParameterError
from emix.covariance import Common, Dense, Diagonal, Isotropic, Oriented
from emix.mixture.plaindata import own_form, smallest

K, D = 3, 2


def value(form: str, seed: int):
    rng = np.random.default_rng(seed)
    # Up to where squares leave the range of doubles.
    scale = 10.0 ** rng.integers(-200, 200)
    roots = np.tril(rng.normal(size=(K, D, D)))
    roots[:, range(D), range(D)] = np.exp(rng.normal(size=(K, D)))
    return {
        "isotropic": lambda: Isotropic(scale * np.exp(rng.normal(size=K)), D),
        "diagonal": lambda: Diagonal(scale * np.exp(rng.normal(size=(K, D)))),
        "common": lambda: Common(scale * roots[0], K),
        "dense": lambda: Dense(scale * roots),
        "oriented": lambda: Oriented(scale * np.exp(rng.normal(size=(K, D))),
                                     np.linalg.qr(rng.normal(size=(K, D, D)))[0]),
    }[form]()


def mixture(form: str, seed: int = 0) -> Mixture:
    rng = np.random.default_rng(seed)
    return Mixture.trusted(rng.dirichlet(np.ones(K)), rng.normal(size=(K, D)), value(form, seed))


FORMS = {"isotropic": {"sds"}, "diagonal": {"sds"}, "common": {"cholesky"}, "dense": {"cholesky"},
         "oriented": {"axes", "orientations"}}


@given(st.sampled_from(list(FORMS)), st.integers(0, 2**32))
def test_every_form_comes_back_to_the_bit(form, seed):
    made = mixture(form, seed)
    plain = json.loads(json.dumps(smallest(made)))
    assert set(plain) == {"weights", "means"} | FORMS[form]
    again = Mixture.from_dict(plain)
    assert type(again.covariance) is type(made.covariance)
    assert again == made
    for name, array in own_form(made.covariance).items():
        np.testing.assert_array_equal(own_form(again.covariance)[name], array)
        assert not own_form(again.covariance)[name].flags.writeable


def test_matrices_beside_them_must_be_the_same():
    for form in FORMS:
        plain = mixture(form, 1).to_dict()
        assert Mixture.from_dict(plain) == mixture(form, 1)
        wrong = np.array(plain["covariances"])
        wrong[2, 1, 1] *= 1 + 1e-9
        with pytest.raises(ParameterError, match="not those of"):
            Mixture.from_dict(plain | {"covariances": wrong.tolist()})
        with pytest.raises(ParameterError, match="not those of"):
            Mixture.from_dict(plain | {"covariances": wrong[:2].tolist()})


EYE = np.eye(2).tolist()
WRONG = {
    "sds": ([[1, 1], [1, 1]], [1, 1], [1, 0, 1], [1, -1, 1], [[1, 1], [1, 1], [1, 0]], [[[1]]],
            [[1], [1], [1]], [], "a", [1, None, 1], [1, float("inf"), 1]),
    "cholesky": (EYE + EYE, [EYE, EYE], [EYE, EYE, [[1, 0.1], [0, 1]]],
                 [EYE, EYE, [[1, 0], [0, 0]]], [[1, 0], [0, -1]], [1, 1, 1], [[1]],
                 [EYE, EYE, [[1, 0]]], [EYE, EYE, [[1, 0], [float("nan"), 1]]]),
    "axes": ([[1, 1], [1, 1]], [[1, 1], [1, 1], [1, 0]], [1, 1, 1]),
    "orientations": ([EYE, EYE], [EYE, EYE, [[1, 0.1], [0, 1]]], [EYE, EYE, [[0, 0], [0, 0]]],
                     [EYE, EYE, [[1e200, 0], [0, 1e200]]], EYE),
}


@pytest.mark.parametrize(("name", "wrong"), [(n, w) for n, all_ in WRONG.items() for w in all_])
def test_what_is_no_form_of_covariances(name, wrong):
    form = {"axes": "oriented", "orientations": "oriented"}.get(name, "dense")
    plain = smallest(mixture(form))
    plain.pop("cholesky", None)
    with pytest.raises(ParameterError, match=name):
        Mixture.from_dict(plain | {name: wrong})


def test_two_forms_or_half_of_one():
    plain = smallest(mixture("oriented"))
    with pytest.raises(ParameterError, match="sds and axes say the same"):
        Mixture.from_dict(plain | {"sds": [1, 1, 1]})
    for half in ("axes", "orientations"):
        with pytest.raises(ParameterError, match="belong together"):
            Mixture.from_dict({k: v for k, v in plain.items() if k != half})


def test_one_column_has_one_form():
    one = Mixture.univariate([0.5, 0.5], [1.0, 2.0], [1e-200, 3.0])
    assert Mixture.from_dict(smallest(one)) == one
    for other in ({"sds": [[1.0], [3.0]]}, {"cholesky": [[[1.0]], [[3.0]]]}):
        with pytest.raises(ParameterError, match=next(iter(other))):
            Mixture.from_dict({"weights": [0.5, 0.5], "means": [[1.0], [2.0]], **other})
