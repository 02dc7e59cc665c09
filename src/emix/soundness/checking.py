"""What no choice of start could fit, said before anything is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.errors import DataError
from emix.names import listed

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.model import Model
    from emix.moments import Moments

# A column of whose variance less than this share is its own is a combination of others, as far as
# doubles can tell; the same share that covariances rest on.
OWN_SHARE = 2.0**-40


def check_spread(moments: Moments, model: Model, names: tuple[str, ...]) -> None:
    """Raise `DataError` for columns without the spread that the model is to learn."""
    if not model.held.learned_covariances.any():
        return
    constant = moments.minimum == moments.maximum
    several = len(names) > 1
    if model.structure.scatter_form == "spherical" and not constant.all():
        return
    if not several and constant[0]:
        what = "its only value is" if moments.count == 1 else f"all {moments.count} values are"
        raise DataError(
            f"{names[0]} is constant: {what} {moments.minimum[0]:g}, so it has no spread to "
            f"learn; hold the standard deviations (sds=...) to fit means"
        )
    if constant.any():
        rows = "in the only row" if moments.count == 1 else f"in all {moments.count} rows"
        which = listed([f"{names[j]} ({moments.minimum[j]:g})" for j in np.flatnonzero(constant)],
                       str)
        plural = constant.sum() > 1
        way_out = "hold covariances to fit means" if constant.all() else \
            f"leave {'them' if plural else 'it'} out, or fit covariance='spherical'"
        raise DataError(
            f"{'columns' if plural else 'column'} {which} {'are' if plural else 'is'} constant "
            f"{rows}: no spread to learn; {way_out}"
        )


def check_rank(
    covariance: Floats, moments: Moments, model: Model, names: tuple[str, ...]
) -> None:
    """Raise `DataError` for columns that are combinations of others, where the model has
    covariances between columns to learn; covariance (d, d) is that of the data."""
    turned = model.structure.scatter_form in ("full", "pooled")
    if not turned or not model.held.learned_covariances.any():
        return
    dependent = dependent_columns(covariance)
    if model.prior.conjugate is not None or not dependent:
        return
    d = len(names)
    if moments.count <= d:
        raise DataError(
            f"{moments.count} rows cannot tell {d} columns apart: covariances between columns "
            f"need more than {d} rows; use covariance='diag' or 'spherical', or fewer columns"
        )
    raise DataError(
        f"{listed([names[j] for j in dependent], str)} can be computed from the other columns (to "
        f"12 digits), so that every covariance is singular; leave out {len(dependent)} of the "
        f"columns involved, or use covariance='diag' or 'spherical'"
    )


def dependent_columns(covariance: Floats) -> list[int]:
    """Columns that are linear combinations of those kept before them, by a Cholesky
    decomposition of the correlation matrix with the largest pivot first; ascending."""
    from scipy.linalg.lapack import dpstrf

    variances = np.diag(covariance)
    sds = np.sqrt(np.where(variances > 0, variances, 1.0))
    correlations = covariance / np.multiply.outer(sds, sds)
    _, order, rank, _ = dpstrf(correlations, tol=OWN_SHARE, lower=1)
    return sorted((order[rank:] - 1).tolist())
