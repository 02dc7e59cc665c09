"""GaussianMixture: what scikit-learn's users rely on, and the failures of its own they know."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from lenient import lenient
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import emix

IRIS = load_iris().data
WORDS = ("full", "tied", "diag", "spherical")
TYPES = (*WORDS, "VVE", "EEE")
SHAPES = {"full": (3, 4, 4), "tied": (4, 4), "diag": (3, 4), "spherical": (3,)}
class Theirs(GaussianMixture):
    """scikit-learn's, of which what underflows is its own affair."""


for method in ("fit", "score_samples", "predict_proba", "predict", "aic", "bic"):
    setattr(Theirs, method, lenient(getattr(GaussianMixture, method)))

LEARNED = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")


def iris(kind: str = "full", **parameters) -> emix.GaussianMixture:
    """A fit of its own; from a few starts, which do, and quickly without the native kernel too."""
    given = {"n_init": 3, **parameters}
    return emix.GaussianMixture(3, covariance_type=kind, **given).fit(IRIS)


def blobs(rows: int = 60) -> np.ndarray:
    return make_blobs(rows, 2, centers=[[0, 0], [6, 1], [2, 7]], random_state=0)[0]


# --- the class


def test_scikit_learn_is_imported_when_asked_for():
    script = ("import sys, emix; before = 'sklearn' in sys.modules; emix.GaussianMixture; "
              "print(before, 'sklearn' in sys.modules)")
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
    assert out.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="no attribute 'GausianMixture'"):
        emix.GausianMixture  # noqa: B018


def test_without_scikit_learn_the_extra_is_named():
    script = ("import sys; sys.modules['sklearn'] = None; import emix\n"
              "try: emix.GaussianMixture\n"
              "except emix.MissingExtraError as error: print(error)")
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'emix[sklearn]'" in out.stdout and "scikit-learn" in out.stdout, out.stderr


def test_the_parameters_are_those_of_scikit_learn():
    ours, theirs = (inspect.signature(c).parameters for c in (emix.GaussianMixture, Theirs))
    # One more, after all of theirs: how `partial_fit` learns, which theirs has not.
    assert list(ours) == [*theirs, "schedule"] and ours["schedule"].default is None
    assert [ours[n].kind for n in theirs] == [p.kind for p in theirs.values()]
    differing = {n for n in theirs if ours[n].default != theirs[n].default}
    # Each of these defaults is a row of the table.
    assert differing == {"tol", "reg_covar", "max_iter", "n_init", "init_params"}
    public = {name for name in dir(Theirs()) if not name.startswith("_")}
    assert public <= set(dir(emix.GaussianMixture()))
    fitted = {name for name in vars(Theirs().fit(IRIS)) if not name.startswith("_")}
    assert fitted <= set(vars(iris()))


def test_the_table_of_differences_names_what_differs():
    page = (Path(__file__).parent.parent / "docs/scikit-learn.md").read_text()
    for name in ("tol", "reg_covar", "max_iter", "n_init", "init_params", "random_state",
                 "means_init", "sample_weight", "transform", "covariance_type", "lower_bound_",
                 "n_iter_", "float32", "fit_", "mixture_", "ConvergenceWarning"):
        assert f"`{name}`" in page, name


def test_clone_repr_and_parameters():
    mixture = emix.GaussianMixture(3, covariance_type="VVI", n_init=2, random_state=4)
    assert repr(mixture) == \
        "GaussianMixture(covariance_type='VVI', n_components=3, n_init=2, random_state=4)"
    assert clone(mixture.fit(IRIS)).get_params() == mixture.get_params()
    assert not hasattr(clone(mixture), "means_")
    assert mixture.set_params(n_components=2).n_components == 2
    assert mixture._repr_html_()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
@pytest.mark.parametrize("kind", TYPES)
def test_copies_are_the_same_to_the_bit(copied, kind):
    mixture = iris(kind)
    twin = copied(mixture)
    assert twin.mixture_ == mixture.mixture_
    for method in ("predict", "predict_proba", "score_samples"):
        np.testing.assert_array_equal(getattr(twin, method)(IRIS), getattr(mixture, method)(IRIS))
    for name in (*LEARNED, "lower_bounds_"):
        np.testing.assert_array_equal(getattr(twin, name), getattr(mixture, name))
    assert twin.fit_.bic == mixture.fit_.bic


