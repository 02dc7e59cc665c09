"""The compiled kernel: one column, float64 or float32, computed in double.

Points are seen as z = (x - shift) * scale, and components are given in the units of z. Arrays must
be C-contiguous. Results do not depend on `threads`, not by a bit. Every function but
`instruction_sets` raises ValueError if EMIX_INSTRUCTION_SET names what this machine cannot run.
"""

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
) -> tuple[
    _Floats,
    _Floats,
    _Floats,
    _Floats,
    _Floats,
    _Floats,
    NDArray[np.int64],
    NDArray[np.int64],
]:
    """EM from each of s starts: weights, means, sds (s, k) where it ended, and their objective,
    loglik, gradient, iterations and outcome (s,).

    NaN in a held array (k,) means "learn this one"; prior_sd NaN, no prior on the means;
    concentration (k,) all 1, none on the weights. Outcome 0: gradient <= tol; 1: max_iter reached;
    2: the objective fell; 3: something was not finite. After 2 and 3 the last sound parameters are
    returned.
    """
