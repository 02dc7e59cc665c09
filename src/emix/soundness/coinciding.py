"""How many components a mixture really has: those that coincide, and those of no data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.mixture import Mixture

# Two components are one where nothing about them differs by more than this share of a standard
# deviation: to tell them apart takes about as many rows as its inverse to the fourth.
NEAR = 0.01
# A component expects at least so many points, or has none.
FEWEST = 1e-3


@dataclass(frozen=True, slots=True)
class Counted:
    """Components that coincide, in groups of two and more, and components without data."""

    n_components: int
    coinciding: tuple[tuple[int, ...], ...]
    empty: tuple[int, ...]

    @property
    def effective(self) -> int:
        """How many are left where each group counts once and the empty ones do not."""
        repeated = sum(len(group) - 1 for group in self.coinciding)
        return self.n_components - repeated - len(self.empty)

    def notes(self) -> list[str]:
        """In words, components counted from 1; nothing where all are different."""
        said = []
        for group in self.coinciding:
            names = [str(j + 1) for j in group]
            said.append(f"components {', '.join(names[:-1])} and {names[-1]} coincide")
        said += [f"component {j + 1} has no data" for j in self.empty]
        if not said:
            return []
        left = self.effective
        return [f"{'; '.join(said)}: this is a mixture of {left} component{'s' * (left != 1)}"]


def counted(mixture: Mixture, n_rows: float) -> Counted:
    """The components of a mixture of Σ w = n_rows rows, compared two by two."""
    expected = (mixture.weights * n_rows).tolist()
    empty = tuple(j for j, points in enumerate(expected) if points < FEWEST)
    left = [j for j in range(mixture.n_components) if j not in empty]
    groups: list[list[int]] = []
    for j in left:
        for group in groups:
            if _are_one(mixture, group[0], j):
                group.append(j)
                break
        else:
            groups.append([j])
    several = tuple(tuple(group) for group in groups if len(group) > 1)
    return Counted(mixture.n_components, several, empty)


def _are_one(mixture: Mixture, a: int, b: int) -> bool:
    if mixture.n_features == 1:
        # The same by hand: a fit of few rows takes less time than an array's arithmetic.
        means, sds = mixture.means, mixture.sds
        sd = sds.item(a)
        step, wider = abs(means.item(a) - means.item(b)), sds.item(b) / sd
        return step <= NEAR * sd and abs(wider * wider - 1) <= 2 * NEAR
    covariance, between = mixture.covariance, mixture.means[a] - mixture.means[b]
    # Of a spike beside a wide component the squares may be no doubles; then they are not near, and
    # the comparisons are written so that what is not a number is not either.
    with np.errstate(all="ignore"):
        if not float(np.abs(covariance.whiten(between[None], a)).max()) <= NEAR:
            return False
        # R⁻¹ Σ_b R⁻ᵀ, with R Rᵀ = Σ_a: the identity where the two are one.
        turned = covariance.whiten(covariance.factors[b].T, a)
        apart = np.abs(turned.T @ turned - np.eye(mixture.n_features))
        return bool(float(apart.max()) <= 2 * NEAR)
