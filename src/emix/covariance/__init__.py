"""Covariance structures by name: the one table in emix that turns a name into a structure."""

from __future__ import annotations

from emix.covariance.dense import Dense
from emix.covariance.equal import Equal
from emix.covariance.isotropic import Isotropic
from emix.covariance.protocol import Covariances, ScatterForm, Structure
from emix.covariance.varying import Varying
from emix.errors import ParameterError

# In one column volume is all a covariance has, so every name means E or V there: mclust's three
# letters say by their first whether the volume is common, scikit-learn's words likewise.
ONE_COLUMN: dict[str, Structure] = {
    **dict.fromkeys(("V", "VII", "VEI", "VVI", "VEE", "VVE", "VEV", "VVV"), Varying()),
    **dict.fromkeys(("E", "EII", "EEI", "EVI", "EEE", "EVE", "EEV", "EVV"), Equal()),
    **dict.fromkeys(("full", "diag", "spherical"), Varying()),
    "tied": Equal(),
}


def structure(name: str, n_features: int) -> Structure:
    """The structure that a name means for data of `n_features` columns.

    Raises `ParameterError` for a name that is not in the table.
    """
    if n_features != 1:
        raise ParameterError(
            f"the data has {n_features} columns, and emix fits one column at a time so far; "
            f"choose one (columns=... in the command line, x[:, j] in Python)"
        )
    try:
        return ONE_COLUMN[name]
    except (KeyError, TypeError):
        raise ParameterError(
            f"covariance={name!r} is not a structure; for one column use 'V' (each component its "
            f"own standard deviation; also 'full') or 'E' (one for all; also 'tied')"
        ) from None


__all__ = [
    "Covariances",
    "Dense",
    "Equal",
    "Isotropic",
    "ScatterForm",
    "Structure",
    "Varying",
    "structure",
]
