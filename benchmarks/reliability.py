"""Where mixtures of normals go wrong elsewhere: ours beside scikit-learn, in one run.

    python benchmarks/reliability.py            prints the table
    python benchmarks/reliability.py --write    and writes docs/reliability.md

Each line names a failure, the tests that hold it, and what emix and scikit-learn say today. Lines
that scikit-learn has no part in have a dash.
"""

from __future__ import annotations

import math
import sys
import tempfile
import textwrap
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from sklearn.mixture import GaussianMixture

import emix

HERE = Path(__file__).parent.parent
Said = Callable[[], str]


@dataclass(frozen=True)
class Line:
    """A failure, the tests that hold it (file::name), and what each says; "" where not asked."""

    what: str
    tests: tuple[str, ...]
    ours: Said | str
    theirs: Said | str = "—"


def said(speaker: Said | str) -> str:
    if isinstance(speaker, str):
        return speaker
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            text = speaker()
        except Exception as error:
            first = textwrap.shorten(str(error), 90, placeholder=" …")
            return f"{type(error).__name__}: {first}"
    told = {w.category.__name__ for w in caught}
    return text + (f" ({', '.join(sorted(told))})" if told else "")


# --- data


def blobs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    return rng.normal(size=(200, 2)) + 6 * labels[:, None], labels


def issue_10122() -> np.ndarray:
    rng = np.random.RandomState(1234)
    return np.concatenate([
        rng.multivariate_normal([2, 4], [[5, 2], [2, 6]], 300),
        rng.multivariate_normal([0, 0], [[4, 2], [2, 3]], 100),
    ])


SCALES = (1e-3, 1e-6, 1e-150, 1e150)
ILL = [[32.00000007, 35.99999993, 8.00000001], [35.99999993, 40.50000006, 8.99999998],
       [8.00000001, 8.99999998, 2.00000008]]
TWICE = np.repeat([[0.0, 0.5], [1.0, 0.1]], 500, axis=0)
FIVE = np.repeat([[0.0, 0.0], [10.0, 1.0], [3.0, 8.0], [-4.0, 5.0], [6.0, -7.0]], 30, axis=0)
HUNDREDS = np.random.default_rng(8).uniform(100, 480, (20, 10)).round(1)
TIES = np.column_stack([np.append(np.repeat([1.0, 1.1, 1.2, 1.3], 50), 40.0),
                        np.random.default_rng(0).normal(size=201)])
ONE_HOT = np.eye(284)[np.arange(1477) % 284]
RECTIFIED = np.maximum(np.random.default_rng(0).normal(-1, 1, (400, 150)), 0)
WAITING = emix.datasets.load("faithful")["waiting"]
GALAXIES = emix.datasets.load("galaxies")["velocity"]


# --- what each says


def right(labels: np.ndarray, truth: np.ndarray) -> float:
    share = float((labels == truth).mean())
    return max(share, 1 - share)


def scaled_ours() -> str:
    x, truth = blobs()
    found = [right(emix.fit(x * s, 2).predict(x * s), truth) for s in SCALES]
    return ", ".join(f"{share:.2f}" for share in found) + " right at × 1e-3, 1e-6, 1e-150, 1e150"


def scaled_theirs() -> str:
    x, truth = blobs()
    parts = []
    for s in SCALES:
        try:
            labels = GaussianMixture(2, random_state=0).fit_predict(x * s)
            parts.append(f"{right(labels, truth):.2f}")
        except Exception as error:
            parts.append(type(error).__name__)
    return ", ".join(parts) + " right"


def columns_ours() -> str:
    x, truth = blobs()
    x = x * [1e-9, 1e9]
    return f"{right(emix.fit(x, 2).predict(x), truth):.2f} right"


def columns_theirs() -> str:
    x, truth = blobs()
    x = x * [1e-9, 1e9]
    return f"{right(GaussianMixture(2, random_state=0).fit_predict(x), truth):.2f} right"


