"""select: a whole table, an honest choice, and what is said of what could not be fitted."""

from __future__ import annotations

import itertools
import json
import math
import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emix
from emix import DataError, ParameterError, Selection
from emix.covariance import STRUCTURES
from emix.kernels import NATIVE
from emix.selection.choice import NOT_REACHED
from emix.selection.heldout import folds_of
from emix.selection.screening import is_within

native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built: minutes without it")
pytestmark = native


@cache
def faithful() -> np.ndarray:
    return emix.datasets.load("faithful").data


@cache
def small() -> Selection:
    """Few rows, quickly made, that several tests look at."""
    return emix.select(faithful(), range(1, 4), ["VII", "EEE", "VVV"])


@cache
def whole() -> Selection:
    return emix.select(faithful())


def groups(seed: int, n: int = 40, d: int = 2) -> np.ndarray:
    """Three groups, some of which overlap."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, d)) * 2.5
    return np.concatenate([
        centre + rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) for centre in centres
    ])


def few_in_many_columns() -> np.ndarray:
    """Rows that do not suffice for a covariance of each component's own."""
    return np.random.default_rng(5).normal(size=(14, 6))


# The table


def test_the_table_has_a_row_for_each_structure_and_k():
    selection = small()
    pairs = [(row.covariance, row.k) for row in selection.table]
    assert pairs == list(itertools.product(["VII", "EEE", "VVV"], [1, 2, 3]))
    assert selection.columns == ("x1", "x2") and selection.n == 272
    assert selection.is_complete and selection.folds is None
    assert selection.row("EEE", 2) is selection.table[4]
    with pytest.raises(KeyError):
        selection.row("EEE", 4)


def test_the_criteria_follow_from_the_log_likelihood():
    for row in small().table:
        assert row.failure is None and row.degenerate == () and row.converged
        assert row.bic == pytest.approx(-2 * row.loglik + row.df * math.log(272), abs=1e-9)
        assert row.aic == pytest.approx(-2 * row.loglik + 2 * row.df, abs=1e-9)
        # A charge for points whose component is unsure, and there are none where there is one.
        assert row.icl >= row.bic and (row.icl == row.bic) == (row.k == 1)
        assert row.heldout is None


@pytest.mark.parametrize(("name", "k"), [("VII", 3), ("EEE", 3), ("VVV", 2), ("VVV", 1)])
def test_a_row_is_what_fit_finds_or_nearly(name, k):
    fit, row = emix.fit(faithful(), k, covariance=name), small().row(name, k)
    assert row.df == fit.df
    # A screened row stops at a gradient that is enough to rank by.
    assert row.loglik == pytest.approx(fit.loglik, abs=0.05)
    assert row.icl == pytest.approx(fit.icl, abs=1.0)


def test_the_best_is_a_fit_and_is_what_fit_finds_or_better():
    best, row = small().best, small().ranked[0]
    assert (best.covariance, best.k) == (row.covariance, row.k) == ("EEE", 3)
    assert (best.loglik, best.bic, best.icl, best.aic) == (row.loglik, row.bic, row.icl, row.aic)
    assert best.converged and not best.degenerate and row.is_refined
    assert best.loglik >= emix.fit(faithful(), 3, covariance="EEE").loglik - 1e-9
    np.testing.assert_array_equal(best.predict(faithful()), best.mixture.predict(faithful()))


@native
def test_the_first_three_are_refined_and_stand_in_order():
    for criterion in ("bic", "icl", "aic"):
        selection = emix.select(faithful(), [2, 3], ["EEE", "VVV"], criterion=criterion)
        values = [row.value(criterion) for row in selection.ranked]
        assert values == sorted(values)
        assert [row.is_refined for row in selection.ranked[:3]] == [True] * 3
        (first, none), (_, second), (_, third) = selection.top
        assert first == selection.ranked[0] and none == 0 and 0 < second < third
        assert second == pytest.approx(values[1] - values[0])
        assert selection.best.k == first.k


@native
def test_old_faithful_is_three_ellipsoids_alike():
    # mclust: EEE, 3 with a BIC of 2314.316.
    selection = whole()
    assert (selection.best.covariance, selection.best.k) == ("EEE", 3)
    assert selection.best.bic <= 2314.2957
    assert len(selection.table) == 14 * 9 and not selection.failures


