"""One suite for every structure: its M-step and gradient, held to dense arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from members import (
    FLOOR,
    VALUES,
    expected_loglik,
    in_form,
    maximised,
    member,
    orthogonal,
    scattered,
    slope,
    spheres,
    value,
)

from emix import ParameterError
from emix.covariance import ALIASES, ONE_COLUMN, STRUCTURES, Dense, structure

SEEDS = st.integers(0, 2**32)
every = pytest.mark.parametrize("name", STRUCTURES)
few = settings(max_examples=8)


@st.composite
def problems(draw: st.DrawFn, least: int = 2):
    """A generator, k, d, scatter (k, d, d) and weight (k,)."""
    rng = np.random.default_rng(draw(SEEDS))
    k, d = draw(st.integers(1, 4)), draw(st.integers(least, 4))
    return rng, k, d, *scattered(rng, k, d)


def allowed(name: str, matrices: np.ndarray) -> None:
    """Matrices are what the letters say, by their eigenvalues and eigenvectors."""
    k, d, _ = matrices.shape
    volumes = np.exp(np.linalg.slogdet(matrices)[1] / d)
    forms = matrices / volumes[:, None, None]
    shapes = np.linalg.eigvalsh(forms)
    assert name[0] == "V" or np.allclose(volumes, volumes[0], rtol=1e-9)
    if name[1] == "I":
        np.testing.assert_allclose(shapes, 1, rtol=1e-9)
    if name[1] == "E":
        np.testing.assert_allclose(shapes, np.repeat(shapes[:1], k, axis=0), rtol=1e-8)
    if name[2] == "I":
        assert (matrices == matrices * np.eye(d)).all()
        if name[1] == "E":
            np.testing.assert_allclose(forms, np.repeat(forms[:1], k, axis=0), rtol=1e-9)
    if name[2] == "E":
        for other in forms:
            commutator = other @ forms[0] - forms[0] @ other
            assert np.abs(commutator).max() <= 1e-9 * np.abs(other).max() * np.abs(forms[0]).max()


@every
@few
@given(problems())
def test_the_m_step_is_stationary_in_the_family_and_beats_its_members(name, problem):
    rng, k, d, scatter, weight = problem
    old = STRUCTURES[name].conform(Dense.from_matrices(member(name, rng, k, d)), weight)
    new = maximised(name, old, scatter, weight)
    assert (new.n_components, new.n_features) == (k, d)
    allowed(name, new.dense())
    size = weight.sum()
    assert np.abs(slope(name, new, scatter, weight)).max() <= 1e-12 * size
    best = expected_loglik(new.dense(), scatter, weight)
    assert best >= expected_loglik(old.dense(), scatter, weight) - 1e-12 * size
    again = maximised(name, new, scatter, weight)
    np.testing.assert_allclose(expected_loglik(again.dense(), scatter, weight), best, rtol=1e-12)
    for _ in range(10):
        assert expected_loglik(member(name, rng, k, d), scatter, weight) < best + 1e-9
    # Members nearby: those that conform to slightly different matrices.
    for _ in range(5):
        roots = new.factors @ (np.eye(d) + 1e-2 * rng.normal(size=(k, d, d)))
        near = STRUCTURES[name].conform(
            Dense.from_matrices(roots @ np.swapaxes(roots, 1, 2)), weight)
        assert expected_loglik(near.dense(), scatter, weight) <= best + 1e-12 * size


@every
def test_no_random_member_is_better(name):
    rng = np.random.default_rng(7)
    scatter, weight = scattered(rng, 3, 3)
    new = maximised(name, spheres(3, 3), scatter, weight)
    best = expected_loglik(new.dense(), scatter, weight)
    scale = np.exp(np.linalg.slogdet(scatter)[1] / 3) / weight
    others = [expected_loglik(member(name, rng, 3, 3, 0.4) * np.median(scale), scatter, weight)
              for _ in range(200)]
    assert max(others) < best


@every
@few
@given(problems(), st.sampled_from(VALUES))
def test_any_value_conforms_and_members_stay_what_they_are(name, problem, kind):
    rng, k, d, _, weight = problem
    rule = STRUCTURES[name]
    any_value = value(kind, rng, k, d)
    found = rule.conform(any_value, weight)
    allowed(name, found.dense())
    # It is the M-step for scatter that the matrices themselves expect.
    scatter = any_value.dense() * weight[:, None, None]
    if not (rule.is_separate and found is any_value):
        slopes = np.abs(slope(name, found, scatter, weight)).max()
        assert slopes <= 1e-9 * weight.sum()
    inside = member(name, rng, k, d)
    stays = rule.conform(Dense.from_matrices(inside), weight).dense()
    for one, two in zip(stays, inside, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-9 * np.abs(two).max())


CLOSED = {
    "EII": lambda s, n, d: np.eye(d) * np.trace(s.sum(axis=0)) / (d * n.sum()),
    "VII": lambda s, n, d: np.eye(d) * (np.einsum("kii->k", s) / (d * n))[:, None, None],
    "EEI": lambda s, n, d: np.eye(d) * s.sum(axis=0) / n.sum(),
    "VVI": lambda s, n, d: np.eye(d) * s / n[:, None, None],
    "EEE": lambda s, n, d: s.sum(axis=0) / n.sum(),
    "VVV": lambda s, n, d: s / n[:, None, None],
    "EVI": lambda s, n, d: _same_volume(np.eye(d) * s, n, d),
    "EVV": lambda s, n, d: _same_volume(s, n, d),
    "EEV": lambda s, n, d: _same_shape(s, n),
}


def _same_volume(s, n, d):
    sizes = np.linalg.det(s) ** (1 / d)
    return s / sizes[:, None, None] * sizes.sum() / n.sum()


def _same_shape(s, n):
    values, vectors = np.linalg.eigh(s)
    return np.stack([(q * values.sum(axis=0) / n.sum()) @ q.T for q in vectors])


@pytest.mark.parametrize("name", CLOSED)
@few
@given(problems())
def test_closed_forms(name, problem):
    _, k, d, scatter, weight = problem
    new = maximised(name, spheres(k, d), scatter, weight).dense()
    wanted = np.broadcast_to(CLOSED[name](scatter, weight, d), (k, d, d))
    for one, two in zip(new, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12 * np.abs(two).max())


@every
def test_one_component_is_one_of_three_models(name):
    rng = np.random.default_rng(3)
    scatter, weight = scattered(rng, 1, 4)
    new = maximised(name, spheres(1, 4), scatter, weight).dense()[0]
    wanted = scatter[0] / weight[0]
    if name[2] == "I":
        wanted = np.diag(np.diag(wanted))
    if name[1] == "I":
        wanted = np.eye(4) * np.trace(wanted) / 4
    np.testing.assert_allclose(new, wanted, rtol=1e-10, atol=1e-12)


# The gradient


def directions(name: str, covariances):
    """The family's directions in the order of `gradient`, each a function of h to matrices."""
    matrices, (k, d, _) = covariances.dense(), covariances.dense().shape
    if "I" in name or name[1] == name[2]:
        roots = covariances.factors
    else:
        roots = covariances.orientations * covariances.axes[:, None]
    each = {"E": [range(k)], "V": [[j] for j in range(k)], "I": []}

    def along(middle, which):
        def moved(h):
            out = matrices.copy()
            for j in which:
                out[j] = roots[j] @ (np.eye(d) + 2 * h * middle) @ roots[j].T
            return out
        return moved

    def turned(skew, which, scale):
        def moved(h):
            out = matrices.copy()
            for j in which:
                q = np.eye(d) + h / scale * skew + (h / scale) ** 2 / 2 * skew @ skew
                inside = covariances.orientations[j] @ q
                out[j] = (inside * covariances.axes[j] ** 2) @ inside.T
            return out
        return moved

    def unit(i, j):
        out = np.zeros((d, d))
        out[i, j] = out[j, i] = 1.0
        return out

    whole = name[0] == name[1]
    if whole:
        yield from (along(unit(i, i), which) for which in each[name[0]] for i in range(d))
    else:
        yield from (along(np.eye(d), which) for which in each[name[0]])
        yield from (along(unit(i, i) - np.eye(d) / d, which)
                    for which in each[name[1]] for i in range(d))
    if name[2] == "I":
        return
    if name[1] == name[2]:
        yield from (along(unit(i, j) / 2, which) for which in each[name[1]]
                    for i, j in zip(*np.tril_indices(d, -1), strict=True))
        return
    axes = covariances.axes
    for which in each[name[2]]:
        for i, j in zip(*np.triu_indices(d, 1), strict=True):
            t = [axes[m, j] / axes[m, i] - axes[m, i] / axes[m, j] for m in which]
            skew = np.zeros((d, d))
            skew[i, j], skew[j, i] = 1.0, -1.0
            yield turned(skew, which, np.sqrt(1 + max(np.square(t))))