def offset(fit: Callable[[np.ndarray], float]) -> str:
    noise = np.random.default_rng(0).normal(size=10_000)
    digits = []
    for away in (1e6, 1e8, 1e9):
        x = noise + away
        wanted = math.sqrt(((x - away) - (x - away).mean()).var())
        wrong = abs(fit(x) / wanted - 1) if (value := fit(x)) == value else math.inf
        digits.append("none" if wrong >= 1 else f"{min(15.0, -math.log10(max(wrong, 1e-16))):.0f}")
    return f"{', '.join(digits)} digits of σ at 1e6, 1e8, 1e9"


def ours_sd(x: np.ndarray) -> float:
    return float(emix.fit(x, 1).mixture.sds[0])


def theirs_sd(x: np.ndarray) -> float:
    fitted = GaussianMixture(1, covariance_type="spherical", reg_covar=0).fit(x[:, None])
    return math.sqrt(fitted.covariances_[0])


def sklearn_of(x: np.ndarray, k: int, covariance: str = "full") -> GaussianMixture:
    return GaussianMixture(k, covariance_type=covariance, random_state=0).fit(x)


def least_sd(covariances: np.ndarray) -> float:
    return float(np.sqrt(np.min(covariances)))


def theirs_fit(x: np.ndarray, k: int, covariance: str = "full") -> str:
    fitted = sklearn_of(x, k, covariance)
    return f"a fit, least weight {fitted.weights_.min():.1g}, nothing said of spikes"


def ours_fit(x: np.ndarray, k: int, covariance: str = "full") -> str:
    found = emix.fit(x, k, covariance=covariance, n_starts=3, max_iter=200)
    named = f"{len(found.degenerate)} spikes named" if found.degenerate else "no spike"
    return f"a fit, {found.effective_k} of {k} components, {named}"


def condition_ours() -> str:
    return f"{emix.Mixture([1.0], [[0.0] * 3], [ILL]).logpdf([[0.0] * 3])[0]:.7f}"


def condition_theirs() -> str:
    from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

    model = GaussianMixture(1)
    model.means_, model.weights_ = np.zeros((1, 3)), np.ones(1)
    model.precisions_cholesky_ = _compute_precision_cholesky(np.array([ILL]), "full")
    return f"{model.score_samples([[0.0] * 3])[0]:.7f} (exact 11.1852709)"


def integers(score: Callable[[np.ndarray], np.ndarray]) -> str:
    x = np.random.default_rng(1).integers(0, 50, (100, 2))
    return "the same" if np.array_equal(score(x), score(x.astype(float))) else "differ"


def integers_theirs() -> str:
    x = np.random.default_rng(1).integers(0, 50, (100, 2))
    return integers(sklearn_of(x.astype(float), 2).score_samples)


def integers_ours() -> str:
    x = np.random.default_rng(1).integers(0, 50, (100, 2))
    return integers(emix.fit(x.astype(float), 2).mixture.logpdf)


def far_ours() -> str:
    m = emix.Mixture([0.4, 0.6], [[0, 0], [5, 1]], [np.eye(2)] * 2)
    with np.errstate(all="raise"):
        r = m.responsibilities([[1e3, 0.0], [1e8, 0.0], [1e200, 1.0]])
    return f"rows sum to 1 within {abs(r.sum(axis=1) - 1).max():.0e}"


def far_theirs() -> str:
    fitted = sklearn_of(blobs()[0], 2)
    with np.errstate(all="raise"):
        r = fitted.predict_proba([[1e3, 0.0], [1e8, 0.0], [1e200, 1.0]])
    return f"rows sum to 1 within {abs(r.sum(axis=1) - 1).max():.0e}"


def stopping_ours() -> str:
    found = emix.fit(issue_10122(), 2)
    weights = [f"{o.mixture.weights.min():.3f} at {o.loglik:.2f}" for o in found.optima]
    return f"weights {', '.join(weights)}; all maxima"


def stopping_theirs() -> str:
    fitted = sklearn_of(issue_10122(), 2)
    loglik = fitted.score(issue_10122()) * 400
    return f"weight {fitted.weights_.min():.3f} at {loglik:.2f}, converged {fitted.converged_}"