@pytest.mark.parametrize("call", [
    lambda m: m.predict(IRIS), lambda m: m.predict_proba(IRIS), lambda m: m.score(IRIS),
    lambda m: m.score_samples(IRIS), lambda m: m.sample(), lambda m: m.bic(IRIS),
    lambda m: m.aic(IRIS), lambda m: m.transform(IRIS), lambda m: m.mixture_,
])
def test_what_is_not_fitted_says_so(call):
    with pytest.raises(NotFittedError):
        call(emix.GaussianMixture())


@pytest.mark.parametrize(("name", "value"), [
    ("n_components", 0), ("n_components", 2.5), ("covariance_type", "round"), ("tol", -1.0),
    ("tol", "small"), ("reg_covar", -1e-6), ("max_iter", -1), ("max_iter", 1.5), ("n_init", 0),
    ("init_params", "clever"), ("verbose_interval", 0),
])
def test_a_wrong_parameter_is_named(name, value):
    mixture = emix.GaussianMixture(**{name: value, "verbose": int(name == "verbose_interval")})
    with pytest.raises(emix.ParameterError, match=f"^{name}="):
        mixture.fit(IRIS)


# --- attributes


@pytest.mark.parametrize("kind", TYPES)
def test_attributes_have_scikit_learns_shapes_and_agree_with_each_other(kind):
    mixture = iris(kind)
    shape = SHAPES.get(kind, (3, 4, 4))
    assert mixture.weights_.shape == (3,) and mixture.means_.shape == (3, 4)
    for name in LEARNED[2:]:
        assert getattr(mixture, name).shape == shape, name
    upper, precisions = mixture.precisions_cholesky_, mixture.precisions_
    if kind in ("diag", "spherical"):
        np.testing.assert_allclose(precisions * mixture.covariances_, 1, rtol=1e-12)
        np.testing.assert_allclose(upper**2, precisions, rtol=1e-12)
    else:
        product = precisions @ mixture.covariances_
        np.testing.assert_allclose(product, np.broadcast_to(np.eye(4), shape), atol=1e-10)
        np.testing.assert_array_equal(upper, np.triu(upper))
        np.testing.assert_allclose(upper @ np.swapaxes(upper, -1, -2), precisions, rtol=1e-9)
    assert mixture.lower_bound_ == pytest.approx(mixture.score(IRIS), rel=1e-13)
    assert mixture.lower_bounds_[-1] == pytest.approx(mixture.lower_bound_, rel=1e-13)
    assert len(mixture.lower_bounds_) == mixture.n_iter_ >= 1
    assert (np.diff(mixture.lower_bounds_) > -1e-12).all()
    assert mixture.converged_ is True
    assert mixture.fit_.mixture == mixture.mixture_
    assert mixture.bic(IRIS) == pytest.approx(mixture.fit_.bic)
    assert mixture.aic(IRIS) == pytest.approx(mixture.fit_.aic)


@pytest.mark.parametrize(("kind", "shape"), [
    ("full", (2, 1, 1)), ("tied", (1, 1)), ("diag", (2, 1)), ("spherical", (2,)), ("V", (2, 1, 1)),
])
def test_one_column(kind, shape):
    waiting = emix.datasets.load("faithful")["waiting"][:, None]
    mixture = emix.GaussianMixture(2, covariance_type=kind).fit(waiting)
    assert mixture.covariances_.shape == mixture.precisions_cholesky_.shape == shape
    assert mixture.means_.shape == (2, 1)
    assert mixture.sample(3)[0].shape == (3, 1)


