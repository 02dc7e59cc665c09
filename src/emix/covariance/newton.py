"""Newton's method with a safeguard, for the few parameters that components share.

It serves the structures whose M-step has no closed form. Their problems are smooth, have at most
d(d−1)/2 or k unknowns, and start one EM step from their optimum: a few steps are exact, where
the alternating updates of the literature are linear and stop short of stationary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats

Point = TypeVar("Point")

STEPS = 200
# Of the objective, per expected point: a fall that is not worth another step, since steps square
# the error; curvature that is none; and the rounding of the objective itself.
SETTLED, FLAT, ROUNDING = 1e-20, 1e-12, 1e-15
# Falls as small as this are squared by a step; one that no longer shrinks is rounding.
SMALL = 1e-6
# Curvature so much below zero is a saddle's, not rounding.
SADDLE = 1e-8


class Problem(Protocol[Point]):
    """A smooth function to minimise: of order `size`, in steps of at most `reach`."""

    @property
    def size(self) -> float: ...

    @property
    def reach(self) -> float: ...

    def value(self, point: Point) -> float: ...

    def derivatives(self, point: Point) -> tuple[Floats, Floats]:
        """Gradient (p,) and Hessian (p, p) of the value after `moved`, at no step."""
        ...

    def moved(self, point: Point, step: Floats) -> Point: ...


def minimise(problem: Problem[Point], start: Point) -> Point:
    """A stationary point that is not above `start`, but for rounding."""
    point, value, before = start, problem.value(start), np.inf
    for _ in range(STEPS):
        with np.errstate(over="ignore", invalid="ignore"):
            gradient, hessian = problem.derivatives(point)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            # There is no minimum, and the way down has left the range of numbers.
            return point
        step = _step(gradient, hessian, problem.size)
        fall = -float(gradient @ step)
        if fall <= SETTLED * problem.size:
            escape = _downhill(hessian, problem)
            if escape is None:
                return _better(problem, point, value, step, 0.0)[0]
            step, fall = escape, 0.0
        elif fall <= SMALL * problem.size and fall > 0.25 * before:
            return point
        before = fall
        longest = float(np.abs(step).max())
        if longest > problem.reach:
            step = step * (problem.reach / longest)
            fall *= problem.reach / longest
        following, after = _better(problem, point, value, step, fall)
        if following is point:
            return point
        point, value = following, after
    return point


def _step(gradient: Floats, hessian: Floats, size: float) -> Floats:
    """−H⁻¹ g with H made positive definite: |eigenvalues| where it is not."""
    least = FLAT * size
    try:
        factor = np.linalg.cholesky(hessian + least * np.eye(len(gradient)))
    except np.linalg.LinAlgError:
        curvatures, directions = np.linalg.eigh(hessian)
        along = directions.T @ gradient / np.maximum(np.abs(curvatures), least)
        modified: Floats = -(directions @ along)
        return modified
    step: Floats = -np.linalg.solve(factor.T, np.linalg.solve(factor, gradient))
    return step


def _downhill(hessian: Floats, problem: Problem[Point]) -> Floats | None:
    """From a stationary point that is a saddle: the way down, else None."""
    try:
        np.linalg.cholesky(hessian + SADDLE * problem.size * np.eye(len(hessian)))
    except np.linalg.LinAlgError:
        _, directions = np.linalg.eigh(hessian)
        down: Floats = directions[:, 0] * problem.reach
        return down
    return None


def _better(
    problem: Problem[Point], point: Point, value: float, step: Floats, fall: float
) -> tuple[Point, float]:
    """The first of point + step, point + step / 4, … that is lower enough; else the point."""
    slack = ROUNDING * max(abs(value), problem.size)
    for t in (1.0, 0.25, 0.06, 0.015, 1e-3, 1e-5, 1e-8):
        candidate = problem.moved(point, t * step)
        after = problem.value(candidate)
        if after <= value - 1e-4 * t * fall + slack:
            return candidate, after
    return point, value
