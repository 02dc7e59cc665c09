"""The directions in which covariances are free to move, with second derivatives.

About the present Σ_k = R_k R_kᵀ every structure is a family Σ_k(θ) = R_k Q_k(θ)⁻¹ R_kᵀ, Q_k(0) = I,
in coordinates θ without units, of which log |Σ_k| is linear in each:

- *stretches*, Q = exp(−2 T), T a symmetric matrix that is linear in θ. Volume is the multiples of
  I, shape along the columns the diagonal matrices of trace 0, form (shape and orientation at once)
  all symmetric matrices of trace 0; each for all components or for each its own. Ten structures.
- *turns*, where only one of shape and orientation is common: with Σ_k = D_k Λ_k D_kᵀ the axes
  lengthen as exp(t) and D_k turns to D_k exp(Ω), Ω skew. EVE, VVE, EEV and VEV.

θ is the logarithm of a standard deviation, or an angle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from emix.covariance.common import Common
from emix.covariance.dense import Dense
from emix.covariance.diagonal import Diagonal
from emix.covariance.factoring import triangular
from emix.covariance.isotropic import Isotropic
from emix.covariance.oriented import Oriented
from emix.covariance.recovering import from_factors

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order
    from emix.covariance.protocol import Covariances, Letter, Structure


class Along(Protocol):
    """One component's m directions, in the coordinates that whiten it."""

    @property
    def slopes(self) -> Floats:
        """∂Q/∂θ_a, (m, d, d)."""
        ...

    @property
    def growth(self) -> Floats:
        """∂ log |Σ| / ∂θ_a, (m,)."""
        ...

    def bends(self, scatter: Floats) -> Floats:
        """tr(∂²Q/∂θ_a∂θ_b · S) for whitened scatter S (d, d): (m, m)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Q = exp(−2 Σ_a θ_a B_a) for symmetric B (m, d, d)."""

    basis: Floats

    @property
    def slopes(self) -> Floats:
        return -2 * self.basis

    @property
    def growth(self) -> Floats:
        growth: Floats = 2 * np.einsum("aii->a", self.basis)
        return growth

    def bends(self, scatter: Floats) -> Floats:
        m, d = len(self.basis), len(scatter)
        half = self.basis @ scatter
        both = (half + np.swapaxes(half, 1, 2)).reshape(m, d * d)
        bends: Floats = 2 * self.basis.reshape(m, d * d) @ both.T
        return bends


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """Axes (d,) that lengthen along `basis` (s, d), then turn in every plane i < j."""

    axes: Floats
    basis: Floats

    @property
    def slopes(self) -> Floats:
        d = len(self.axes)
        i, j = np.triu_indices(d, 1)
        slopes = np.zeros((len(self.basis) + len(i), d, d))
        slopes[: len(self.basis), np.arange(d), np.arange(d)] = -2 * self.basis
        ratio = self.axes[i] / self.axes[j]
        planes = len(self.basis) + np.arange(len(i))
        slopes[planes, i, j] = slopes[planes, j, i] = ratio - 1 / ratio
        return slopes

    @property
    def growth(self) -> Floats:
        d = len(self.axes)
        return np.concatenate([2 * self.basis.sum(axis=1), np.zeros(d * (d - 1) // 2)])

    def bends(self, scatter: Floats) -> Floats:
        """With K = Λ⁻¹, Y = Λ^½ S Λ^½ and E a turn: tr([E, [F, K]] Y) = tr([F, K] [Y, E])."""
        s, d = self.basis.shape
        precision = self.axes**-2.0
        turned = self.axes[:, None] * scatter * self.axes
        rotations = _planes(d)
        commuted = turned @ rotations - rotations @ turned
        moved = rotations * precision - precision[:, None] * rotations
        planes = len(rotations)
        twice = commuted.reshape(planes, -1) @ np.swapaxes(moved, 1, 2).reshape(planes, -1).T
        mixed = -2 * (self.basis * precision) @ np.einsum("pii->ip", commuted)
        bends = np.empty((s + planes, s + planes))
        bends[:s, :s] = 4 * (self.basis * np.diagonal(scatter)) @ self.basis.T
        bends[:s, s:], bends[s:, :s] = mixed, mixed.T
        bends[s:, s:] = (twice + twice.T) / 2
        return bends


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The free directions of all covariances of a mixture, `size` in all.

    For each component `positions` (m,) says which of them move it, `along` how; both are empty
    where it is held.
    """

    structure: Structure
    covariances: Covariances
    size: int
    positions: tuple[Order, ...]
    along: tuple[Along, ...]

    @classmethod
    def of(cls, structure: Structure, covariances: Covariances, learned: Mask) -> Directions:
        """Of `covariances`, which are of the structure; those outside `learned` (k,) are held."""
        d = covariances.n_features
        letters: tuple[Letter, Letter, Letter] = (
            structure.volume, structure.shape, structure.orientation
        )
        turns = structure.orientation not in ("I", structure.shape)
        if turns and not isinstance(covariances, Oriented):
            covariances = from_factors(structure, covariances.factors)
        parts = _parts(letters, d, turns)
        common: dict[int, Order] = {}
        positions: list[Order] = []
        along: list[Along] = []
        size = 0
        for component in range(covariances.n_components):
            if not learned[component]:
                positions.append(np.zeros(0, np.intp))
                along.append(Stretches(np.zeros((0, d, d))))
                continue
            own: list[Order] = []
            for part, (letter, count) in enumerate(parts):
                if letter == "V" or part not in common:
                    common[part] = np.arange(size, size + count)
                    size += count
                own.append(common[part])
            positions.append(np.concatenate(own))
            along.append(_along(letters, covariances, component, turns))
        return cls(structure, covariances, size, tuple(positions), tuple(along))

    def moved(self, step: Floats, floor: float) -> Covariances:
        """The covariances at θ = step (size,), no standard deviation of an axis-aligned structure
        below `floor`."""
        old = self.covariances
        steps = [step[at] for at in self.positions]
        if isinstance(old, Oriented):
            return self._turned(old, steps)
        exponents = np.stack([
            np.einsum("a,aij->ij", own, along.basis)
            for own, along in zip(steps, self.along, strict=True)
            if isinstance(along, Stretches)
        ])
        if isinstance(old, Isotropic | Diagonal):
            stretched = np.exp(np.einsum("kii->ki", exponents))
            if isinstance(old, Isotropic):
                sds = _floored(old.sds * stretched[:, 0], old.sds, floor)
                return Isotropic(sds, old.n_features)
            return Diagonal(_floored(old.sds * stretched, old.sds, floor))
        values, vectors = np.linalg.eigh(exponents)
        grown = (vectors * np.exp(values)[:, None]) @ np.swapaxes(vectors, 1, 2)
        if isinstance(old, Common):
            return Common(triangular((old.factor @ grown[0])[None])[0], old.n_components)
        learned = np.array([len(at) > 0 for at in self.positions])[:, None, None]
        return Dense(np.where(learned, triangular(old.factors @ grown), old.factors))

    def _turned(self, old: Oriented, steps: list[Floats]) -> Oriented:
        axes, orientations = np.array(old.axes), np.array(old.orientations)
        for component, (own, along) in enumerate(zip(steps, self.along, strict=True)):
            if not isinstance(along, Turns):
                continue
            s = len(along.basis)
            axes[component] *= np.exp(own[:s] @ along.basis)
            skew = np.einsum("p,pij->ij", own[s:], _planes(old.n_features))
            # Cayley's transform is the exponential to second order, which is all that derivatives
            # ask of it, and is a rotation as exactly.
            whole = np.eye(old.n_features)
            turned = orientations[component] @ np.linalg.solve(whole - skew / 2, whole + skew / 2)
            # One step of Newton and Schulz: products of rotations drift from orthogonal.
            orientations[component] = 1.5 * turned - 0.5 * turned @ (turned.T @ turned)
        return Oriented(axes, orientations)


def _floored(sds: Floats, old: Floats, floor: float) -> Floats:
    """What was held below the floor may stay there."""
    return np.maximum(sds, np.minimum(old, floor))


def _parts(letters: tuple[Letter, Letter, Letter], d: int, turns: bool) -> list[tuple[Letter, int]]:
    """Letter and number of parameters of volume, shape and orientation, or volume and form."""
    volume, shape, orientation = letters
    planes = d * (d - 1) // 2
    if turns:
        return [(volume, 1), (shape, d - 1), (orientation, planes)]
    if shape == "I":
        return [(volume, 1)]
    if orientation == "I":
        return [(volume, 1), (shape, d - 1)]
    return [(volume, 1), (shape, d - 1 + planes)]


def _along(
    letters: tuple[Letter, Letter, Letter], covariances: Covariances, component: int, turns: bool
) -> Along:
    d = covariances.n_features
    if turns:
        assert isinstance(covariances, Oriented)
        lengths = np.concatenate([np.ones((1, d)), _contrasts(d)])
        return Turns(covariances.axes[component], lengths)
    basis = [np.eye(d)[None]]
    if letters[1] != "I":
        basis.append(_contrasts(d)[:, :, None] * np.eye(d))
    if letters[2] != "I":
        basis.append(np.abs(_planes(d)) / np.sqrt(2))
    return Stretches(np.concatenate(basis))


def _contrasts(d: int) -> Floats:
    """Orthonormal rows (d − 1, d), each summing to 0 (Helmert's)."""
    rows = np.tril(np.ones((d - 1, d)))
    rows[np.arange(d - 1), np.arange(1, d)] = -np.arange(1, d)
    contrasts: Floats = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return contrasts


def _planes(d: int) -> Floats:
    """E_ij − E_ji for i < j, (d(d − 1)/2, d, d)."""
    i, j = np.triu_indices(d, 1)
    planes = np.zeros((len(i), d, d))
    planes[np.arange(len(i)), i, j], planes[np.arange(len(i)), j, i] = 1.0, -1.0
    return planes
