"""Learning on behalf of the estimator what comes in batches: `emix.online`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from emix.errors import DataError, NotConvergedWarning
from emix.estimator.aside import broadened
from emix.estimator.learning import given_start
from emix.online import OnlineFit

if TYPE_CHECKING:
    from emix.estimator.settings import Settings
    from emix.mixture import Mixture
    from emix.sources.array import ArraySource


def begun(estimator: Any, source: ArraySource, settings: Settings) -> OnlineFit:
    """What learns a stream of which `source` is the first batch: from where a fit has ended, which
    counts as the rows it was made of; from a start that was given; or from a search.

    Raises `ParameterError` for a schedule that is none.
    """
    start, rows = None, 0.0
    if hasattr(estimator, "weights_"):
        start = estimator.mixture_
        rows = estimator.fit_.n if hasattr(estimator, "fit_") else 0.0
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConvergedWarning)
            start = given_start(estimator, source, settings)
    return OnlineFit(
        settings.k, covariance=settings.covariance, schedule=estimator.schedule, start=start,
        start_rows=rows, seed=settings.seed,
    )


def mixture_so_far(online: OnlineFit, settings: Settings) -> Mixture | None:
    """The mixture with reg_covar added; None where the rows so far are too few for one."""
    try:
        mixture = online.mixture
    except DataError:
        if online.is_begun:
            raise
        return None
    return broadened(mixture, settings.reg_covar or 0.0)