def reported_ours() -> str:
    found = emix.fit(WAITING, 2, tol=1e-3)
    return f"off by {abs(found.loglik - found.mixture.logpdf(WAITING).sum()):.0e}"


def reported_theirs() -> str:
    fitted = sklearn_of(WAITING[:, None], 2)
    off = abs(fitted.lower_bound_ - fitted.score(WAITING[:, None])) * len(WAITING)
    return f"off by {off:.0e} nats"


def one_bic_theirs() -> str:
    bics = {round(sklearn_of(WAITING[:, None], 1, c).bic(WAITING[:, None]), 6)
            for c in ("full", "tied", "diag", "spherical")}
    return f"{len(bics)} value{'s' * (len(bics) > 1)}"


def one_bic_ours() -> str:
    bics = {emix.fit(WAITING, 1, covariance=c).bic for c in ("full", "tied", "diag", "spherical")}
    return f"{len(bics)} value"


def waiting(fit: Callable[[int], float]) -> str:
    worst = min(fit(seed) for seed in range(20))
    return f"worst of 20 seeds {worst:.3f}"


def galaxies(fit: Callable[[int], float]) -> str:
    found = np.array([fit(seed) for seed in range(20)])
    near, above = abs(found + 197.45376) < 1e-3, found > -197.45
    return f"{near.sum()} of 20 seeds end there, {above.sum()} on a spike above it"


def galaxies_theirs() -> str:
    return galaxies(lambda s: GaussianMixture(4, n_init=10, random_state=s)
                    .fit(GALAXIES[:, None]).score(GALAXIES[:, None]) * len(GALAXIES))


def nan(fit: Callable[[np.ndarray], object]) -> str:
    x = blobs()[0].copy()
    x[7, 1] = np.nan
    fit(x)
    return "no error"


def hostile() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.json"
        path.write_text("[" * 1_000_000)
        began = time.perf_counter()
        try:
            emix.load(path)
        except emix.ModelFileError:
            return f"ModelFileError after {time.perf_counter() - began:.2f} s"
    return "read"


def generator(draw: Callable[[], tuple[np.ndarray, np.ndarray]]) -> str:
    one, other = draw()
    return "differ" if not np.array_equal(one, other) else "identical"


def samples_ours() -> tuple[np.ndarray, np.ndarray]:
    m, g = emix.fit(WAITING, 2).mixture, np.random.default_rng(0)
    return m.sample(5, g)[0], m.sample(5, g)[0]


def samples_theirs() -> tuple[np.ndarray, np.ndarray]:
    fitted = sklearn_of(WAITING[:, None], 2)
    return fitted.sample(5)[0], fitted.sample(5)[0]


def series(fit: Callable[[object], object]) -> str:
    import pandas as pd

    fit(pd.Series(WAITING, name="waiting"))
    return "a fit"


def csv_ours() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text("a,b\n1,2\n3,x\n5,6\n")
        try:
            emix.fit(path, 1, columns="b")
        except emix.DataError as error:
            return textwrap.shorten(str(error).replace(folder + "/", ""), 90, placeholder=" …")
    return "read"


U, D = "tests/failures/test_units.py", "tests/failures/test_degenerate.py"
F, T = "tests/test_fitting.py", "tests/test_fitting_table.py"
I, O = "tests/failures/test_interfaces.py", "tests/failures/test_objective.py"  # noqa: E741
R, C = "tests/failures/test_references.py", "tests/soundness/test_checking.py"
LOOP, LOOPS = "tests/laws/test_loop.py", "tests/laws/test_loop_table.py"

