"""fit_many: every group as if it were alone, to the bit; failures named; frames in, frames out."""

from __future__ import annotations

import dataclasses
import io
import json
import warnings

import numpy as np
import pandas
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emix
from emix.errors import GroupsWarning, NotFittedError
from emix.fitting import stop_of
from emix.kernels import NATIVE
from emix.making import Search, fit_source
from emix.many import fit_many as many
from emix.many.fit_many import GroupsProgress
from emix.model import Model
from emix.searching import direct
from emix.sources.array import ArraySource

NAN = float("nan")
needs_native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")
# The portable search takes a tenth of a second where the native one takes microseconds.
EXAMPLES = 60 if NATIVE is not None else 3


def quietly(function, *arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **named)


def alone(x, k, **arguments):
    """What `fit` makes of one group: the fit, or the message with which it refuses."""
    try:
        return quietly(emix.fit, x, k, **arguments)
    except emix.EmixError as reason:
        return str(reason)


def assert_same(fit: emix.Fit, other: emix.Fit) -> None:
    """To the bit, in everything that a fit says."""
    assert fit.to_dict() == other.to_dict()
    assert fit.mixture == other.mixture and fit.outcome is other.outcome
    assert fit.trace.tobytes() == other.trace.tobytes()
    assert fit.classification == other.classification and fit.seed == other.seed
    assert [o.degenerate for o in fit.optima] == [o.degenerate for o in other.optima]


def assert_each_is_as_if_alone(fits, groups, k, **arguments) -> None:
    table = fits.table()
    for i, (name, x) in enumerate(groups.items()):
        wanted = alone(x, k, **arguments)
        if isinstance(wanted, str):
            assert str(fits.failures[name]) == wanted == table["message"][i]
            assert table["outcome"][i] == "failed" and np.isnan(fits.loglik[i])
            with pytest.raises(type(fits.failures[name])):
                fits[name]
            continue
        assert_same(fits[name], wanted)
        assert (fits.n[i], fits.loglik[i], fits.bic[i], fits.icl[i]) == \
            (wanted.n, wanted.loglik, wanted.bic, wanted.icl)
        np.testing.assert_array_equal(fits.weights[i], wanted.mixture.weights)
        np.testing.assert_array_equal(fits.means[i], wanted.mixture.means)
        np.testing.assert_array_equal(fits.sds[i, :, 0], wanted.mixture.sds)
        assert bool(fits.converged[i]) == wanted.converged
        assert bool(fits.degenerate[i]) == bool(wanted.degenerate)
        assert table["outcome"][i] == wanted.outcome.value