@pytest.mark.parametrize("kind", WORDS)
def test_the_same_parameters_give_what_scikit_learn_gives(kind):
    ours, theirs = iris(kind), Theirs(3, covariance_type=kind)
    by_hand = emix.GaussianMixture(3, covariance_type=kind)
    for name in LEARNED:
        setattr(theirs, name, getattr(ours, name))
        setattr(by_hand, name, getattr(ours, name))
    far = np.vstack([IRIS, IRIS + 3])
    for mixture in (ours, by_hand):
        np.testing.assert_allclose(mixture.score_samples(far), theirs.score_samples(far),
                                   rtol=1e-9)
        np.testing.assert_allclose(mixture.predict_proba(far), theirs.predict_proba(far),
                                   atol=1e-9)
        np.testing.assert_array_equal(mixture.predict(far), theirs.predict(far))
        assert mixture.aic(far) == pytest.approx(theirs.aic(far), rel=1e-9)
        assert mixture.bic(far) == pytest.approx(theirs.bic(far), rel=1e-9)
    # And from covariances alone.
    del by_hand.precisions_cholesky_
    np.testing.assert_allclose(by_hand.score_samples(far), theirs.score_samples(far), rtol=1e-9)


@pytest.mark.parametrize("kind", WORDS)
def test_scikit_learns_own_precisions_cholesky_is_understood(kind):
    theirs = Theirs(3, covariance_type=kind, random_state=0).fit(IRIS)
    ours = emix.GaussianMixture(3, covariance_type=kind)
    ours.weights_, ours.means_ = theirs.weights_, theirs.means_
    ours.precisions_cholesky_ = theirs.precisions_cholesky_
    np.testing.assert_allclose(ours.score_samples(IRIS), theirs.score_samples(IRIS), rtol=1e-9)


def test_parameters_changed_by_hand_count():
    mixture = iris()
    before = mixture.score_samples(IRIS)
    mixture.means_ += 1.0  # in place
    np.testing.assert_allclose(mixture.score_samples(IRIS + 1.0), before, rtol=1e-9)
    mixture.covariances_ = mixture.covariances_ * 4
    assert np.linalg.det(mixture.mixture_.covariances) == \
        pytest.approx(256 * np.linalg.det(iris().covariances_))
    mixture.weights_ = np.array([0.5, 0.5])
    with pytest.raises(emix.ParameterError, match="weights_"):
        mixture.predict(IRIS)


# --- data


def test_frames_of_any_library_and_their_names():
    names = ["a", "b", "c", "d"]
    reference = iris()
    frames = [pd.DataFrame(IRIS, columns=names)]
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9):  # older ones lose the names
        frames.append(pl.DataFrame(IRIS, schema=names))
    for frame in frames:
        mixture = emix.GaussianMixture(3, n_init=3).fit(frame)
        assert mixture.mixture_ == reference.mixture_
        assert mixture.feature_names_in_.tolist() == names and mixture.n_features_in_ == 4
        assert mixture.fit_.columns == tuple(names)
        np.testing.assert_array_equal(mixture.predict(frame), reference.predict(IRIS))
    frame = pd.DataFrame(IRIS, columns=names)
    with pytest.raises(ValueError, match="feature names"):
        mixture.predict(frame.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="4 features"):
        reference.predict(IRIS[:, :3])
    with pytest.warns(UserWarning, match="valid feature names"):
        mixture.predict(IRIS)


def test_integers_and_singles_are_the_same_numbers():
    whole = np.round(IRIS * 10).astype(int)
    reference = emix.GaussianMixture(3, n_init=3).fit(whole.astype(float))
    for x in (whole, whole.tolist(), whole.astype(np.float32)):
        mixture = emix.GaussianMixture(3, n_init=3).fit(x)
        assert mixture.means_.dtype == np.float64
        np.testing.assert_allclose(mixture.means_, reference.means_, rtol=1e-9)
        np.testing.assert_allclose(mixture.score_samples(x), reference.score_samples(whole),
                                   rtol=1e-9)


@pytest.mark.parametrize(("bad", "word"), [(np.nan, "NaN"), (np.inf, "inf")])
def test_what_is_not_finite_is_named_by_row_and_column(bad, word):
    frame = pd.DataFrame(IRIS, columns=["a", "b", "c", "d"])
    mixture = emix.GaussianMixture(2).fit(frame)
    frame.iloc[7, 2] = bad
    for call in (mixture.fit, mixture.predict):
        with pytest.raises(emix.DataError, match=f"{word} at row 7, column 'c'"):
            call(frame)


