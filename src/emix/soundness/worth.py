"""What components in several columns are worth; see `emix.soundness.degenerate` for the reasoning.

As in one column a component's worth is what it gains the mixture on points left out one at a time,
less what it takes to say where so small a thing stands. Leaving a point out moves a covariance by a
matrix of rank one, so that the gain follows from the point's squared Mahalanobis distance q. The
place has as many parts as the component has to be put right: with s_i its standard deviations along
its axes, in units of the data's, log(1 / s_i) nats for each that is below 1, and log(s_i / s_j) for
each pair of axes s_i > s_j where the orientation is its own.

A small ellipse can be laid in so many ways in several columns that one of them will gain on the
very points it was chosen for: the summits of highest likelihood on nothing but one normal cloud are
such. So here the gain has to pay for the place in full, where in one column three nats may lack.

Degenerate whatever it gains is a component that has not two numbers (d to a point) for each of its
parameters; and one thinner in some direction than the rounding of the data, whose density is an
artefact of how the data was written down: error within a step of h has the sd h / √12.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Mask
from emix.climbing.climb import SEVERAL
from emix.covariance import Dense
from emix.covariance import structure as structure_named
from emix.covariance.factoring import forward_substituted
from emix.kernels import NATIVE
from emix.soundness.degenerate import LEAST_WORTH
from emix.soundness.left_out import left_out_gains_of_rows

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.covariance import Structure
    from emix.initialise import Table
    from emix.mixture import Mixture
    from emix.model import Model


def is_judged(model: Model) -> bool:
    """Whether a component of this model can be degenerate: its likelihood has no bound."""
    imagines = model.prior.imagined is not None
    learned = model.held.learned_covariances.any()
    return bool(learned and not imagines and not model.structure.is_common
                and model.n_components > 1)


def own_parameters(structure: Structure, n_features: int) -> int:
    """Parameters that each component has for itself, its weight aside: mean and covariance."""
    two, one = structure.n_parameters(2, n_features), structure.n_parameters(1, n_features)
    return n_features + two - one


def worths_of_rows(
    table: Table, mixture: Mixture, model: Model
) -> Floats:
    """What each component is worth in nats, (k,), from `LEAST_WORTH` where it just pays for its
    place; +∞ where nothing can be degenerate."""
    if not is_judged(model) or table.total <= 1:
        return np.full(mixture.n_components, np.inf)
    gains = left_out_gains_of_rows(table.points, table.weight, mixture, model)
    worth = gains - place_of_rows(table, mixture, model)
    few = are_few(mixture.weights * table.total, mixture, model)
    worth = np.where(few | are_thin(table, mixture), -np.inf, worth)
    return np.where(model.held.learned_covariances, worth, np.inf)


def are_thin(table: Table, mixture: Mixture) -> Mask:
    """Which components are in some direction thinner than rounding leaves the data, (k,): those of
    a v with vᵀ Σ v < vᵀ diag(h² / 12) v, h the steps of the columns."""
    return _are_thin(table, mixture.covariance.factors)


def _are_thin(table: Table, factors: Floats) -> Mask:
    d = table.points.shape[1]
    rounding = table.spread[2]
    with np.errstate(all="ignore"):
        # The least singular value is at least |L| ((d − 1) / |L|_F²)^((d − 1) / 2), as a rule more
        # than enough.
        logs = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        squares = np.einsum("kij,kij->k", factors, factors) / max(d - 1, 1)
        thin: Mask = ~(logs - (d - 1) / 2 * np.log(squares) > np.log(rounding.max()))
        unsure = np.flatnonzero(thin)
        if len(unsure):
            stretched = forward_substituted(factors[unsure], np.diag(rounding)[None])
            known = np.isfinite(stretched).all(axis=(1, 2))
            largest = np.linalg.norm(stretched[known], ord=2, axis=(1, 2))
            thin[unsure[known]] = largest > 1
    return thin


def are_few(counts: Floats, mixture: Mixture, model: Model) -> Mask:
    """Which components have fewer than two numbers for each of their own parameters, (k,), given
    their expected points (k,)."""
    d = mixture.n_features
    few: Mask = counts * d < 2 * own_parameters(model.structure, d)
    return few


def place_of_rows(table: Table, mixture: Mixture, model: Model) -> Floats:
    """What it takes to say where each component stands, in nats, and 3 fewer nats, so that worth is
    measured from the bar of one column, (k,)."""
    return _place(table, mixture.covariance.factors, model)


def _place(table: Table, factors: Floats, model: Model) -> Floats:
    """For factors (k, d, d) of covariances."""
    form, d = model.structure.scatter_form, factors.shape[-1]
    with np.errstate(divide="ignore"):
        if form == "full":
            relative = forward_substituted(table.factor[None], factors)
            axes = np.log(np.linalg.svd(relative, compute_uv=False))
        else:
            variances = table.spread[1]
            spread = np.full(d, variances.mean()) if form == "spherical" else variances
            axes = np.log(np.diagonal(factors, axis1=1, axis2=2)) - 0.5 * np.log(spread)
    place = np.maximum(-axes, 0.0).sum(axis=1)
    if model.structure.orientation == "V":
        # Σ_{i<j} (a_i − a_j) of descending a.
        place = place + axes @ (d - 1 - 2.0 * np.arange(d))
    total: Floats = place - LEAST_WORTH
    return total


def least_worths(
    table: Table, mixtures: Sequence[Mixture], model: Model, threads: int = 1
) -> Floats:
    """The worth of the least worthy component of each mixture, (s,); −∞ where one rests on the
    floor."""
    rests = _rest(mixtures, model)
    if not mixtures or not is_judged(model) or table.total <= 1:
        return np.where(rests, -np.inf, np.inf)
    if judges_natively(model):
        side_by_side = (np.stack([m.weights for m in mixtures]),
                        np.stack([m.means for m in mixtures]),
                        np.stack([m.covariance.factors for m in mixtures]))
        least = least_worths_natively(table, *side_by_side, model, threads)
    else:
        least = np.array([worths_of_rows(table, m, model).min() for m in mixtures])
    return np.where(rests, -np.inf, least)


def _rest(mixtures: Sequence[Mixture], model: Model) -> Mask:
    """In which mixtures a learned covariance rests on the floor, (s,)."""
    if len(mixtures) > 1 and all(isinstance(m.covariance, Dense) for m in mixtures):
        # Side by side, at about the cost of one.
        factors = np.concatenate([m.covariance.factors for m in mixtures])
        resting = Dense(factors).at_floor(model.floor).reshape(len(mixtures), -1)
        return np.asarray((model.held.learned_covariances & resting).any(axis=1), np.bool_)
    return np.array([on_floor_of_rows(m, model).any() for m in mixtures], dtype=np.bool_)


def judges_natively(model: Model) -> bool:
    """Whether the native kernel leaves points out of mixtures of this model."""
    held = model.held
    return NATIVE is not None and bool(held.is_nothing or (
        held.learned_means.all() and held.learned_covariances.all()))


# What `native_ground` hands to the kernel.
Ground = tuple["Floats", "Floats", "Floats", float, int, float]


def native_ground(table: Table, model: Model) -> Ground | None:
    """What the native kernel needs to judge mixtures of a model as `least_worths` does; None where
    nothing is judged."""
    if not is_judged(model) or table.total <= 1:
        return None
    own = _own_parameters_of(model.structure.name, table.points.shape[1])
    return *table.spread, table.total, own, LEAST_WORTH


@cache
def _own_parameters_of(name: str, n_features: int) -> int:
    return own_parameters(structure_named(name, n_features), n_features)


def least_worths_natively(
    table: Table, weights: Floats, means: Floats, factors: Floats, model: Model, threads: int = 1
) -> Floats:
    """The least worth of each of s mixtures, (s,), from weights (s, k), means (s, k, d) and
    factors (s, k, d, d), in one call; for a model that is judged."""
    name = model.structure.name
    least: Floats = _native.least_worths_table(
        table.points, table.weight if table.is_weighted else None, SEVERAL.get(name, name),
        weights, means, factors, model.held.weights, model.floor, native_ground(table, model),
        threads,
    )
    return least


def on_floor_of_rows(mixture: Mixture, model: Model) -> Mask:
    """Which learned covariances rest on the floor, (k,)."""
    resting: Mask = model.held.learned_covariances & mixture.covariance.at_floor(model.floor)
    return resting