@st.composite
def groups_of_numbers(draw: st.DrawFn):
    """Groups of all kinds: separate, overlapping, tied, tiny, constant, with a NaN, far out."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    groups = {}
    for name in range(draw(st.integers(1, 5))):
        n, shape = draw(st.integers(1, 80)), draw(st.sampled_from(
            ["separate", "overlapping", "ties", "tiny", "constant", "missing", "far"]))
        x = np.concatenate([rng.normal(0, 1, n), rng.normal(rng.uniform(1, 6), 0.7, n)])
        if shape == "ties":
            x = np.round(x)
        elif shape == "tiny":
            x = x[:draw(st.integers(1, 3))]
        elif shape == "constant":
            x = np.full(n, 2.5)
        elif shape == "missing":
            x[rng.integers(len(x))] = NAN
        elif shape == "far":
            x = x * 1e-7 + 1e6
        groups[name] = x
    return groups


@settings(max_examples=EXAMPLES, deadline=None)
@given(groups_of_numbers(), st.integers(1, 3), st.sampled_from([
    {}, {"covariance": "E"}, {"weights": "equal"}, {"prior": emix.NormalPrior(1.0, 2.0)},
    {"seed": 7}, {"n_starts": 3}, {"start": "kmeans"}, {"max_iter": 5}, {"sds": 0.8},
]))
def test_every_group_is_fitted_as_if_it_were_alone(groups, k, arguments):
    fits = quietly(emix.fit_many, groups, k, **arguments)
    assert list(fits) == list(groups) and len(fits) == len(groups)
    assert_each_is_as_if_alone(fits, groups, k, **arguments)


def test_bits_depend_on_nothing_but_the_seed():
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(0, 1, (40, 30)), rng.normal(3, 1, (40, 40))], axis=1)
    tables = [
        quietly(emix.fit_many, x[:4] if NATIVE is None else x, 2, threads=threads).table()
        for threads in (1, 1, 2, 3)
    ]
    for other in tables[1:]:
        for name, column in tables[0].items():
            assert column.tobytes() == other[name].tobytes(), name


@needs_native
@pytest.mark.parametrize("arguments", [
    {}, {"covariance": "E"}, {"prior": [emix.NormalPrior(1, 2), emix.DirichletPrior([2.0, 3.0])]},
    {"weights": [0.3, NAN]}, {"means": [NAN, 0.2]}, {"sds": [NAN, 0.9]},
    {"sample_weight": np.random.default_rng(0).integers(0, 3, 150) * 0.5}, {"seed": 3},
])
def test_a_fit_in_one_call_is_the_fit_step_by_step(arguments, monkeypatch):
    """The direct way and the ordinary one find the same optima, from the same starts."""
    rng = np.random.default_rng(4)
    for scale in (1.0, 1e-9, 1e12):
        x = np.concatenate([rng.normal(0, 1, 90), rng.normal(4, 1.3, 60)])
        given = dict(arguments)
        if scale != 1.0 and {"prior", "means", "sds"} & set(given):
            continue
        with monkeypatch.context() as patch:
            direct_fit = quietly(emix.fit, x * scale, 2, **given)
            patch.setattr(direct, "serves", lambda source, model: False)
            ordinary = quietly(emix.fit, x * scale, 2, **given)
        assert [o.starts for o in direct_fit.optima] == [o.starts for o in ordinary.optima]
        assert direct_fit.n_iter == ordinary.n_iter and direct_fit.outcome is ordinary.outcome
        assert direct_fit.loglik == pytest.approx(ordinary.loglik, rel=1e-13)
        assert direct_fit.objective == pytest.approx(ordinary.objective, rel=1e-13)
        assert direct_fit.mixture == ordinary.mixture
        assert direct_fit.classification == ordinary.classification
        np.testing.assert_allclose(direct_fit.trace, ordinary.trace, rtol=1e-13)
        assert json.dumps(direct_fit.uncertainty.to_dict()) == \
            json.dumps(ordinary.uncertainty.to_dict())


@needs_native
def test_a_group_whose_climbs_do_not_arrive_soon_is_accelerated_as_it_is_alone():
    """The kernel takes EM's own steps; what they do not bring to an end it leaves to others."""
    rng = np.random.default_rng(1)
    groups = {"slow": rng.normal(size=120), "quick": np.repeat([0.0, 1.0, 5.0, 6.0, 20.0, 21.0], 9)}
    model = Model.parse(3, 1)
    stop = stop_of(None, None)
    made = {
        name: direct.fit_directly(ArraySource(x[:, None]), model, None, stop, 0, 1)
        for name, x in groups.items()
    }
    assert made["slow"] is None and made["quick"] is not None
    fits = quietly(emix.fit_many, groups, 3)
    assert_each_is_as_if_alone(fits, groups, 3)
    assert all(optimum.outcome is emix.Outcome.CONVERGED for optimum in fits["slow"].optima)


# What groups may come as


def two(seed, n=60):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(5, 1, n)])


def test_a_sequence_and_an_array_are_called_by_number():
    x = np.stack([two(0), two(1), two(2)])
    of_array, of_list = emix.fit_many(x, 2), emix.fit_many(list(x), 2)
    assert list(of_array) == list(of_list) == [0, 1, 2]
    for i in range(3):
        assert_same(of_array[i], of_list[i])
        assert_same(of_array[i], emix.fit(x[i], 2))
    of_float32 = emix.fit_many(x.astype(np.float32), 2)
    assert_same(of_float32[1], emix.fit(x[1].astype(np.float32), 2))


