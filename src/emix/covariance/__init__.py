"""Covariance structures by name: the one table in emix that turns a name into a structure."""

from __future__ import annotations

from emix.covariance.axis_aligned import AxisAligned
from emix.covariance.common import Common
from emix.covariance.common_orientation import CommonOrientation
from emix.covariance.dense import Dense
from emix.covariance.diagonal import Diagonal
from emix.covariance.ellipsoidal import Ellipsoidal
from emix.covariance.isotropic import Isotropic
from emix.covariance.oriented import Oriented
from emix.covariance.own_orientation import OwnOrientation
from emix.covariance.protocol import Covariances, Letter, ScatterForm, Structure
from emix.covariance.spherical import OneColumn, Spherical
from emix.errors import ParameterError

# mclust's names; a structure added here is there in every part of emix.
STRUCTURES: dict[str, Structure] = {
    "EII": Spherical("E"),
    "VII": Spherical("V"),
    "EEI": AxisAligned("E", "E"),
    "VEI": AxisAligned("V", "E"),
    "EVI": AxisAligned("E", "V"),
    "VVI": AxisAligned("V", "V"),
    "EEE": Ellipsoidal("E", "E"),
    "VEE": Ellipsoidal("V", "E"),
    "EVE": CommonOrientation("E"),
    "VVE": CommonOrientation("V"),
    "EEV": OwnOrientation("E"),
    "VEV": OwnOrientation("V"),
    "EVV": Ellipsoidal("E", "V"),
    "VVV": Ellipsoidal("V", "V"),
}

# scikit-learn's words.
ALIASES = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}

# In one column volume is all a covariance has, so every name means E or V there: mclust's three
# letters say by their first whether the volume is common, scikit-learn's words likewise.
_SPREADS = {letter: OneColumn(letter) for letter in ("E", "V")}
ONE_COLUMN: dict[str, Structure] = {
    **_SPREADS,
    **{name: _SPREADS[name[0]] for name in STRUCTURES},
    **{alias: _SPREADS[name[0]] for alias, name in ALIASES.items()},
}


def structure(name: str, n_features: int) -> Structure:
    """The structure that a name means for data of `n_features` columns.

    Raises `ParameterError` for a name that is not in the table.
    """
    try:
        return ONE_COLUMN[name] if n_features == 1 else STRUCTURES[ALIASES.get(name, name)]
    except (KeyError, TypeError):
        pass
    if n_features == 1:
        raise ParameterError(
            f"covariance={name!r} is not a structure; for one column use 'V' (each component its "
            f"own standard deviation; also 'full') or 'E' (one for all; also 'tied')"
        )
    words = ", ".join(f"{alias!r} ({name})" for alias, name in ALIASES.items())
    raise ParameterError(
        f"covariance={name!r} is not a structure; for {n_features} columns use one of {words}, or "
        f"mclust's {' '.join(STRUCTURES)}"
    )


__all__ = [
    "Common",
    "Covariances",
    "Dense",
    "Diagonal",
    "Isotropic",
    "Letter",
    "Oriented",
    "ScatterForm",
    "Structure",
    "structure",
]
