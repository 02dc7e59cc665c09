"""The compiled kernel: one column, float64 or float32, computed in double.

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
) -> list[
    tuple[
        _Floats, _Floats, _Floats, float, float, float, int, int, float, int, _Floats
    ]
]:
    """`emix.search.search_portably` for a sorted column, in one call.

    The summits, best first, each as weights (k,), means (k, 1), sds (k,), objective, loglik,
    gradient, iterations, outcome (as from `climb`), worth, starts, and the trace of objectives.
    Kinds of start are numbered as in `emix.initialise.STARTS`.
    """