def test_groups_of_different_lengths_weighted_or_not():
    groups = {"a": two(0, 20), "b": two(1, 50).astype(np.float32), "c": [0.0, 1.0, 5.0, 6.0]}
    weights = {name: np.linspace(0.5, 2, len(x)) for name, x in groups.items()}
    fits = quietly(emix.fit_many, groups, 1, sample_weight=weights)
    for name, x in groups.items():
        assert_same(fits[name], emix.fit(x, 1, sample_weight=weights[name]))


def test_several_columns():
    rng = np.random.default_rng(0)
    groups = {"a": rng.normal(size=(60, 2)), "b": rng.normal(2, 3, size=(70, 2)),
              "flat": np.ones((9, 2))}
    fits = quietly(emix.fit_many, groups, 2, covariance="VVI", n_starts=3)
    assert list(fits.failures) == ["flat"] and "constant" in str(fits.failures["flat"])
    for name in ("a", "b"):
        assert_same(fits[name], quietly(emix.fit, groups[name], 2, covariance="VVI", n_starts=3))
    table = emix.fit_many({"a": groups["a"]}, 1).table()
    assert set(table) >= {"mean_1_x1", "mean_1_x2", "sd_1_x1", "sd_1_x2", "correlation_1_x1_x2"}
    assert table["correlation_1_x1_x2"][0] == pytest.approx(np.corrcoef(groups["a"].T)[0, 1])
    np.testing.assert_allclose(
        [table["sd_1_x1"][0], table["sd_1_x2"][0]], groups["a"].std(axis=0))
    stacked = quietly(emix.fit_many, np.stack([groups["a"], groups["b"][:60]]), 1)
    assert_same(stacked[0], emix.fit(groups["a"], 1))


def test_labels_tell_groups_apart():
    x, labels = np.concatenate([two(0), two(1)]), np.repeat(["z", "a"], 120)
    mixed = np.random.default_rng(0).permutation(240)
    fits = emix.fit_many(x[mixed], 2, by=labels[mixed])
    first = labels[mixed][0]
    assert next(iter(fits)) == first and set(fits) == {"a", "z"}
    assert_same(fits["a"], emix.fit(x[mixed][labels[mixed] == "a"], 2))
    weighted = quietly(emix.fit_many, x, 1, by=np.repeat([3, 1], 120),
                       sample_weight=np.arange(240.0))
    assert_same(weighted[1], emix.fit(x[120:], 1, sample_weight=np.arange(120.0, 240.0)))


def frame_of(library):
    x = np.concatenate([two(0, 20), two(1, 20), np.full(3, 7.0), [1.0, 2.0]])
    data = {"gene": ["b"] * 40 + ["a"] * 40 + ["c"] * 3 + ["d"] * 2, "x": x,
            "w": np.linspace(1, 2, 85), "note": ["t"] * 85}
    return library.DataFrame(data), data


@pytest.mark.parametrize("library", [pandas, polars])
def test_a_frame_in_the_same_kind_of_frame_out(library):
    frame, data = frame_of(library)
    fits = quietly(emix.fit_many, frame, 2, by="gene", columns="x")
    table = fits.table()
    assert type(table) is type(frame)
    assert list(table.columns[:3]) == ["gene", "n", "loglik"]
    assert list(table["gene"]) == list(fits) == ["b", "a", "c", "d"]
    assert fits.columns == ("x",) and list(fits.failures) == ["c"]
    assert_same(fits["a"], dataclasses.replace(quietly(emix.fit, data["x"][40:80], 2),
                                               columns=("x",)))
    assert list(table["mean_1"])[1] == fits["a"].mixture.means[0, 0]
    assert "constant" in list(table["message"])[2] and list(table["outcome"])[2] == "failed"


@pytest.mark.parametrize("library", [pandas, polars])
def test_weights_and_several_keys_of_a_frame(library):
    frame, data = frame_of(library)
    fits = quietly(emix.fit_many, frame, 1, by=["gene", "note"], sample_weight="w")
    assert next(iter(fits)) == ("b", "t") and list(fits.table().columns[:2]) == ["gene", "note"]
    wanted = emix.fit(data["x"][:40], 1, sample_weight=data["w"][:40])
    assert fits["b", "t"].mixture == wanted.mixture