@every
@few
@given(problems())
def test_the_gradient_is_the_derivative_along_the_familys_directions(name, problem):
    rng, k, d, scatter, weight = problem
    rule = STRUCTURES[name]
    here = rule.conform(Dense.from_matrices(member(name, rng, k, d, 0.3)), weight)
    found = slope(name, here, scatter, weight)
    h = 1e-5
    wanted = np.array([
        (expected_loglik(moved(h), scatter, weight)
         - expected_loglik(moved(-h), scatter, weight)) / (2 * h)
        for moved in directions(name, here)
    ])
    assert found.shape == wanted.shape
    size = np.abs(found).max() + weight.sum()
    np.testing.assert_allclose(found, wanted, atol=1e-6 * size)
    assert len(found) >= rule.n_parameters(k, d)


@every
def test_nothing_learned_is_nothing_to_do(name):
    rng, rule = np.random.default_rng(1), STRUCTURES[name]
    scatter, weight = scattered(rng, 2, 3)
    old, none = rule.conform(Dense(np.linalg.cholesky(scatter)), weight), np.zeros(2, dtype=bool)
    form = in_form(scatter, rule.scatter_form)
    assert rule.maximise(old, form, weight, none, FLOOR) is old
    assert rule.gradient(old, form, weight, none, FLOOR).size == 0