@native
def test_one_component_is_the_same_in_many_structures_and_ranked_once():
    rows = [row for row in whole().table if row.k == 1]
    assert len({row.loglik for row in rows}) == len({row.df for row in rows}) == 3
    assert sum(row.k == 1 for row in whole().ranked) == 3
    blob = np.random.default_rng(0).normal(size=(200, 2)) @ [[1.0, 0.7], [0.0, 0.5]]
    selection = emix.select(blob, range(1, 4), ["EEE", "VVV", "VEE"])
    # The simplest of the three that are the same.
    assert (selection.best.covariance, selection.best.k) == ("VEE", 1) or \
        (selection.best.covariance, selection.best.k) == ("EEE", 1)
    assert sum(row.k == 1 for row in selection.ranked) == 1


def test_names_may_be_aliases_and_come_in_the_tables_order():
    selection = emix.select(faithful(), 1, ["full", "tied", "VVV", "spherical"])
    assert [row.covariance for row in selection.table] == ["VII", "EEE", "VVV"]
    assert [row.k for row in selection.table] == [1, 1, 1]


# More components never fit worse


def assert_rises(selection: Selection) -> None:
    for name in {row.covariance for row in selection.table}:
        rows = [row for row in selection.table if row.covariance == name and row.failure is None]
        for smaller, larger in itertools.pairwise(rows):
            slack = 1e-9 * abs(smaller.loglik)
            assert larger.loglik >= smaller.loglik - slack, (name, smaller.k, larger.k)


@native
@given(seed=st.integers(0, 10_000))
@settings(max_examples=8)
def test_more_components_never_have_a_lower_log_likelihood(seed):
    assert_rises(emix.select(groups(seed), range(1, 6), ["EII", "EEI", "EEE"]))


@native
@pytest.mark.parametrize("ks", [[1, 2, 3, 4], [1, 4], [2, 3, 5]])
def test_nor_where_each_has_its_own_covariance(ks):
    assert_rises(emix.select(faithful(), ks, ["VII", "VVV"]))


@native
def test_nor_in_the_whole_table():
    assert_rises(whole())


@native
def test_a_structure_is_not_below_those_that_it_contains():
    # With more components some of what lies higher is degenerate.
    from emix.covariance import structure

    selection = whole()
    for one, other in itertools.permutations(STRUCTURES, 2):
        if is_within(structure(one, 2), structure(other, 2)):
            for k in range(1, 6):
                assert selection.row(other, k).loglik >= selection.row(one, k).loglik - 0.5


def test_what_contains_what():
    from emix.covariance import structure

    def within(one, other):
        return is_within(structure(one, 3), structure(other, 3))

    assert within("EII", "VII") and within("EII", "EEE") and within("EEI", "EVE")
    assert within("VVE", "VVV") and within("EEV", "VEV") and within("VII", "VEV")
    assert not within("VII", "EEE") and not within("VVI", "VEE") and not within("EEE", "EEE")


# Failures


def test_more_components_than_rows_need_more_points():
    x = np.repeat([[0.0, 0.0], [1.0, 0.2], [0.3, 1.0], [2.0, 2.1]], 5, axis=0)
    selection = emix.select(x, range(1, 7), ["EII", "EEE"])
    failed = {row.k: row for row in selection.table if row.covariance == "EEE" and row.failure}
    assert {5, 6} <= set(failed)
    assert failed[6].failure == "needs more points: the data has 4 distinct rows"
    assert math.isnan(failed[6].bic) and failed[6].outcome is None
    assert "EII, EEE with k = 5–6: needs more points" in selection.report()


def test_columns_that_depend_on_each_other_are_singular_where_that_matters():
    x = groups(1)
    x = np.column_stack([x, x[:, 0] - x[:, 1]])
    selection = emix.select(x, [1, 2], ["VII", "VVI", "VVV"])
    assert [bool(row.failure) for row in selection.table] == [False] * 4 + [True] * 2
    assert selection.row("VVV", 1).failure.startswith("singular: ")
    assert "can be computed from the other columns" in selection.row("VVV", 2).failure
    assert selection.best.covariance != "VVV"