LINES: dict[str, list[Line]] = {
    "Units, offsets, cancellation": [
        Line("two blobs, all coordinates × 1e-3 … 1e±150",
             (f"{F}::test_units_do_not_matter", f"{T}::test_units_do_not_matter"),
             scaled_ours, scaled_theirs),
        Line("each column by its own factor (1e-9, 1e9)",
             (f"{T}::test_nor_do_those_of_each_column_where_the_structure_allows_any",),
             columns_ours, columns_theirs),
        Line("offset + N(0, 1), offset 1e6 … 1e9",
             (f"{F}::test_one_component_is_mean_and_standard_deviation",
              f"{U}::test_raw_second_moments_would_lose_every_digit"),
             lambda: offset(ours_sd), lambda: offset(theirs_sd)),
        Line("float32 input is computed in double, shifted",
             (f"{U}::test_single_precision_far_from_zero_is_the_same_numbers_in_double",),
             lambda: offset(lambda x: ours_sd((x - x.mean()).astype(np.float32))),
             lambda: f"dtype {sklearn_of(blobs()[0].astype(np.float32), 2).means_.dtype}"),
        Line("[[9999], [0]], k = 2, spherical (#30382)",
             (f"{U}::test_two_values_far_apart_have_no_negative_variance",
              "tests/test_estimator.py::test_two_values_far_apart"),
             lambda: ours_fit(np.array([[9999.0], [0.0]]), 2, "spherical"),
             lambda: "least variance "
             f"{sklearn_of(np.array([[9999.0], [0.0]]), 2, 'spherical').covariances_.min():.1e}"),
        Line("NIST StRD NumAcc1–4, Michelso, Mavro, Lew, Lottery, every structure",
             ("tests/test_moments.py::test_nist_univariate_accuracy",
              f"{T}::test_nists_columns_have_their_means_and_standard_deviations",
              f"{U}::test_nists_observed_data_as_one_component"), "≥ 13 digits"),
        Line("log-density, condition 1e9 (#29989)",
             ("tests/mixture/test_mixture.py::test_a_density_with_a_condition_of_1e9",),
             condition_ours, condition_theirs),
        Line("integers score as the same numbers in float",
             ("tests/mixture/test_mixture.py::test_whole_numbers_score_as_their_floats",
              "tests/mixture/test_mixture.py::test_whole_numbers_score_as_their_floats_in_two_columns",
              f"{I}::test_the_same_numbers_are_the_same_fit"), integers_ours, integers_theirs),
    ],
    "Degenerate data": [
        Line("two points, each 500 times, k = 5 (#7953)",
             (f"{D}::test_two_points_five_hundred_times",),
             lambda: ours_fit(TWICE, 5, "spherical"), lambda: theirs_fit(TWICE, 5, "spherical")),
        Line("five clusters of identical points, k = 5",
             (f"{T}::test_five_clusters_of_identical_rows",
              f"{F}::test_as_many_components_as_distinct_values"),
             lambda: ours_fit(FIVE, 5), lambda: theirs_fit(FIVE, 5)),
        Line("uniform weights equal no weights (SPARK-57957)",
             (f"{F}::test_equal_weights_are_no_weights", f"{T}::test_equal_weights_are_no_weights"),
             "equal", "takes no weights"),
        Line("20 × 10 near 100–480, k 5–10 (#8453)",
             (f"{D}::test_twenty_rows_of_ten_columns", f"{T}::test_few_rows_of_many_columns"),
             lambda: ours_fit(HUNDREDS, 8), lambda: theirs_fit(HUNDREDS, 8)),
        Line("many ties in a column, one outlier, k = 2 (pomegranate #800)",
             (f"{F}::test_many_ties_and_an_outlier", f"{D}::test_a_fit_or_an_error_that_names_it"),
             lambda: ours_fit(TIES, 2), lambda: theirs_fit(TIES, 2)),
        Line("1477 × 284 one-hot, k = 500 (#12056)",
             (f"{T}::test_one_hot_rows_are_refused_with_a_reason",),
             lambda: ours_fit(ONE_HOT, 500, "diag"), lambda: theirs_fit(ONE_HOT, 500, "diag")),
        Line("5000 × 2000 max(0, N(−1, 1)), k = 10 (pycave #20); here 400 × 150, k = 3",
             (f"{T}::test_half_of_all_values_zero",),
             lambda: ours_fit(RECTIFIED, 3, "diag"), lambda: theirs_fit(RECTIFIED, 3, "diag")),
        Line("a constant column",
             (f"{C}::test_a_constant_column_is_named",
              f"{F}::test_a_constant_column_has_no_spread_to_learn"),
             lambda: ours_fit(np.column_stack([blobs()[0], np.ones(200)]), 2),
             lambda: theirs_fit(np.column_stack([blobs()[0], np.ones(200)]), 2)),
        Line("two equal columns",
             (f"{C}::test_two_equal_columns_are_both_in_the_message_or_one_of_them",),
             lambda: ours_fit(blobs()[0][:, [0, 1, 0]], 2),
             lambda: theirs_fit(blobs()[0][:, [0, 1, 0]], 2)),
        Line("more columns than rows",
             (f"{C}::test_more_columns_than_rows_are_said_to_be",
              f"{T}::test_more_columns_than_rows"),
             lambda: ours_fit(HUNDREDS[:6], 2), lambda: theirs_fit(HUNDREDS[:6], 2)),
        Line("n = 1", (f"{C}::test_one_row_has_no_spread",
                       f"{I}::test_one_number_for_all_rows_and_no_rows"),
             lambda: ours_fit(np.ones((1, 2)), 1), lambda: theirs_fit(np.ones((1, 2)), 1)),
        Line("k > distinct points",
             (f"{F}::test_more_components_than_distinct_values_are_refused",
              f"{C}::test_more_components_than_distinct_rows_are_refused"),
             lambda: ours_fit(FIVE, 9), lambda: theirs_fit(FIVE, 9)),
        Line("all points equal", (f"{F}::test_a_constant_column_has_no_spread_to_learn",
                                  f"{D}::test_a_fit_or_an_error_that_names_it"),
             lambda: ours_fit(np.ones((50, 2)), 2), lambda: theirs_fit(np.ones((50, 2)), 2)),
        Line("effective k reported, no silent component",
             (f"{D}::test_components_that_coincide_are_counted_once",
              f"{D}::test_a_component_without_data_is_not_silent"),
             lambda: f"effective_k {emix.fit(TWICE[:, 0], 5, sds=0.25).effective_k} of 5",
             lambda: theirs_fit(TWICE[:, :1], 5, "tied")),
    ],
    "Underflow and far points": [
        Line("a point 1e3, 1e8, 1e200 sds away, under np.seterr(all='raise') (#7462)",
             ("tests/laws/test_kernels.py::test_far_points_have_finite_responsibilities",
              "tests/laws/test_double_range.py::test_fifty_digits_over_the_whole_range",
              "tests/test_estimator.py::test_far_points_under_strict_arithmetic"),
             far_ours, far_theirs),
        Line("np.seterr(all='raise') around everything",
             ("tests/failures/test_strict.py::test_fits_of_several_columns",
              "tests/failures/test_strict.py::test_fits_of_one_column"), "no error"),
    ],
    "Objective and stopping": [
        Line("400 rows of #10122: the maximum is near .24/.76",
             (f"{T}::test_a_maximum_that_stopping_early_misses",
              f"{O}::test_the_smaller_groups_of_two_that_cross",
              "tests/test_estimator.py::test_it_does_not_stop_before_the_maximum"),
             stopping_ours, stopping_theirs),
        Line("the log-likelihood is that of the mixture returned (#10869)",
             (f"{F}::test_the_loglik_is_that_of_the_mixture_returned",
              f"{R}::test_the_loglik_is_that_of_the_parameters_at_any_tolerance"),
             reported_ours, reported_theirs),
        Line("EM never lowers its objective by more than 1e-12 of it",
             (f"{LOOP}::test_em_never_lowers_its_objective_and_never_moves_what_is_held",
              f"{LOOPS}::test_em_never_lowers_its_objective_and_never_moves_what_is_held"),
             "thousands of random cases"),
        Line("k = 1: BIC equal across structures in one column (#4036)",
             (f"{O}::test_bic_of_one_component_in_one_column_is_one_number",),
             one_bic_ours, one_bic_theirs),
        Line("sample() for tiny n (#23032)",
             (f"{O}::test_a_sample_of_fewer_rows_than_components",
              "tests/test_estimator.py::test_samples_of_tiny_data"),
             lambda: f"{emix.fit(WAITING, 2).mixture.sample(1, seed=0)[0].shape} for n = 1",
             lambda: f"{sklearn_of(WAITING[:, None], 2).sample(1)[0].shape} for n = 1"),
        Line("starts that are given are used (#16944, #26415)",
             (f"{F}::test_a_mixture_to_start_from_is_the_start_used",
              "tests/test_estimator.py::test_given_starts_are_the_ones_used"), "used"),
        Line("faithful waiting, k = 2, from 20 seeds (mixtools #7)",
             (f"{O}::test_waiting_times_from_every_seed",),
             lambda: waiting(lambda s: emix.fit(WAITING, 2, seed=s).loglik),
             lambda: waiting(lambda s: GaussianMixture(2, random_state=s).fit(WAITING[:, None])
                             .score(WAITING[:, None]) * len(WAITING))),
        Line("galaxies, k = 4: −197.45376, not −199.2545",
             (f"{O}::test_a_better_maximum_than_mclusts",),
             lambda: galaxies(lambda s: emix.fit(GALAXIES, 4, seed=s).loglik), galaxies_theirs),
    ],
    "Reference software that is itself wrong": [
        Line("VVE is stationary in its orientation (mclust's is not)",
             (f"{R}::test_vve_is_stationary_in_its_orientation",), "thyroid −2279.2, iris −214.1",
             "has no VVE"),
        Line("EII with a prior keeps its scale; equal weights are equal; loglik is the result's",
             (f"{R}::test_the_prior_has_its_scale_in_every_structure",
              f"{R}::test_equal_weights_sum_to_one_in_every_structure",
              f"{R}::test_the_loglik_is_that_of_the_parameters_at_any_tolerance"), "so"),
        Line("constraints on sds never lower the likelihood (mixtools' ratios do)",
             (f"{LOOP}::test_em_never_lowers_its_objective_and_never_moves_what_is_held",),
             "held sds; ratios are not offered"),
        Line("better optima than mclust's starts: galaxies, acidity, enzyme, thyroid",
             (f"{O}::test_a_better_maximum_than_mclusts",
              "tests/reference/test_golden_fits.py::*", "tests/reference/test_golden_tables.py::*"),
             "at least as high in all frozen cases (against-mclust.md)"),
    ],
    "Interfaces": [
        Line("1-D arrays, Series, one-column frames; the same kind of frame out; names checked",
             ("tests/frames/test_giving.py::test_frame_in_same_kind_of_frame_out",
              "tests/frames/test_giving.py::test_a_series_in_a_series_out",
              "tests/test_arrays.py::test_every_way_to_give_a_column"),
             lambda: series(lambda x: emix.fit(x, 2)),
             lambda: series(lambda x: GaussianMixture(2).fit(x))),
        Line("a seed does not make every sample() call identical; threads change nothing",
             ("tests/mixture/test_mixture.py::test_a_seed_samples_the_same_and_a_generator_goes_on",
              f"{F}::test_a_seed_finds_the_same_to_the_bit_and_threads_do_not_matter",
              f"{LOOPS}::test_threads_change_no_bit_of_a_climb"),
             lambda: generator(samples_ours), lambda: generator(samples_theirs)),
        Line("NaN and inf: a typed error with row and column",
             (f"{F}::test_data_that_cannot_be_used_are_named",
              "tests/test_estimator.py::test_what_is_not_finite_is_named_by_row_and_column"),
             lambda: nan(lambda x: emix.fit(x, 2)),
             lambda: nan(lambda x: GaussianMixture(2).fit(x))),
        Line("CSV: text cells, missing header, ragged rows, latin-1, empty, a 1e6-column line",
             ("tests/sources/test_delimited.py::test_refused_cells_name_file_line_column_and_why",
              "tests/sources/test_delimited.py::test_ragged_rows",
              "tests/sources/test_delimited.py::test_latin_1_is_refused_with_the_byte",
              "tests/sources/test_delimited.py::test_empty_file",
              "tests/sources/test_delimited.py::test_a_million_rows_and_a_million_columns_are_quick",
              "tests/cli/test_exits.py::test_data_is_3"), csv_ours, "reads no files"),
        Line("a full disk or a torn write leaves the model file that was there",
             (f"{I}::test_a_write_that_fails_at_a_step_leaves_what_was_there",
              f"{I}::test_short_writes_are_gone_on_with_or_leave_what_was_there",
              f"{I}::test_a_disk_that_is_really_full",
              "tests/cli/test_exits.py::test_a_failing_rename_leaves_the_old_files"),
             "left, WriteError", "pickle.dump to a file in place"),
        Line("hostile model files are refused in under a second; no pickle",
             ("tests/mixture/test_modelfile.py::test_hostile_files_are_refused_at_once",
              "tests/mixture/test_modelfile.py::test_mutations_of_files_are_harmless",
              f"{I}::test_json_is_measured_before_it_is_taken_apart",
              f"{I}::test_there_is_no_pickle_anywhere"),
             hostile, "pickle runs what it reads"),
        Line("Ctrl-C returns the best so far",
             ("tests/searching/test_search.py::test_ctrl_c_ends_a_search",
              "tests/searching/test_search.py::test_ctrl_c_ends_a_search_in_several_columns",
              "tests/searching/test_search.py::test_ctrl_c_ends_one_long_native_climb",
              f"{T}::test_ctrl_c_in_a_fit_gives_the_best_so_far"),
             "a Fit, “interrupted”", "KeyboardInterrupt, nothing left"),
        Line("a killed fit resumes from its checkpoint to the same bits",
             ("tests/searching/test_checkpoint.py::test_sigkill_at_any_moment",
              "tests/searching/test_checkpoint.py::test_a_killed_climb_ends_with_the_same_bits"),
             "to the bit (tests/nightly/kills.py)", "has no checkpoints"),
    ],
}

