"""scikit-learn's parameters as emix understands them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import as_seed, is_whole
from emix.covariance import ALIASES, ONE_COLUMN, STRUCTURES
from emix.errors import ParameterError
from emix.estimator.backend import check_random_state
from emix.initialise import STARTS_OF_ROWS

if TYPE_CHECKING:
    from emix.climbing.climb import Progress

# scikit-learn's kinds of start by emix's names. What both call "random" is not the same.
KINDS = {
    "kmeans": "kmeans",
    "k-means++": "kmeans++",
    "random": "responsibilities",
    "random_from_data": "random",
    "quantiles": "quantiles",
    "hierarchical": "hierarchical",
}
assert set(KINDS.values()) == set(STARTS_OF_ROWS)
TYPES = (*ALIASES, *STRUCTURES, *(name for name in ONE_COLUMN if len(name) == 1))


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """The parameters of one fit, checked."""

    k: int
    covariance: str
    kind: str | None
    n_starts: int | None
    tol: float | None
    max_iter: int | None
    reg_covar: float | None
    seed: int
    progress: Callable[[Progress], None] | None

    @classmethod
    def of(cls, estimator: Any) -> Settings:
        """Raises `ParameterError` naming the parameter as scikit-learn names it."""
        e = estimator
        _require(is_whole(e.n_components, 1), e, "n_components", "a whole number, 1 or more")
        _require(e.covariance_type in TYPES, e, "covariance_type", f"one of {', '.join(TYPES)}")
        _require(e.init_params is None or e.init_params in KINDS, e, "init_params",
                 f"None or one of {', '.join(KINDS)}")
        for name, least in (("tol", 0), ("reg_covar", 0)):
            _require(_is_number(getattr(e, name), least), e, name, f"a number, {least} or more, or "
                     f"None for emix's own")
        for name, least in (("max_iter", 0), ("n_init", 1)):
            value = getattr(e, name)
            _require(value is None or is_whole(value, least), e, name,
                     f"a whole number, {least} or more, or None for emix's own")
        return cls(
            int(e.n_components), e.covariance_type,
            None if e.init_params is None else KINDS[e.init_params], e.n_init, e.tol, e.max_iter,
            e.reg_covar, seed_of(e.random_state), _printer(e),
        )


def _require(fits: bool, estimator: Any, name: str, wanted: str) -> None:
    if not fits:
        raise ParameterError(f"{name}={getattr(estimator, name)!r}; expected {wanted}")


def _is_number(value: object, least: float) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return value is None or bool(number and value >= least)  # type: ignore[operator]


def seed_of(random_state: Any) -> int:
    """A seed for a fit: None is 0, so that a fit can be repeated; a RandomState or a Generator is
    advanced. Raises ValueError for anything else that is no seed."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return as_seed(random_state)
    if is_whole(random_state, 0):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def generator_of(random_state: Any) -> np.random.Generator:
    """What samples are drawn with: None draws anew each time, an integer the same each time; a
    RandomState or a Generator is advanced."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is None or is_whole(random_state, 0):
        return np.random.default_rng(random_state)
    words = check_random_state(random_state).randint(0, 2**32, size=4, dtype=np.uint32)
    return np.random.default_rng(words)


def _printer(estimator: Any) -> Callable[[Progress], None] | None:
    """scikit-learn's `verbose`: a line each `verbose_interval` steps, on standard output."""
    if not estimator.verbose:
        return None
    interval = estimator.verbose_interval
    _require(is_whole(interval, 1), estimator, "verbose_interval", "a whole number, 1 or more")

    def show(progress: Progress) -> None:
        if progress.iteration % interval == 0:
            print(f"Start {progress.run} of {progress.n_runs}, step {progress.iteration}: "
                  f"objective {progress.objective:.6f}, gradient {progress.gradient:.1e}")

    return show