def test_a_constant_column_leaves_the_spheres():
    x = np.column_stack([groups(2), np.ones(120)])
    selection = emix.select(x, [1, 2], ["VII", "VVI", "EEE"])
    assert {row.covariance for row in selection.failures} == {"VVI", "EEE"}
    assert all("x3 (1) is constant" in row.failure for row in selection.failures)


def test_what_is_only_degenerate_fails_by_name_and_is_never_chosen():
    selection = emix.select(few_in_many_columns(), [1, 2, 3], ["EEE", "VVV"])
    two, three = selection.row("VVV", 2), selection.row("VVV", 3)
    assert two.failure == "no sound optimum"
    assert "too few for a spread of its own" in two.degenerate[0].reason
    assert three.failure == "collapsed: needs more points"
    assert "flat" in three.degenerate[0].reason and three.outcome is emix.Outcome.COLLAPSED
    assert math.isnan(two.loglik) and math.isnan(two.value("bic"))
    assert not set(selection.ranked) & set(selection.failures) and not selection.best.degenerate
    assert "VVV with k = 3: collapsed: needs more points" in selection.report()


def test_when_all_fail_there_is_nothing_to_return():
    with pytest.raises(DataError, match=r"none of 2 models has a sound optimum.*needs more points"):
        emix.select([[0.0, 1.0], [1.0, 0.0], [0.5, 2.0]], [5, 6], "VVV")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"ks": []}, "ks="), ({"ks": [0, 1]}, "ks="), ({"ks": 2.5}, "ks="), ({"ks": [True]}, "ks="),
    ({"covariances": []}, "covariances is empty"), ({"covariances": "round"}, "round"),
    ({"criterion": "BIC"}, "criterion='BIC'"), ({"folds": 1}, "folds=1"),
    ({"folds": 300}, "folds=300"), ({"weights": [0.5, 0.5]}, "weights="),
    ({"threads": 0}, "threads=0"), ({"tol": -1}, "tol=-1"),
])
def test_arguments_without_a_meaning_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        emix.select(faithful(), **{"ks": [1, 2], **arguments})


# One column, held weights, priors, weights of rows


@native
def test_one_column_has_two_structures():
    x = emix.datasets.load("faithful")["waiting"]
    selection = emix.select(x, range(1, 5))
    assert [row.covariance for row in selection.table] == ["E"] * 4 + ["V"] * 4
    assert selection.row("E", 1).loglik == selection.row("V", 1).loglik
    assert (selection.best.covariance, selection.best.k) == ("E", 2)
    assert selection.columns == ("x",)
    for row in selection.table:
        fit = emix.fit(x, row.k, covariance=row.covariance)
        assert row.loglik <= fit.loglik + 1e-6 and row.df == fit.df
    assert_rises(selection)


def test_equal_weights_are_held():
    selection = emix.select(faithful(), [2, 3], "EEE", weights="equal")
    np.testing.assert_array_equal(selection.best.mixture.weights, 1 / selection.best.k)
    free = small().row("EEE", 3)
    assert selection.row("EEE", 3).df == free.df - 2
    assert selection.row("EEE", 3).loglik < free.loglik


def test_with_a_conjugate_prior_nothing_is_degenerate():
    x = np.random.default_rng(5).normal(size=(14, 3))
    assert emix.select(x, range(1, 5), "VVV").failures
    selection = emix.select(x, range(1, 5), "VVV", prior="conjugate")
    assert not selection.failures and selection.best.objective != selection.best.loglik


def test_a_weight_counts_as_repetition():
    x = groups(3)
    weight = np.random.default_rng(1).integers(0, 3, len(x))
    weighted = emix.select(x, [1, 2, 3], ["EEI", "VVV"], sample_weight=weight)
    repeated = emix.select(np.repeat(x, weight, axis=0), [1, 2, 3], ["EEI", "VVV"])
    assert weighted.n == repeated.n == weight.sum()
    for one, other in zip(weighted.table, repeated.table, strict=True):
        if one.failure is None and other.failure is None:
            assert one.loglik == pytest.approx(other.loglik, abs=2.0)
    assert weighted.best.bic == pytest.approx(repeated.best.bic, abs=1e-6)