# Equivariance


def carried(name: str, transform: np.ndarray, seed: int) -> None:
    """Transformed scatter gives transformed matrices."""
    rng = np.random.default_rng(seed)
    d = len(transform)
    scatter, weight = scattered(rng, 3, d)
    first = spheres(3, d)
    plain = maximised(name, first, scatter, weight)
    moved = maximised(name, first, transform @ scatter @ transform.T, weight)
    back = np.linalg.inv(transform)
    for one, two in zip(moved.dense(), plain.dense(), strict=True):
        np.testing.assert_allclose(back @ one @ back.T, two, rtol=1e-8,
                                   atol=1e-9 * np.abs(two).max())


SCALE_FREE = {"EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVV", "VVV"}
TURNING = set(STRUCTURES) - {"EEI", "VEI", "EVI", "VVI"}


@every
@few
@given(SEEDS, st.integers(2, 4))
def test_scaling_columns_apart(name, seed, d):
    factors = np.exp(np.random.default_rng(seed).normal(0, 3, d))
    assert STRUCTURES[name].is_scale_free == (name in SCALE_FREE)
    if name in SCALE_FREE:
        carried(name, np.diag(factors), seed)
    else:
        with pytest.raises(AssertionError):
            carried(name, np.diag(2.0 ** np.arange(d)), seed)
    carried(name, factors[0] * np.eye(d), seed)


@pytest.mark.parametrize("name", sorted(TURNING))
@few
@given(SEEDS, st.integers(2, 4))
def test_turning_the_axes(name, seed, d):
    carried(name, orthogonal(np.random.default_rng(seed), d), seed)


@every
@few
@given(SEEDS)
def test_components_have_no_order(name, seed):
    rng = np.random.default_rng(seed)
    scatter, weight = scattered(rng, 4, 3)
    order = rng.permutation(4)
    plain = maximised(name, spheres(4, 3), scatter, weight).dense()[order]
    other = maximised(name, spheres(4, 3), scatter[order], weight[order]).dense()
    np.testing.assert_allclose(other, plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())


# Letters and names


@every
def test_letters_and_what_follows_from_them(name):
    rule = STRUCTURES[name]
    assert rule.name == rule.volume + rule.shape + rule.orientation == name
    assert rule.is_common == (name in {"EII", "EEI", "EEE"})
    assert rule.is_separate == (name in {"VII", "VVI", "VVV"})
    assert rule.scatter_form == {
        "EII": "spherical", "VII": "spherical", "EEI": "diagonal", "VEI": "diagonal",
        "EVI": "diagonal", "VVI": "diagonal", "EEE": "pooled"}.get(name, "full")
    for d in (2, 3, 7):
        assert structure(name, d) is rule
        assert rule.n_parameters(0, d) == 0


def test_free_parameters_as_published():
    """Celeux & Govaert 1995, table 1, less the weights and means."""
    for k in (1, 2, 5):
        for d in (2, 3, 6):
            b = d * (d + 1) // 2
            wanted = {
                "EII": 1, "VII": k, "EEI": d, "VEI": d + k - 1, "EVI": k * d - k + 1, "VVI": k * d,
                "EEE": b, "VEE": b + k - 1, "EVE": b + (k - 1) * (d - 1),
                "VVE": b + (k - 1) * d, "EEV": k * b - (k - 1) * d,
                "VEV": k * b - (k - 1) * (d - 1), "EVV": k * b - (k - 1), "VVV": k * b,
            }
            found = {name: rule.n_parameters(k, d) for name, rule in STRUCTURES.items()}
            assert found == wanted


def test_the_words_of_scikit_learn():
    assert {word: structure(word, 3).name for word in ALIASES} == {
        "full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}


def test_in_one_column_a_name_says_only_whether_the_spread_is_common():
    for name, rule in ONE_COLUMN.items():
        first = {"tied": "E", "full": "V", "diag": "V", "spherical": "V"}.get(name, name[0])
        assert rule.name == first and rule.is_common == (first == "E")
        assert structure(name, 1) is rule
        assert rule.scatter_form == "spherical" and rule.is_scale_free
        assert [rule.n_parameters(k, 1) for k in (0, 1, 4)] == [0, 1, 1 if first == "E" else 4]
    assert set(ONE_COLUMN) == set(STRUCTURES) | {"E", "V", "full", "tied", "diag", "spherical"}


@pytest.mark.parametrize("name", ["X", "e", "", None, 3, ["V"], "Full"])
def test_other_names_are_refused_with_those_that_are_not(name):
    with pytest.raises(ParameterError, match=r"covariance=.*'V'.*'full'.*'E'.*'tied'"):
        structure(name, 1)
    with pytest.raises(ParameterError, match=r"2 columns.*'full' \(VVV\).*EII VII .* VVV"):
        structure(name, 2)


def test_one_columns_letters_are_not_names_in_more():
    for name in ("E", "V"):
        with pytest.raises(ParameterError, match="is not a structure"):
            structure(name, 2)
