"""The compiled kernel: float64 or float32, computed in double.

Points are seen as z = (x - shift) * scale, and components are given in the units of z. Arrays must
be C-contiguous. Results do not depend on `threads`, not by a bit. Every function but
`instruction_sets` raises ValueError if EMIX_INSTRUCTION_SET names what this machine cannot run.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Floats: TypeAlias = NDArray[np.float64]
_Values: TypeAlias = NDArray[np.floating[Any]]

def instruction_set() -> str:
    """The level that this process uses: "x86-64-v2", "x86-64-v3", "x86-64-v4" or "baseline"."""

def instruction_sets() -> list[str]:
    """The levels that this processor can run, the best one last."""

def expect(
    x: _Values,
    sample_weight: _Floats | None,
    shift: float,
    scale: float,
    log_weights: _Floats,
    means: _Floats,
    sds: _Floats,
    threads: int,
) -> tuple[_Floats, _Floats, _Floats, float, float]:
    """s0 = Σ w r, s1 = Σ w r u, s2 = Σ w r u², each (k,), with u = (z - mean) / sd; loglik; Σ w."""

def log_density(
    x: _Values,
    shift: float,
    scale: float,
    log_weights: _Floats,
    means: _Floats,
    sds: _Floats,
    threads: int,
) -> _Floats:
    """Log density of z, (n,); -inf where every squared distance overflows."""

def responsibilities(
    x: _Values,
    shift: float,
    scale: float,
    log_weights: _Floats,
    means: _Floats,
    sds: _Floats,
    threads: int,
) -> _Floats:
    """P(component k | z), (n, k), finite and summing to 1 however far z lies."""

def labels(
    x: _Values,
    shift: float,
    scale: float,
    log_weights: _Floats,
    means: _Floats,
    sds: _Floats,
    threads: int,
) -> NDArray[np.int64]:
    """The component of the largest responsibility, (n,), the first of equals."""

def moments(
    x: _Values, sample_weight: _Floats | None, threads: int
) -> tuple[int, float, float, float, float, float, int]:
    """count, weight, mean, scatter, minimum, maximum of the rows with weight > 0; and first_bad.

    first_bad is the first row with a value that is not finite or a weight that is negative or not
    finite, or -1; where there is one, the rest means nothing. Without rows the mean is NaN.
    """

def classification(
    x: _Values,
    sample_weight: _Floats | None,
    shift: float,
    scale: float,
    log_weights: _Floats,
    means: _Floats,
    sds: _Floats,
    threads: int,
) -> tuple[float, float]:
    """Σ w log max_k r and Σ w Σ_k r log r, over the rows."""

def sorted_column(
    x: _Values, sample_weight: _Floats | None, shift: float, scale: float
) -> tuple[_Floats, _Floats, float]:
    """The distinct z of positive weight, ascending, the weight of each, and their sd."""

def optimal_breaks(points: _Floats, k: int, weight: _Floats | None) -> NDArray[np.int64]:
    """Where to cut ascending points into k runs of least sum of squares: k + 1 indices."""

def climb(
    x: _Values,
    sample_weight: _Floats | None,
    shift: float,
    scale: float,
    weights: _Floats,
    means: _Floats,
    sds: _Floats,
    tied: bool,
    held_weights: _Floats,
    held_means: _Floats,
    held_sds: _Floats,
    prior_mean: float,
    prior_sd: float,
    concentration: _Floats,
    floor: float,
    max_iter: int,
    tol: float,
    threads: int,
    with_trace: bool = False,
) -> tuple[Any, ...]:
    """EM from each of s starts: weights, means, sds (s, k) where it ended, and their objective,
    loglik, gradient, iterations and outcome (s,).

    NaN in a held array (k,) means "learn this one"; prior_sd NaN, no prior on the means;
    concentration (k,) all 1, none on the weights. Outcome 0: gradient <= tol; 1: max_iter reached;
    2: the objective fell; 3: something was not finite. After 2 and 3 the last sound parameters are
    returned. With a trace two more arrays follow: how many steps each climb recorded (s,), and
    the objective at them all, climb by climb.
    """

def search(
    points: _Floats,
    weight: _Floats,
    sd: float,
    k: int,
    tied: bool,
    held_weights: _Floats,
    held_means: _Floats,
    held_sds: _Floats,
    prior_mean: float,
    prior_sd: float,
    concentration: _Floats,
    floor: float,
    start_kinds: Sequence[int],
    chains: int,
    swaps: int,
    settled: int,
    short_run: int,
    kept: int,
    short_tol: float,
    seed: int,
    tol: float,
    max_iter: int,
    threads: int,
) -> tuple[
    list[
        tuple[_Floats, _Floats, _Floats, float, float, float, int, int, float, int, _Floats]
    ],
    bool,
]:
    """`emix.search.search_portably` for a sorted column, in one call.

    The summits, best first, each as weights (k,), means (k, 1), sds (k,), objective, loglik,
    gradient, iterations, outcome (as from `climb`), worth, starts, and the trace of objectives.
    Kinds of start are numbered as in `emix.initialise.STARTS`. And whether Ctrl-C ended it before
    all was searched; with nothing found by then it raises KeyboardInterrupt.
    """

class FitSettings:
    """What is learned and how it is searched for, checked once for all fits that share it."""

    def __init__(
        self,
        tied: bool,
        held_weights: _Floats,
        held_means: _Floats,
        held_sds: _Floats,
        prior_mean: float,
        prior_sd: float,
        concentration: _Floats,
        floor: float,
        start_kinds: Sequence[int],
        chains: int,
        swaps: int,
        settled: int,
        short_run: int,
        kept: int,
        max_iter: int,
        short_tol: float,
        tol: float,
        most_rows: int,
        work: float,
        best_iter: int,
        other_iter: int,
    ) -> None: ...

def fit_column(
    x: _Values,
    sample_weight: _Floats | None,
    settings: FitSettings,
    seed: int,
    threads: int,
) -> tuple[float, float, float, list[tuple[Any, ...]], bool] | None:
    """A whole fit of one column in one call, as `searching.direct` describes it; None for rows that
    it leaves to the caller.

    Σ w, the two sums of `classification`, and the optima, best first: weights, means and sds (k,)
    in canonical order and the trace, all in the units of x and one after another in one array,
    objective, loglik, gradient, worth, iterations, outcome, starts, and the order (k,). And whether
    Ctrl-C ended it before all was searched; with nothing found by then it raises
    KeyboardInterrupt. The best optimum has `best_iter` steps to arrive in, the others `other_iter`:
    rows of which one has not, and has steps left, are left to the caller.
    """

def fit_columns(
    x: _Values,
    sample_weight: _Floats | None,
    begins: NDArray[np.int64],
    settings: FitSettings,
    seed: int,
    threads: int,
) -> tuple[_Floats, _Floats, _Floats, _Floats, NDArray[np.int64]]:
    """The best optimum of each of g columns, as `fit_column` finds it: column i has the rows of x
    from begins[i] to begins[i + 1].

    weights, means, sds (g, k); loglik, objective, gradient, worth, Σ w and the two sums of
    `classification` (g, 7); status, iterations, outcome and number of optima (g, 4). Status 1: it
    is fitted; 2: it is left to the caller; 0: Ctrl-C came before.
    """

# Tables (n, d). `form` says what holds the covariances: 0 standard deviations (k,), 1 standard
# deviations (k, d), 2 one lower triangular factor (d, d), 3 factors (k, d, d).

def expect_table(
    x: _Values,
    sample_weight: _Floats | None,
    shift: _Floats | None,
    scale: _Floats | None,
    form: int,
    log_weights: _Floats,
    means: _Floats,
    spreads: _Floats,
    scatter: int,
    threads: int,
) -> tuple[_Floats, _Floats, _Floats, float, float]:
    """s0 = Σ w r (k,), s1 = Σ w r (z - mean) (k, d), s2 = Σ w r (z - mean)(z - mean)ᵀ; loglik; Σ w.

    s2 as `scatter` says: 0 traces (k,), 1 diagonals (k, d), 2 matrices (k, d, d), 3 their sum
    (1, d, d).
    """

def log_density_table(
    x: _Values, form: int, log_weights: _Floats, means: _Floats, spreads: _Floats, threads: int
) -> _Floats:
    """Log density of each row, (n,); -inf where every squared distance overflows."""

def responsibilities_table(
    x: _Values, form: int, log_weights: _Floats, means: _Floats, spreads: _Floats, threads: int
) -> _Floats:
    """P(component k | row), (n, k), finite and summing to 1 however far the row lies."""

def labels_table(
    x: _Values, form: int, log_weights: _Floats, means: _Floats, spreads: _Floats, threads: int
) -> NDArray[np.int64]:
    """The component of the largest responsibility, (n,), the first of equals."""

def classification_table(
    x: _Values,
    sample_weight: _Floats | None,
    form: int,
    log_weights: _Floats,
    means: _Floats,
    spreads: _Floats,
    threads: int,
) -> tuple[float, float]:
    """Σ w log max_k r and Σ w Σ_k r log r."""

def moments_table(
    x: _Values, sample_weight: _Floats | None, threads: int
) -> tuple[int, float, _Floats, _Floats, _Floats, _Floats, int]:
    """As `moments`, with mean, scatter, minimum and maximum of each column, (d,)."""

# Climbs of tables (n, d), by mclust's name of the structure; factors are lower
# triangular, zero above the diagonal.

def climb_table(
    points: _Values,
    sample_weight: _Floats | None,
    structure: str,
    weights: _Floats,
    means: _Floats,
    factors: _Floats,
    held_weights: _Floats,
    concentration: _Floats,
    pseudo_mean: _Floats | None,
    pseudo_count: float,
    extra_weight: float,
    extra_scatter: _Floats | None,
    floor: float,
    max_iter: int,
    tol: float,
    threads: int,
    homes: tuple[_Floats, _Floats, _Floats] | None = None,
    with_trace: bool = False,
    heights: _Floats | None = None,
) -> tuple[Any, ...]:
    """EM from each of s starts: weights (s, k), means (s, k, d) and factors (s, k, d, d) where it
    ended, and their objective, loglik, gradient, iterations and outcome (s,).

    The covariances of a start are brought to the nearest in the structure. NaN in held_weights (k,)
    means "learn this one"; concentration (k,) all 1, no prior on the weights. A conjugate prior is
    rows that every component has besides its own: pseudo_count at pseudo_mean (d,), and for its
    covariance extra_weight and extra_scatter (d, d); all 0 (or None) for none.

    Outcomes 0 to 3 are those of `climb`. 4: a covariance that components do not share came to rest
    on its floor, so that the likelihood has no maximum; the climb ended there. 5: it came near the
    start's mixture in homes, components in any order, before it had converged. Where a climb is not
    likely to reach the start's objective in heights (s,) it ends early, with outcome 1. With a
    trace two more arrays follow: how many steps each climb recorded (s,), and the objective at
    them all.
    """

def maximise_table(
    structure: str, scatter: _Floats, weight: _Floats, factors: _Floats, floor: float
) -> _Floats:
    """The M-step of covariances alone, to its end: new factors (k, d, d) from scatter (k, d, d)
    about the new means, weight (k,) and old factors."""

def left_out_gains_table(
    points: _Values,
    sample_weight: _Floats | None,
    structure: str,
    weights: _Floats,
    means: _Floats,
    factors: _Floats,
    held_weights: _Floats,
    floor: float,
    threads: int,
    counts: _Floats | None = None,
    total: float = 0.0,
) -> _Floats:
    """What each component of s mixtures gains it on points left out one at a time, (s, k): see
    `emix.soundness.left_out_gains`. +inf where that cannot be said.

    Where the points are a part of the data, counts (s, k) and total are those of all of it; gains
    of the parts add.
    """

def least_worths_table(
    points: _Values,
    sample_weight: _Floats | None,
    structure: str,
    weights: _Floats,
    means: _Floats,
    factors: _Floats,
    held_weights: _Floats,
    floor: float,
    ground: tuple[_Floats, _Floats, _Floats, float, int, float] | None,
    threads: int,
) -> _Floats:
    """What the least worthy component of each of s mixtures is worth, (s,): see `emix.worth`, of
    which `native_ground` makes the ground."""

def begin_table(
    points: _Values,
    sample_weight: _Floats | None,
    structure: str,
    weights: _Floats,
    means: _Floats,
    factors: _Floats,
    held_weights: _Floats,
    concentration: _Floats,
    pseudo_mean: _Floats | None,
    pseudo_count: float,
    extra_weight: float,
    extra_scatter: _Floats | None,
    floor: float,
    few: int,
    short_run: int,
    max_iter: int,
    tol: float,
    ground: tuple[_Floats, _Floats, _Floats, float, int, float] | None,
    slack: float,
    least_objective: float,
    most: int,
    threads: int,
) -> tuple[int, tuple[Any, ...] | None]:
    """`few` steps from s starts, `short_run` more from the better half, and the best on until one
    ends sound: one first, then twice as many, `most` in all, of those above `least_objective`.
    Objectives within `slack` of each other are of one place.

    0, and the end of that one as `climb_table` has it; 1, and the highest of the last that were
    climbed, where none is sound; 2 and None where no climb came to anything.
    """

def swap_table(
    points: _Values,
    sample_weight: _Floats | None,
    structure: str,
    weights: _Floats,
    means: _Floats,
    factors: _Floats,
    held_weights: _Floats,
    concentration: _Floats,
    pseudo_mean: _Floats | None,
    pseudo_count: float,
    extra_weight: float,
    extra_scatter: _Floats | None,
    floor: float,
    short_run: int,
    tol: float,
    ground: tuple[_Floats, _Floats, _Floats, float, int, float] | None,
    factor: _Floats,
    objective: _Floats,
    worth: _Floats,
    cumulative: _Floats,
    swaps: int,
    settled: int,
    seed: int,
    first: int,
    each: int,
    slack: float,
    on_the_way: float,
    narrowest: float,
    widest: float,
    threads: int,
) -> tuple[list[tuple[Any, ...]], bool]:
    """The swaps of `emix.search` from each of s mixtures: for every run that led beyond its chain,
    in the order of the trials, the chain, weights, means and factors (1, k, ...), objective,
    loglik, gradient, iterations, outcome, worth and trace.

    Trial t of chain j draws from stream first + t each + j. And whether Ctrl-C ended it before all
    were tried.
    """

def climb_each(
    points: _Floats,
    sample_weight: _Floats | None,
    weights: _Floats,
    means: _Floats,
    sds: _Floats,
    tied: bool,
    held_weights: _Floats,
    held_means: _Floats,
    held_sds: _Floats,
    prior_mean: float,
    prior_sd: float,
    concentration: _Floats,
    floor: float,
    max_iter: int,
    tol: float,
    threads: int,
) -> tuple[Any, ...]:
    """EM on each of s columns, points (s, n, 1) and weights (s, n), of either perhaps one, from
    one start (k,): what `climb` returns, a row for each."""

def climb_each_table(
    points: _Floats,
    sample_weight: _Floats | None,
    structure: int,
    weights: _Floats,
    means: _Floats,
    factors: _Floats,
    held_weights: _Floats,
    concentration: _Floats,
    pseudo_mean: _Floats,
    pseudo_count: float,
    extra_weight: float,
    extra_scatter: _Floats,
    floor: float,
    max_iter: int,
    tol: float,
    threads: int,
) -> tuple[Any, ...]:
    """EM on each of s tables, points (s, n, d) and weights (s, n), of either perhaps one, from one
    start: what `climb_table` returns, a row for each; the structure by its place in the table."""

def bins(
    x: _Values,
    sample_weight: _Floats | None,
    edges: _Floats,
    scale: _Floats,
    base: _Floats,
    count: int,
    threads: int,
) -> tuple[_Floats, int]:
    """x counted into bins: Σ w v^p for p = 0 to 3, (count, 4), with v what x has beyond its bin's
    lower edge in widths of the bin; and how many rows are in none.

    The line is in segments, edges (s - 1,) between them. In segment j the point x is in bin
    floor(x scale_j) + base_j, with v = x scale_j - floor(x scale_j); below 0, or from count on, it
    is in none.
    """

# Many components. Row i belongs to component lead[i], for the rows of component c those in its list
# near[begin[c]:begin[c + 1]] are scored; no list is empty.

def expect_vicinity(
    x: _Values,
    sample_weight: _Floats | None,
    shift: _Floats | None,
    scale: _Floats | None,
    form: int,
    log_weights: _Floats,
    means: _Floats,
    spreads: _Floats,
    scatter: int,
    lead: NDArray[np.int32],
    begin: NDArray[np.int64],
    near: NDArray[np.int32],
    threads: int,
) -> tuple[_Floats, _Floats, _Floats, float, float, NDArray[np.int32], _Floats]:
    """As `expect_table`; and which component leads at each row, (n,), and Σ w r of each entry of
    `near` over the rows of its list."""

def survey(
    x: _Values,
    shift: _Floats | None,
    scale: _Floats | None,
    form: int,
    log_weights: _Floats,
    means: _Floats,
    spreads: _Floats,
    rows: NDArray[np.int64],
    least: float,
    lead: NDArray[np.int32] | None,
    begin: NDArray[np.int64] | None,
    near: NDArray[np.int32] | None,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], _Floats]:
    """Responsibilities above `least` of some rows, with all components scored: the row's place
    among `rows`, the component, the responsibility. With lists, only of those outside them."""

def draw_seeds(
    points: _Floats, weight: _Floats, uniforms: _Floats, threads: int
) -> NDArray[np.int64]:
    """k-means++: a row for each uniform number, (k,)."""

def divide_by_lloyd(
    points: _Floats, weight: _Floats, centres: _Floats, rounds: int
) -> NDArray[np.int64]:
    """The nearest centre of each row (n,) where Lloyd's algorithm ends, from centres (k, d)."""

def group_moments(
    points: _Floats, weight: _Floats, labels: NDArray[np.int64], k: int
) -> tuple[_Floats, _Floats, _Floats]:
    """The weight of each group (k,), its mean (k, d) and the scatter about it (k, d, d)."""