@pytest.mark.parametrize("kind", WORDS)
def test_weights_count_as_repetition(kind):
    x = blobs()
    weight = np.random.default_rng(1).integers(0, 4, len(x))
    repeated = x.repeat(weight, axis=0)
    start = {"means_init": [[0, 0], [6, 1], [2, 7]]}
    weighted = emix.GaussianMixture(3, covariance_type=kind, **start).fit(x, sample_weight=weight)
    several = emix.GaussianMixture(3, covariance_type=kind, **start).fit(repeated)
    for name in LEARNED:
        np.testing.assert_allclose(getattr(weighted, name), getattr(several, name), rtol=1e-8)
    assert weighted.lower_bound_ == pytest.approx(several.lower_bound_)
    assert weighted.score(x, sample_weight=weight) == pytest.approx(several.score(repeated))
    assert weighted.fit_.bic == pytest.approx(several.bic(repeated))
    with pytest.raises(emix.DataError, match="zero"):
        weighted.fit(x, sample_weight=np.zeros(len(x)))


def test_more_components_than_rows():
    with pytest.raises(emix.DataError, match=r"n_samples=2 rows; expected n_components=3"):
        emix.GaussianMixture(3).fit([[0.0, 1.0], [1.0, 3.0]])


def test_fit_predict_is_fit_and_predict():
    mixture = emix.GaussianMixture(3, n_init=2)
    for x in (IRIS, blobs()):  # the second time after another fit
        np.testing.assert_array_equal(mixture.fit_predict(x), mixture.fit(x).predict(x))


# --- where EM begins


def test_components_keep_the_order_of_given_means():
    means = [[2, 7], [0, 0], [6, 1]]
    mixture = emix.GaussianMixture(3, means_init=means).fit(blobs(300))
    np.testing.assert_allclose(mixture.means_, means, atol=0.5)
    np.testing.assert_array_equal(mixture.predict(means), [0, 1, 2])
    # Without, they are in the order of means; the fit behind always is.
    np.testing.assert_array_equal(mixture.fit_.mixture.means[:, 0],
                                  np.sort(mixture.means_[:, 0]))
    plain = emix.GaussianMixture(3).fit(blobs(300))
    np.testing.assert_allclose(plain.means_, mixture.means_[[1, 0, 2]], atol=1e-6)
    np.testing.assert_allclose(plain.means_, plain.fit_.mixture.means)


