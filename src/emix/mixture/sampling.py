"""Rows drawn from a mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import as_seed, is_whole
from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels
    from emix.mixture import Mixture


def sample(
    mixture: Mixture, n: int, seed: int | np.random.Generator
) -> tuple[Floats, Labels]:
    """n independent rows (n, d) and the components (n,) that they came from.

    Raises `ParameterError` when n is no number of rows or seed is no seed.
    """
    if not is_whole(n, least=0):
        raise ParameterError(f"n={n!r}; expected a number of rows, 0 or more")
    rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(as_seed(seed))
    weights = mixture.weights
    labels = rng.choice(len(weights), size=n, p=weights / weights.sum())
    x = rng.standard_normal((n, mixture.n_features))
    for k in range(len(weights)):
        mine = labels == k
        if mine.any():
            x[mine] = mixture.means[k] + mixture.covariance.unwhiten(x[mine], k)
    return x, labels.astype(np.int64)