def test_keys_keep_their_kind_and_missing_ones_are_a_group():
    frame = pandas.DataFrame({"g": pandas.Categorical(["u", "v", None] * 10),
                              "x": np.arange(30.0)}, index=np.arange(30) * 2)
    fits = emix.fit_many(frame, 1, by="g")
    assert list(fits)[:2] == ["u", "v"] and len(fits) == 3
    table = fits.table()
    assert table["g"].dtype == frame["g"].dtype and table.index.tolist() == [0, 1, 2]
    polars_frame = polars.DataFrame({"g": [1, None, 1, None], "x": [1.0, 2.0, 4.0, 5.0]})
    assert list(emix.fit_many(polars_frame, 1, by="g")) == [1, None]


@pytest.mark.parametrize("library", [pandas, polars])
def test_a_missing_value_is_the_loss_of_its_group_alone(library):
    frame = library.DataFrame({"g": [1, 1, 1, 2, 2, 2], "x": [1.0, None, 3.0, 4.0, 5.0, 7.0]})
    fits = quietly(emix.fit_many, frame, 1, by="g")
    assert list(fits.failures) == [1] and "holds nan" in str(fits.failures[1])
    assert fits[2].mixture.mean == pytest.approx(16 / 3)


def test_a_file_and_a_data_set(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("id,gene,x,w\n" + "".join(
        f"{i},{'left' if i % 2 else '7'},{x!r},2\n" for i, x in enumerate(two(0).tolist())))
    fits = quietly(emix.fit_many, path, 1, by="gene", columns=["x"], sample_weight="w")
    assert list(fits) == ["7", "left"]
    assert fits["left"].mixture == emix.fit(two(0)[1::2], 1).mixture
    assert list(quietly(emix.fit_many, io.StringIO("a,b\n1,2\n1,3\n"), 1, by="a")) == ["1"]
    iris = emix.datasets.load("iris")
    fits = emix.fit_many(iris, 1, by="label", columns="Petal_Length")
    assert list(fits) == ["setosa", "versicolor", "virginica"]
    assert fits["setosa"].mixture.mean == pytest.approx(1.462)


# What goes wrong


def test_what_cannot_be_read_is_refused_by_name_and_stops_no_other():
    groups = {"words": ["a", "b"], "none": [], "good": two(0), "wide": np.ones((4, 2)),
              "infinite": [1.0, np.inf], "few": [1.0, 1.0, 2.0]}
    with pytest.warns(GroupsWarning) as caught:
        fits = emix.fit_many(groups, 3)
    assert len(caught) == 1 and "5 of 6 groups could not be fitted" in str(caught[0].message)
    assert list(fits.failures) == ["words", "none", "wide", "infinite", "few"]
    assert all(isinstance(error, emix.DataError) for error in fits.failures.values())
    assert "expected those of the groups before it" in str(fits.failures["wide"])
    assert "cannot tell 3 components apart" in str(fits.failures["few"])
    assert_same(fits["good"], quietly(emix.fit, groups["good"], 3))
    with pytest.raises(emix.DataError, match="holds inf"):
        fits["infinite"]
    with pytest.raises(KeyError):
        fits["unknown"]


def test_one_warning_for_all():
    x = np.stack([two(0), two(1)])
    with pytest.warns(GroupsWarning, match="2 of 2 groups did not converge: 0, 1") as caught:
        fits = emix.fit_many(x, 2, max_iter=1)
    assert len(caught) == 1 and fits.warnings[0] in str(caught[0].message)
    spike = [0.0, 1.0, 5.0]
    with pytest.warns(GroupsWarning, match="degenerate"):
        assert emix.fit_many([spike], 3).degenerate.all()
    assert emix.fit_many(x, 2).warnings == ()


@pytest.mark.parametrize(("arguments", "error", "message"), [
    (({}, 2), emix.DataError, "no groups"),
    ((np.zeros(3), 2), emix.DataError, "expected .groups, rows."),
    ((3.0, 2), emix.ParameterError, "expected a mapping"),
    (([["a"], ["b"]], 1), emix.DataError, "none of the 2 groups"),
    ((np.ones((2, 3)), 0), emix.ParameterError, "k=0"),
])
def test_what_is_wrong_with_all_of_them_is_an_error(arguments, error, message):
    with pytest.raises(error, match=message):
        emix.fit_many(*arguments)


@pytest.mark.parametrize(("named", "error", "message"), [
    ({"by": "what"}, emix.DataError, "no column 'what'"),
    ({"by": "g", "columns": "g"}, emix.ParameterError, "nothing to fit"),
    ({"by": [1, 2]}, emix.ParameterError, "expected a label for each"),
    ({"by": "g", "start": [0, 1]}, emix.ParameterError, "labels"),
    ({"by": "g", "start": "best"}, emix.ParameterError, "best"),
    ({"by": "g", "n_starts": 0}, emix.ParameterError, "n_starts=0"),
    ({"by": "g", "tol": -1}, emix.ParameterError, "tol=-1"),
])
def test_arguments_without_a_meaning(named, error, message):
    frame = pandas.DataFrame({"g": [1, 1, 2, 2], "x": [1.0, 2.0, 3.0, 5.0]})
    with pytest.raises(error, match=message):
        emix.fit_many(frame, 1, **named)


def test_a_start_of_ones_own():
    x = np.stack([two(0), two(1)])
    start = emix.Mixture.univariate([0.5, 0.5], [1.0, 4.0], [1.0, 1.0])
    fits = emix.fit_many(x, 2, start=start)
    assert_same(fits[1], emix.fit(x[1], 2, start=start))


# Progress and Ctrl-C


@pytest.mark.parametrize("natively", [True, False])
def test_progress_is_told_and_ctrl_c_returns_what_is_done(natively, monkeypatch):
    if not natively:
        monkeypatch.setattr(direct, "serves_model", lambda model: False)
    monkeypatch.setattr(many, "GROUPS_AT_A_TIME", 2)
    monkeypatch.setattr(many, "SHARES", 3)
    x = np.stack([two(seed, 20) for seed in range(6)])
    told = []
    fits = emix.fit_many(x, 1, threads=1, progress=told.append)
    assert told == [GroupsProgress(done, 6) for done in (2, 4, 6)] and not fits.failures

    def press(news):
        if news.done == 4:
            raise KeyboardInterrupt

    with pytest.warns(GroupsWarning, match="interrupted: 2 of 6 groups are not fitted: 4, 5"):
        fits = emix.fit_many(x, 1, threads=1, progress=press)
    assert list(fits.failures) == [4, 5] and not fits.is_complete
    assert all(isinstance(error, NotFittedError) for error in fits.failures.values())
    assert_same(fits[3], emix.fit(x[3], 1))


@needs_native
def test_ctrl_c_within_the_kernel_keeps_the_groups_before():
    import subprocess
    import sys

    code = (
        "import _thread, threading, warnings, numpy as np, emix\n"
        "warnings.simplefilter('ignore')\n"
        "x = np.random.default_rng(0).standard_t(2, (40, 8000))\n"
        "threading.Timer(0.5, _thread.interrupt_main).start()\n"
        "fits = emix.fit_many(x, 6)\n"
        "print(fits.is_complete, len(fits.failures) > 20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
                          check=True)
    assert done.stdout.split() == ["False", "True"]


def test_fits_say_what_they_are():
    fits = emix.fit_many({"a": two(0), "b": two(1)}, 2)
    assert repr(fits) == "<Fits of 2 groups, k=2 V, 2 converged, 0 failed>"
    assert fits.k == 2 and fits.df == 5 and "a" in fits and "z" not in fits
    assert [name for name, fit in fits.items() if fit.converged] == ["a", "b"]
    assert fits["a"] is fits["a"]


def test_a_fit_of_a_source_warns_of_nothing():
    source = ArraySource.of(two(0))
    how = Search(None, None, 0, stop_of(None, 1), 1)
    fit = fit_source(source, ("x",), Model.parse(2, 1), how)
    assert fit.warnings and not fit.converged