@pytest.mark.parametrize("kind", TYPES)
def test_given_starts_are_the_ones_used(kind):
    """With no steps to take, the start is the result."""
    known = iris(kind)
    again = emix.GaussianMixture(
        3, covariance_type=kind, max_iter=0, weights_init=known.weights_[::-1],
        means_init=known.means_[::-1],
        precisions_init=known.precisions_ if kind == "tied" else known.precisions_[::-1],
    ).fit(IRIS)
    np.testing.assert_allclose(again.weights_, known.weights_[::-1], rtol=1e-9)
    np.testing.assert_allclose(again.means_, known.means_[::-1], rtol=1e-12)
    expected = known.covariances_ if kind in ("tied", "EEE") else known.covariances_[::-1]
    np.testing.assert_allclose(again.covariances_, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("given", [
    {"weights_init": [0.2, 0.3, 0.5]},
    {"means_init": IRIS[[10, 60, 110]]},
    {"precisions_init": np.repeat(np.eye(4)[None] * 4, 3, axis=0)},
    {"weights_init": [0.2, 0.3, 0.5], "means_init": IRIS[[10, 60, 110]]},
])
def test_part_of_a_start_may_be_given(given):
    first = emix.GaussianMixture(3, max_iter=0, **given).fit(IRIS)
    for name, value in given.items():
        shown = getattr(first, name.replace("init", ""))
        np.testing.assert_allclose(shown, value, rtol=1e-9, atol=1e-9)
    mixture = emix.GaussianMixture(3, **given).fit(IRIS)
    assert mixture.converged_ and mixture.fit_.optima[0].starts == 1


@pytest.mark.parametrize(("given", "message"), [
    ({"means_init": IRIS[:2]}, r"means_init has shape \(2, 4\); expected \(3, 4\)"),
    ({"weights_init": [0.5, 0.5]}, r"weights_init has shape \(2,\); expected \(3,\)"),
    ({"weights_init": [0.5, 0.2, 0.2]}, "weights_init .* sum to 0.9"),
    ({"weights_init": [1.5, -0.25, -0.25]}, "weights_init"),
    ({"precisions_init": np.ones((3, 4))}, "precisions_init has shape"),
    ({"precisions_init": np.ones((3, 4, 4))}, "not positive definite"),
    ({"precisions_init": np.triu(np.ones((3, 4, 4)))}, "not symmetric"),
    ({"precisions_init": -np.ones(3), "covariance_type": "spherical"}, "not above 0"),
    ({"means_init": [["a", "b", "c", "d"]] * 3}, "means_init"),
])
def test_a_start_that_does_not_fit_is_refused(given, message):
    with pytest.raises(emix.ParameterError, match=message):
        emix.GaussianMixture(3, **given).fit(IRIS)


# A start, and a fit that is cut short, has components that nothing bears out yet.
unfinished = pytest.mark.filterwarnings("ignore::emix.errors.DegenerateWarning")


@unfinished
@pytest.mark.parametrize("kind", ["kmeans", "k-means++", "random", "random_from_data",
                                  "quantiles", "hierarchical"])
def test_kinds_of_start(kind):
    mixture = emix.GaussianMixture(3, init_params=kind, n_init=3).fit(blobs())
    assert mixture.converged_
    assert sum(optimum.starts for optimum in mixture.fit_.optima) <= 3
    begun = emix.GaussianMixture(3, init_params=kind, n_init=1, max_iter=0).fit(blobs())
    assert begun.n_iter_ == 1 and begun.lower_bound_ < mixture.lower_bound_


@unfinished
def test_warm_start_goes_on_where_the_last_fit_ended():
    known = {"means_init": IRIS[[10, 60, 110]]}
    at_once = emix.GaussianMixture(3, **known, max_iter=10)
    in_parts = emix.GaussianMixture(3, **known, max_iter=5, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        at_once.fit(IRIS)
    with pytest.warns(ConvergenceWarning):
        first = in_parts.fit(IRIS).lower_bound_
    with pytest.warns(ConvergenceWarning):
        in_parts.fit(IRIS)
    assert in_parts.lower_bound_ > first
    np.testing.assert_allclose(in_parts.means_, at_once.means_, rtol=1e-12)
    np.testing.assert_allclose(in_parts.covariances_, at_once.covariances_, rtol=1e-9)
    # Another number of components cannot begin there.
    other = in_parts.set_params(n_components=2, max_iter=None, means_init=None).fit(IRIS)
    assert other.means_.shape == (2, 4) and other.converged_


def test_warm_start_keeps_the_names_of_components():
    x = blobs(300)
    mixture = emix.GaussianMixture(3, warm_start=True).fit(x)
    moved = x * [-1.0, 1.0] + [6.0, 0.0]  # the order of means is now another
    labels = mixture.predict(x)
    mixture.means_ = mixture.means_ * [-1.0, 1.0] + [6.0, 0.0]
    mixture.covariances_ = mixture.covariances_ * [[1.0, -1.0], [-1.0, 1.0]]
    mixture.fit(moved)
    np.testing.assert_array_equal(mixture.predict(moved), labels)
    assert mixture.n_iter_ < 10


@pytest.mark.parametrize("seed", [0, np.random.RandomState(3), np.random.default_rng(3), None])
def test_seeds(seed):
    mixture = emix.GaussianMixture(3, random_state=seed).fit(blobs())
    x, labels = mixture.sample(20)
    assert x.shape == (20, 2) and labels.shape == (20,) and labels.dtype == np.int64
    again = mixture.sample(20)[0]
    assert np.array_equal(x, again) == (seed == 0 and isinstance(seed, int))


def test_fits_and_samples_can_be_repeated():
    a, b = (emix.GaussianMixture(3).fit(blobs()) for _ in range(2))
    assert a.mixture_ == b.mixture_
    for make in (np.random.RandomState, np.random.default_rng):
        a, b = (emix.GaussianMixture(3, random_state=make(5)).fit(blobs()) for _ in range(2))
        np.testing.assert_array_equal(a.sample(5)[0], b.sample(5)[0])
    with pytest.raises(ValueError, match="seed"):
        emix.GaussianMixture(random_state="lucky").fit(blobs())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_samples_of_tiny_data(n):
    """scikit-learn #23032: weights of such a fit summed to more than 1 in its multinomial."""
    x = np.array([[1.0], [3.0], [7.0]], dtype=np.float32)
    mixture = emix.GaussianMixture(1, random_state=0).fit(x)
    rows, labels = mixture.sample(n)
    assert rows.shape == (n, 1) and (labels == 0).all()
    with pytest.raises(emix.ParameterError, match="n_samples=0"):
        mixture.sample(0)


# --- warnings and words


def test_warnings_are_scikit_learns_where_it_has_one():
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        mixture = iris(max_iter=3)
    assert not mixture.converged_ and mixture.n_iter_ == 3
    # Whoever asks for no steps wants the start: no warning (they are errors here).
    iris(max_iter=0)
    two_values = np.repeat([[0.0], [1.0]], 30, axis=0)
    with pytest.warns(emix.DegenerateWarning, match="fewer components"):
        emix.GaussianMixture(2, means_init=[[0.0], [1.0]]).fit(two_values)


def test_verbose(capsys):
    iris(verbose=1)
    assert capsys.readouterr().out.startswith("<Fit k=3 VVV loglik=-180.185")
    iris(verbose=2)
    assert "log-likelihood -180.185" in capsys.readouterr().out
    iris()
    assert capsys.readouterr().out == ""


# --- reg_covar


@pytest.mark.parametrize(("kind", "extra"), [
    ("full", "constant"), ("tied", "constant"), ("diag", "constant"), ("VVE", "constant"),
    ("full", "copy"), ("tied", "copy"), ("VVE", "copy"), ("full", "sum"), ("tied", "sum"),
])
def test_columns_that_tell_nothing_of_their_own_change_no_label(kind, extra):
    more = {"constant": np.full(150, 7.0), "copy": IRIS[:, 0],
            "sum": IRIS[:, 1] - 2 * IRIS[:, 2] + 5}[extra]
    x = np.column_stack([IRIS, more])
    mixture = emix.GaussianMixture(3, covariance_type=kind, n_init=3).fit(x)
    alone = iris(kind)
    assert len(mixture.fit_.columns) == 4
    if extra == "constant":
        assert mixture.mixture_.covariances[:, 4, 4] == pytest.approx(1e-6)
        np.testing.assert_allclose(mixture.means_[:, 4], 7.0)
        np.testing.assert_allclose(mixture.means_[:, :4], alone.means_, rtol=1e-6)
        np.testing.assert_allclose(mixture.predict_proba(x), alone.predict_proba(IRIS), atol=1e-6)
    elif kind != "VVE":  # which is another with other columns kept
        np.testing.assert_array_equal(mixture.predict(x), alone.predict(IRIS))
        offset = 5 if extra == "sum" else 0
        slopes = [0, 1, -2, 0] if extra == "sum" else [1, 0, 0, 0]
        np.testing.assert_allclose(mixture.means_[:, :4] @ slopes + offset, mixture.means_[:, 4],
                                   rtol=1e-9)
        own = np.array([*slopes, -1])  # what is left when the rest is known
        assert (own @ mixture.mixture_.covariances @ own < 1e-4).all()
    assert mixture.score(x) == pytest.approx(mixture.lower_bound_)
    rows, _ = mixture.sample(4)
    assert rows.shape == (4, 5)
    # From a start as well.
    given = emix.GaussianMixture(
        3, covariance_type=kind, weights_init=mixture.weights_, means_init=mixture.means_,
        precisions_init=mixture.precisions_,
    ).fit(x)
    assert given.lower_bound_ == pytest.approx(mixture.lower_bound_, abs=1e-6)
    assert given.n_iter_ < 10
    with pytest.raises(emix.DataError, match=r"x[1-5]"):
        mixture.set_params(reg_covar=0).fit(x)


@pytest.mark.parametrize("kind", WORDS)
def test_a_reg_covar_that_is_asked_for_is_what_scikit_learn_makes_of_it(kind):
    # So far apart that no responsibility depends on it.
    x = make_blobs(300, 2, centers=[[0, 0], [20, 1], [2, 30]], random_state=0)[0]
    ours = emix.GaussianMixture(3, covariance_type=kind, reg_covar=0.1).fit(x)
    theirs = Theirs(3, covariance_type=kind, reg_covar=0.1, means_init=ours.means_).fit(x)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-6)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.covariances_, emix.GaussianMixture(
        3, covariance_type=kind).fit(x).covariances_ + {
            "full": 0.1 * np.eye(2), "tied": 0.1 * np.eye(2)}.get(kind, 0.1), rtol=1e-9)
    assert ours.score(x) == pytest.approx(ours.lower_bound_)
    # And a small one breaks nothing.
    small = emix.GaussianMixture(3, covariance_type=kind, reg_covar=1e-6).fit(x)
    assert small.lower_bound_ == pytest.approx(small.fit_.loglik / 300, abs=1e-5)


