"""uncertainty: how sure the parameters of a fit are, from derivatives or from refits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emix.arrays import as_seed, is_whole
from emix.errors import ParameterError
from emix.ground import ground_anywhere, ground_of
from emix.inference.bootstrap import Bootstrap, bootstrapped
from emix.inference.quantities import METHODS, Uncertainty
from emix.inference.standard_errors import Derivatives, standard_errors
from emix.kernels import threads_of

if TYPE_CHECKING:
    import numpy as np

    from emix.result import Fit

FROM_DERIVATIVES = ("observed", "sandwich", "scores")


def uncertainty(
    x: object,
    fit: Fit,
    method: str = "observed",
    *,
    level: float = 0.95,
    n_replicates: int = 999,
    sample_weight: object = None,
    seed: int | np.random.Generator = 0,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Uncertainty:
    """Standard errors and intervals of the parameters of a fit, on their natural scales.

    Parameters
    ----------
    x : the data that the fit was made of, and `sample_weight` as it was then
    method : from derivatives "observed" (the observed information), "sandwich" (which holds where
        the model does not), "scores" (the outer product of scores); from refits "bootstrap" (rows
        drawn with replacement), "parametric" (rows drawn from the fitted mixture), "weighted"
        (random weights on the rows), "jackknife" (a row left out)
    level : coverage of the intervals
    n_replicates : refits of a bootstrap
    seed : an integer, or a NumPy Generator, which is advanced; the same seed draws the same
    threads : processors to use (all); the result does not depend on it by a bit
    progress : called with how many refits are done, and of how many

    Returns
    -------
    Uncertainty: `.weights`, `.means`, `.sds`, `.covariances` (standard errors), `.table()` with
    intervals, `.report()`. A parameter that has no standard error is named with the reason: held,
    of a degenerate or an empty component, or one that the data does not tell from others. With a
    prior, curvature is that of the log-posterior.

    Intervals from derivatives are Wald's, of weights on the logistic scale, of spreads on the
    logarithmic one; those of a bootstrap are percentiles. Ctrl-C ends the refits with those done.

    Raises
    ------
    DataError : x is not the data of the fit
    ParameterError : an argument has no meaning

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> fit = emix.fit(waiting, 2, covariance="E")
    >>> emix.uncertainty(waiting, fit, "sandwich").means[:, 0].round(3).tolist()
    [0.645, 0.475]
    """
    if method not in METHODS:
        raise ParameterError(f"method={method!r}; expected one of {', '.join(METHODS)}")
    check_level(level)
    if not is_whole(n_replicates, 2):
        raise ParameterError(f"n_replicates={n_replicates!r}; expected 2 refits or more")
    if method in FROM_DERIVATIVES:
        anywhere = ground_anywhere(x, fit, sample_weight)
        found = Derivatives.at(anywhere.source, fit.mixture, anywhere.within, anywhere.units,
                               fit.degenerate)
        remarks = () if fit.converged else (fit.outcome.prose,)
        return standard_errors(found, fit.mixture, fit.columns, method, level, remarks)
    ground = ground_of(x, fit, sample_weight)
    data = Bootstrap(ground.source, ground.mixture, ground.within, ground.units)
    return bootstrapped(
        data, fit.mixture, fit.columns, fit.degenerate, method, level, int(n_replicates),
        as_seed(seed), threads_of(threads), progress,
    )


def check_level(level: object) -> None:
    """Raises `ParameterError` for what is no coverage."""
    if not isinstance(level, float) or not 0 < level < 1:
        raise ParameterError(f"level={level!r}; expected the coverage of an interval, between 0 "
                             f"and 1, such as 0.95")
