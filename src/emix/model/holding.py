"""Held values as the user writes them: numbers, lists with NaN for what is learned, matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Mask, as_components
from emix.covariance import Covariances, Dense, Diagonal, Isotropic
from emix.errors import ParameterError
from emix.given import WEIGHT_SLACK

if TYPE_CHECKING:
    from emix.covariance import Structure


def held_weights(weights: object, k: int) -> Floats:
    """(k,), NaN where a weight is learned. Raises `ParameterError` for what sums to no 1."""
    if isinstance(weights, str):
        if weights != "equal":
            raise ParameterError(f"weights={weights!r}; expected 'equal', or {k} numbers with nan "
                                 f"where a weight is to be learned")
        return np.full(k, 1 / k)
    if isinstance(weights, int | float | np.number):
        raise ParameterError(f"weights={weights!r}; expected one weight for each of {k} "
                             f"components, or 'equal'")
    array = as_components(weights, k, "weights")
    held = array[~np.isnan(array)]
    if (held < 0).any():
        raise ParameterError(f"weights holds {held.min()}; mixing weights are not negative")
    total = float(held.sum())
    if len(held) == k and abs(total - 1) > WEIGHT_SLACK:
        raise ParameterError(f"the held weights sum to {total:.15g}; all {k} are held, so they "
                             f"must sum to 1 (divide them by their sum, or put nan for one)")
    if len(held) < k and total >= 1:
        raise ParameterError(f"the held weights sum to {total:.15g}, which leaves nothing for the "
                             f"{k - len(held)} learned; they must sum to less than 1")
    return array


def held_means(means: object, k: int, n_features: int) -> Floats:
    """(k, d), NaN where a mean is learned: from (k, d) numbers, or one for each component where
    there is one column. A component (or all of them) given as one nan is learned in every column.

    Raises `ParameterError` for anything else.
    """
    if n_features == 1:
        return as_components(means, k, "means")[:, None]
    if _is_nan(means):
        return np.full((k, n_features), np.nan)
    try:
        rows = [np.full(n_features, np.nan) if _is_nan(row) else row
                for row in np.asarray(means, dtype=object).tolist()]
    except (TypeError, ValueError):
        rows = []
    array = _numbers(rows)
    if array is None or array.shape != (k, n_features):
        raise ParameterError(
            f"means {_shape_of(means)}; expected ({k}, {n_features}): a row for each component, "
            f"with nan where it is to be learned"
        )
    if np.isinf(array).any():
        where = np.argwhere(np.isinf(array))[0].tolist()
        raise ParameterError(f"means holds an infinite value at {where}")
    return array


def held_covariances(
    sds: object, covariances: object, k: int, n_features: int, rule: Structure
) -> tuple[Covariances | None, Mask]:
    """The held matrices and which components are learned (k,). Raises `ParameterError`."""
    if sds is not None and covariances is not None:
        raise ParameterError("both sds and covariances are held; give one of them")
    if sds is None and covariances is None:
        return None, np.ones(k, dtype=np.bool_)
    if n_features == 1 and covariances is not None:
        variances = as_components(_flat(covariances, k), k, "covariances")
        _require_positive(variances, "covariances")
        values, name = np.sqrt(variances), "covariances"
    elif covariances is not None:
        return _matrices(covariances, k, n_features, rule)
    else:
        values, name = as_components(sds, k, "sds"), "sds"
        _require_positive(values, "sds")
    if n_features > 1 and rule.scatter_form != "spherical":
        raise ParameterError(
            f"sds holds one standard deviation for every column alike, which is "
            f"covariance='spherical' (VII, EII); with {rule.name} hold covariances (k, d, d)"
        )
    learned = np.isnan(values)
    _check_common(rule, values, name)
    return Isotropic(np.where(learned, 1.0, values), n_features), learned


def _flat(covariances: object, k: int) -> object:
    """(k, 1, 1), (k, 1) and (k,) variances are the same thing in one column."""
    array = np.asarray(covariances)
    return array.reshape(-1) if array.size == k and array.ndim > 1 else covariances


def _matrices(
    covariances: object, k: int, n_features: int, rule: Structure
) -> tuple[Covariances | None, Mask]:
    array, d = _numbers(covariances), n_features
    if array is not None and array.shape == (d, d):
        array = np.repeat(array[None], k, axis=0)
    if array is None or array.shape != (k, d, d):
        raise ParameterError(
            f"covariances {_shape_of(covariances)}; expected ({k}, {d}, {d}), or ({d}, {d}) for "
            f"all, with nan in every place of a matrix that is to be learned"
        )
    if np.isinf(array).any():
        where = int(np.argwhere(np.isinf(array))[0, 0])
        raise ParameterError(f"covariances[{where}] holds an infinite value")
    unknown = np.isnan(array)
    learned = np.asarray(unknown.all(axis=(1, 2)), np.bool_)
    if (unknown.any(axis=(1, 2)) != learned).any():
        where = int(np.flatnonzero(unknown.any(axis=(1, 2)) != learned)[0])
        raise ParameterError(f"covariances[{where}] is nan in part; a covariance is held whole or "
                             f"learned whole")
    if learned.all():
        return None, learned
    array[learned] = np.eye(d)
    dense = Dense.from_matrices(array)
    if learned.any() and not rule.is_separate:
        raise ParameterError(
            f"covariance={rule.name!r} shares its volume, shape or orientation among components, "
            f"but covariances holds only some: hold all, or use VII, VVI or VVV"
        )
    if rule.is_common and not learned.any() and (array != array[0]).any():
        raise ParameterError(f"covariance={rule.name!r} has one matrix for all components, but "
                             f"covariances holds different ones; use VII, VVI or VVV")
    return _like(rule, array, dense, learned), learned


def _is_nan(value: object) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _numbers(value: object) -> Floats | None:
    """The value as an array of doubles; None where it is none."""
    try:
        array = np.array(value)
    except (TypeError, ValueError):
        return None
    return array.astype(np.float64) if array.dtype.kind in "fiub" else None


def _shape_of(value: object) -> str:
    array = _numbers(value)
    return "is not a table of numbers" if array is None else f"has shape {array.shape}"


def _like(rule: Structure, array: Floats, dense: Dense, learned: Mask) -> Covariances:
    """Held matrices in the form of the structure, beside learned ones if there are any."""
    if rule.scatter_form in ("full", "pooled"):
        return dense
    variances = np.diagonal(array, axis1=1, axis2=2)
    held = np.flatnonzero(~learned)
    for component in held:
        fits = bool((array[component] == np.diag(variances[component])).all())
        if rule.scatter_form == "spherical":
            fits = fits and bool((variances[component] == variances[component, 0]).all())
        if not fits:
            raise ParameterError(f"covariances[{component}] is not of the structure "
                                 f"{rule.name} ({rule.scatter_form}); use covariance='full'")
    sds = np.sqrt(variances)
    return Diagonal(sds) if rule.scatter_form == "diagonal" else \
        Isotropic(sds[:, 0].copy(), len(sds[0]))


def combined(learned: Mask, covariance: Covariances, held: Covariances) -> Covariances:
    """Each component's own matrix where it is learned, the held one where it is not."""
    if not learned.any():
        return held
    here, there = covariance, held
    if isinstance(here, Isotropic) and isinstance(there, Isotropic):
        return Isotropic(np.where(learned, here.sds, there.sds), here.n_features)
    if isinstance(here, Diagonal) and isinstance(there, Diagonal):
        return Diagonal(np.where(learned[:, None], here.sds, there.sds))
    factors = np.where(learned[:, None, None], here.factors, there.factors)
    return Dense(factors)


def _require_positive(values: Floats, name: str) -> None:
    wrong = values <= 0
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise ParameterError(f"{name}[{where}] is held at {values[where]}; expected a number "
                             f"above 0, or nan to learn it")


def _check_common(rule: Structure, sds: Floats, name: str) -> None:
    learned, varying = np.isnan(sds), rule.name.replace("E", "V")
    if not rule.is_common or learned.all():
        return
    if learned.any():
        raise ParameterError(
            f"covariance={rule.name!r} has one standard deviation for all components, but sds "
            f"holds only some: hold all alike (sds=1.0), or use covariance={varying!r}"
        )
    if (sds != sds[0]).any():
        raise ParameterError(
            f"covariance={rule.name!r} has one standard deviation for all components, but sds "
            f"holds {sds.tolist()}; use covariance={varying!r}"
        )