@pytest.mark.parametrize("kind", WORDS)
def test_with_a_reg_covar_a_spike_is_as_wide_as_that(kind):
    """Two values in one column: without, each component would narrow down on one for ever."""
    x = np.repeat([[0.0], [1.0]], 500, axis=0)
    mixture = emix.GaussianMixture(
        2, covariance_type=kind, reg_covar=1e-3, means_init=[[0.0], [1.0]]
    ).fit(x)
    assert mixture.converged_ and not mixture.fit_.degenerate
    np.testing.assert_allclose(mixture.means_[:, 0], [0, 1], atol=1e-9)
    np.testing.assert_allclose(mixture.mixture_.covariances, 1e-3, rtol=0.01)


# --- what scikit-learn gets wrong


def crossed() -> np.ndarray:
    rng = np.random.RandomState(1234)
    return np.vstack([rng.multivariate_normal([2, 4], [[5, 2], [2, 6]], 300),
                      rng.multivariate_normal([0, 0], [[4, 2], [2, 3]], 100)])


def test_it_does_not_stop_before_the_maximum():
    """scikit-learn #10122: stopping early gives .41/.59 or .37/.63."""
    mixture = emix.GaussianMixture(2, n_init=10).fit(crossed())
    np.testing.assert_allclose(mixture.weights_, [0.24, 0.76], atol=0.01)
    assert emix.GaussianMixture(2).fit(crossed()).lower_bound_ >= mixture.lower_bound_ - 1e-9
    hurried = emix.GaussianMixture(2, tol=1e-3, max_iter=100).fit(crossed())
    assert hurried.lower_bound_ > Theirs(2, random_state=0).fit(crossed()).lower_bound_ - 1e-9


