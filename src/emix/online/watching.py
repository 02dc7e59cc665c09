"""Which components a stream has left with too little to be learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.soundness.degenerate import Degenerate
from emix.soundness.worth import are_few, is_judged

if TYPE_CHECKING:
    from emix.model import Model
    from emix.online.running import Running


def thin_components(running: Running, model: Model) -> tuple[Degenerate, ...]:
    """Components without width, or of fewer remembered rows than parameters of their own need.

    Rows that are gone cannot be left out one at a time, as `emix.fit` judges components.
    """
    mixture = running.mixture
    if not is_judged(model):
        return ()
    expected = running.rows * mixture.weights
    learned = model.held.learned_covariances
    flat = mixture.covariance.at_floor(model.floor) & learned
    few = are_few(expected, mixture, model) & learned
    found = []
    for component in np.flatnonzero(flat | few).tolist():
        rows = f"{expected[component]:.3g} of the {running.rows:.3g} rows that are remembered"
        reason = f"it has no width: {rows} lie in a plane, a line or one place" if \
            flat[component] else f"{rows} are too few for a mean and a covariance of its own"
        found.append(Degenerate(component, reason))
    return tuple(found)