@native
def test_much_data_is_screened_on_a_sample_and_stands_on_all_of_it(monkeypatch):
    monkeypatch.setattr("emix.selection.setting.SAMPLE_ROWS", 100)
    monkeypatch.setattr("emix.searching.finding.SEARCH_ROWS", 100)
    selection = emix.select(faithful(), [1, 2, 3], ["EEE", "VVV"])
    assert selection.n == 272
    for row in selection.table:
        assert row.failure is None
        assert row.loglik == pytest.approx(small().row(row.covariance, row.k).loglik, abs=10.0)
    assert selection.best.loglik == pytest.approx(
        small().row(selection.best.covariance, selection.best.k).loglik, abs=0.1
    )


# The same whatever the threads; another way when stopped


@native
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_matter_by_a_bit(threads):
    def plain(threads: int) -> str:
        selection = emix.select(faithful(), range(1, 5), ["EII", "VEI", "EEE", "VVE", "VVV"],
                                threads=threads, folds=2)
        return json.dumps(selection.to_dict())

    assert plain(threads) == plain(1)


def test_the_seed_is_kept_and_a_generator_is_taken():
    assert emix.select(faithful(), 1, "EEE", seed=7).seed == 7
    generator = np.random.default_rng(0)
    assert emix.select(faithful(), 1, "EEE", seed=generator).seed > 0


def stopping(after: int, stage: str = "screening"):
    told = []

    def progress(news):
        told.append(news)
        if news.stage == stage and news.done >= after:
            raise KeyboardInterrupt

    return progress, told


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_returns_the_best_so_far(threads):
    progress, _ = stopping(10)
    selection = emix.select(faithful(), progress=progress, threads=threads)
    assert not selection.is_complete
    assert selection.failures and {row.failure for row in selection.failures} == {NOT_REACHED}
    assert selection.row("EII", 1).failure is None
    assert selection.best.converged and selection.best.k < 9
    assert not selection.row("VVV", 9).was_reached and selection.row("VVV", 9).df == 53
    report = selection.report()
    assert "STOPPED EARLY" in report and "?" in report and "not reached" in report


def test_ctrl_c_before_anything_was_found_is_ctrl_c():
    progress, _ = stopping(0)
    with pytest.raises(KeyboardInterrupt):
        emix.select([[0.0, 1.0], [1.0, 0.0], [0.5, 2.0]], [4, 5], "VVV", progress=progress)


def test_ctrl_c_before_all_folds_were_seen_leaves_bic():
    progress, _ = stopping(3, "held out")
    selection = emix.select(faithful(), [1, 2], ["EEE"], criterion="heldout", progress=progress)
    assert selection.criterion == "bic" and not selection.is_complete
    assert selection.row("EEE", 2).heldout is None
    assert "BIC decides instead" in selection.report()


def test_progress_hears_of_each_row_in_each_stage():
    told = []
    emix.select(faithful(), [1, 2], ["EEE", "VVV"], folds=2, progress=told.append)
    stages = [news.stage for news in told]
    assert stages == sorted(stages, key=["screening", "held out", "refining"].index)
    screening = [news for news in told if news.stage == "screening"]
    assert [news.done for news in screening] == [1, 2, 3, 4]
    assert {news.total for news in screening} == {4}
    assert {(news.covariance, news.k) for news in screening} == \
        set(itertools.product(["EEE", "VVV"], [1, 2]))
    held_out = [news for news in told if news.stage == "held out"]
    assert [news.done for news in held_out] == list(range(1, 9)) and held_out[0].total == 8


# Held out


def test_folds_are_even_and_follow_from_the_seed():
    fold = folds_of(103, 5, seed=3)
    assert sorted(np.bincount(fold)) == [20, 20, 21, 21, 21]
    np.testing.assert_array_equal(fold, folds_of(103, 5, seed=3))
    assert (fold != folds_of(103, 5, seed=4)).any()