def test_far_points_under_strict_arithmetic():
    """scikit-learn #7462: underflow where a row is far from every component."""
    x = blobs()
    with np.errstate(all="raise"):
        mixture = emix.GaussianMixture(3).fit(x)
        far = np.vstack([x, [[1e3, -1e3], [1e8, 1e8]]])
        proba = mixture.predict_proba(far)
        mixture.score_samples(far), mixture.predict(far), mixture.sample(5)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)


def test_two_values_far_apart():
    """scikit-learn #30382: a negative variance."""
    mixture = emix.GaussianMixture(2, covariance_type="spherical")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a component on one row is degenerate
        mixture.fit([[9999.0], [0.0]])
    assert np.isfinite(mixture.covariances_).all() and (mixture.covariances_ > 0).all()


@pytest.mark.parametrize("factor", [1e-150, 1e-12, 1e-3, 1e3, 1e150])
@pytest.mark.parametrize("kind", ["full", "spherical"])
def test_units_do_not_matter(factor, kind):
    x = blobs(300)
    plain = emix.GaussianMixture(3, covariance_type=kind).fit(x)
    scaled = emix.GaussianMixture(3, covariance_type=kind).fit(x * factor)
    np.testing.assert_array_equal(scaled.predict(x * factor), plain.predict(x))
    np.testing.assert_allclose(scaled.means_ / factor, plain.means_, rtol=1e-9)
    np.testing.assert_allclose(scaled.covariances_ / factor / factor, plain.covariances_,
                               rtol=1e-9)
    np.testing.assert_allclose(scaled.precisions_cholesky_ * factor, plain.precisions_cholesky_,
                               rtol=1e-9, atol=1e-12)
    jacobian = 2 * np.log(factor)
    assert scaled.lower_bound_ + jacobian == pytest.approx(plain.lower_bound_, rel=1e-9)