HEAD = """# Where others fail

Failures of mixture software, collected from its trackers and found when the reference cases were
made, the tests that hold each in emix, and what emix and scikit-learn {version} said when `python
benchmarks/reliability.py --write` was last run. {count} lines. “NotConvergedWarning” and the like
in brackets are warnings given.

Beyond the table, at night (`tests/nightly`): `kills.py` kills checkpointed fits at random moments
(200: every resumption ended with the bits of an unbroken fit), `mutations.py` reads damaged model
files and checkpoints (10⁶: every one refused or harmless, the slowest 0.01 s, memory at most three
times the file beside a quarter of a megabyte), `sanitize.sh` runs the kernel's tests under the
address and undefined-behaviour sanitizers, and `pytest --hypothesis-profile=nightly tests/laws`
tries the laws on ten thousand cases each.
"""


def table() -> str:
    count = sum(map(len, LINES.values()))
    text = [HEAD.format(version=sklearn.__version__, count=count)]
    number = 0
    for section, lines in LINES.items():
        text += [f"## {section}\n", "| | what | ours | scikit-learn | tests |",
                 "|---|---|---|---|---|"]
        for line in lines:
            number += 1
            began = time.perf_counter()
            cells = [said(line.ours), said(line.theirs)]
            tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in line.tests)
            cells = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
            text.append(f"| {number} | {line.what} | {cells[0]} | {cells[1]} | {tests} |")
            print(f"{number:3} {line.what}\n      ours:   {cells[0]}\n      theirs: {cells[1]}   "
                  f"[{time.perf_counter() - began:.1f} s]", file=sys.stderr, flush=True)
        text.append("")
    return "\n".join(text)


if __name__ == "__main__":
    page = table()
    if "--write" in sys.argv[1:]:
        (HERE / "docs" / "reliability.md").write_text(page)
    else:
        print(page)