def test_held_out_is_the_log_likelihood_of_rows_left_out():
    x = faithful()
    selection = emix.select(x, [1, 2], "VVV", folds=4, seed=11)
    fold = folds_of(len(x), 4, seed=11)
    for k in (1, 2):
        score = 0.0
        for number in range(4):
            left_out = fold == number
            fit = emix.fit(x[~left_out], k)
            score += fit.mixture.logpdf(x[left_out]).sum()
        assert selection.row("VVV", k).heldout == pytest.approx(score, abs=0.02)
    assert selection.row("VVV", 2).heldout < selection.row("VVV", 2).loglik
    again = emix.select(x, [1, 2], "VVV", folds=4, seed=11)
    assert [row.heldout for row in again.table] == [row.heldout for row in selection.table]


def test_held_out_can_decide():
    selection = emix.select(faithful(), [1, 2, 3], ["EEE"], criterion="heldout")
    assert selection.folds == 5 and selection.criterion == "heldout"
    row = selection.ranked[0]
    assert row.heldout == max(r.heldout for r in selection.table)
    assert row.value("heldout") == -2 * row.heldout and selection.best.k == row.k
    assert "held-out deviance in 5 folds" in selection.report()


def test_weighted_rows_are_left_out_with_their_weight():
    x, weight = groups(4), np.random.default_rng(2).uniform(0.5, 2, 120)
    selection = emix.select(x, 1, "VVV", sample_weight=weight, folds=3)
    fold, score = folds_of(120, 3, seed=0), 0.0
    for number in range(3):
        out = fold == number
        fit = emix.fit(x[~out], 1, sample_weight=weight[~out])
        score += weight[out] @ fit.mixture.logpdf(x[out])
    assert selection.table[0].heldout == pytest.approx(score, abs=1e-6)


# Words and data


def test_the_report_says_it_all():
    report = small().report()
    assert report == str(small())
    assert report.startswith("x1, x2: 9 models (3 covariance structures, k = 1–3) by BIC")
    best = small().best
    assert f"mclust prints BIC as {-best.bic:.3f}" in report
    assert f"{best.bic:.2f}*" in report and report.count("*") == 2
    for row in small().table:
        assert f"{row.bic:.2f}" in report
    assert report.endswith(best.report()) and "No sound optimum" not in report
    assert "EEE k=3 of 9 rows by bic" in repr(small())


def test_many_ks_are_told_in_blocks():
    x = np.random.default_rng(3).normal(size=(60, 1))[:, 0]
    report = emix.select(x, range(1, 15), "E").report()
    assert max(map(len, report.splitlines())) <= 125
    heads = [line.split() for line in report.splitlines() if line.startswith("    k")]
    assert [head[1] for head in heads] == ["1", heads[1][1], "log-likelihood"]
    # The last is the table by k, a line for each.
    start = report.splitlines().index("E by k")
    assert [line.split()[0] for line in report.splitlines()[start + 2: start + 16]] == \
        [str(k) for k in range(1, 15)]


def test_the_plain_data_is_json_and_complete():
    selection = small()
    plain = selection.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["covariance"], plain["k"], plain["criterion"]) == ("EEE", 3, "bic")
    assert plain["best"] == selection.best.to_dict() and plain["n"] == 272
    assert [entry["above_best"] for entry in plain["top"]] == [above for _, above in selection.top]
    for entry, row in zip(plain["table"], selection.table, strict=True):
        assert (entry["covariance"], entry["k"], entry["bic"]) == (row.covariance, row.k, row.bic)
        assert entry["bic_mclust"] == -row.bic and entry["failure"] is None
    failed = emix.select(few_in_many_columns(), [1, 3], "VVV").to_dict()["table"][1]
    assert failed["bic"] is None and failed["failure"] and failed["degenerate"]


def test_the_picture_has_a_line_for_each_structure():
    pytest.importorskip("matplotlib")
    axes = small().plot()
    assert "EEE" in axes.get_title(loc="left")
    assert small().plot(ax=axes) is axes


@native
def test_a_choice_that_did_not_converge_warns():
    with pytest.warns(emix.NotConvergedWarning):
        selection = emix.select(faithful(), 3, "EEE", tol=0.0)
    assert not selection.best.converged and selection.best.warnings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        emix.select(faithful(), 3, "EEE")