# --- with the rest of scikit-learn


def test_pipelines_searches_and_scores():
    pipe = make_pipeline(StandardScaler(), emix.GaussianMixture(2))
    assert pipe.fit(IRIS).predict(IRIS).shape == (150,)
    pipe.fit(IRIS, gaussianmixture__sample_weight=np.ones(150))
    x = np.random.default_rng(0).permutation(IRIS)
    scores = cross_val_score(emix.GaussianMixture(2), x, cv=3)
    assert scores.shape == (3,) and (scores > -2.5).all()
    search = GridSearchCV(
        emix.GaussianMixture(), {"n_components": [1, 2], "covariance_type": ["full", "tied"]},
        scoring=lambda mixture, x: -mixture.bic(x), cv=2,
    ).fit(x)
    assert search.best_params_["n_components"] == 2


def test_sample_weight_is_routed():
    weight = np.linspace(0.5, 2.0, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        mixture = emix.GaussianMixture(2).set_fit_request(sample_weight=True) \
            .set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), mixture)
        pipe.fit(IRIS, sample_weight=weight)
        assert pipe[-1].fit_.n == pytest.approx(weight.sum())
        scores = cross_val_score(mixture, IRIS, cv=3, params={"sample_weight": weight})
    assert np.isfinite(scores).all()


def test_responsibilities_as_a_frame():
    names = ["gaussianmixture0", "gaussianmixture1", "gaussianmixture2"]
    for output, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame)):
        mixture = iris().set_output(transform=output)
        frame = mixture.transform(IRIS)
        assert isinstance(frame, kind) and list(frame.columns) == names
        np.testing.assert_array_equal(frame.to_numpy(), mixture.predict_proba(IRIS))
    assert isinstance(mixture.predict_proba(IRIS), np.ndarray)
    assert mixture.get_feature_names_out().tolist() == names
    pipe = make_pipeline(StandardScaler(), emix.GaussianMixture(2, n_init=2))
    assert pipe.fit_transform(IRIS).shape == (150, 2)


def test_examples_of_scikit_learns_own_pages():
    """Of its user guide and reference, with the import changed."""
    GaussianMixture = emix.GaussianMixture
    X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    with warnings.catch_warnings(record=True) as told:  # three rows on a line each
        warnings.simplefilter("always")
        gm = GaussianMixture(n_components=2, random_state=0).fit(X)
    assert emix.DegenerateWarning in {each.category for each in told}
    assert sorted(gm.means_.round(6).tolist()) == [[1.0, 2.0], [10.0, 2.0]]
    labels = gm.predict([[0, 0], [12, 3]])
    assert labels[0] != labels[1]

    # plot_gmm_covariances: components begin at the classes' means and keep their names.
    target = load_iris().target
    estimators = {kind: GaussianMixture(n_components=3, covariance_type=kind, max_iter=20,
                                        random_state=0) for kind in WORDS}
    for estimator in estimators.values():
        estimator.means_init = np.array([IRIS[target == i].mean(axis=0) for i in range(3)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # twenty steps
            estimator.fit(IRIS)
        assert np.mean(estimator.predict(IRIS) == target) > 0.85

    # plot_gmm_selection
    def gmm_bic_score(estimator, X):
        return -estimator.bic(X)

    rng = np.random.RandomState(0)
    C = np.array([[0.0, -0.1], [1.7, 0.4]])
    X = np.concatenate([rng.randn(100, 2) @ C, 0.7 * rng.randn(100, 2) + np.array([-4, 1])])
    grid_search = GridSearchCV(
        GaussianMixture(), {"n_components": range(1, 4), "covariance_type": ["spherical", "full"]},
        scoring=gmm_bic_score, cv=2,
    ).fit(rng.permutation(X))
    assert grid_search.best_params_ == {"covariance_type": "full", "n_components": 2}
