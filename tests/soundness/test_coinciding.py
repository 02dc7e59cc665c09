"""Components that are one, by mean and by spread, in one column and in several."""

from __future__ import annotations

import numpy as np
import pytest

from emix import Mixture
from emix.soundness.coinciding import NEAR, counted


def two(d: int, step: float, wider: float) -> Mixture:
    """A component, and one whose mean is so many sds away, its spread so many times as wide."""
    sds = [3.0, 3.0 * wider]
    means = np.zeros((2, d))
    means[1, -1] = step * 3.0
    if d == 1:
        return Mixture.univariate([0.4, 0.6], means[:, 0], sds)
    return Mixture([0.4, 0.6], means, [s**2 * np.eye(d) for s in sds])


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize(("step", "wider", "one"), [
    (0.0, 1.0, True), (0.9 * NEAR, 1.0, True), (1.1 * NEAR, 1.0, False), (-1.1 * NEAR, 1.0, False),
    (0.0, 1 + 0.9 * NEAR, True), (0.0, 1 - 0.9 * NEAR, True), (0.0, 1 + 1.1 * NEAR, False),
    (0.0, 1 - 1.1 * NEAR, False), (0.0, 0.5, False), (0.0, 1e-200, False), (0.0, 1e200, False)])
def test_two_are_one_where_neither_mean_nor_spread_differs(d, step, wider, one):
    if d > 1 and not 1e-100 < wider < 1e100:
        wider = wider**0.5
    found = counted(two(d, step, wider), 100.0)
    assert found.coinciding == (((0, 1),) if one else ()) and found.effective == 2 - one


def test_groups_count_once_and_what_has_no_data_not_at_all():
    mixture = Mixture.univariate([0.2, 0.2, 0.3, 0.1, 0.2 - 1e-6, 1e-6], [0, 9, 0, 9, 0, 50],
                                 [1, 2, 1, 2, 1, 1])
    found = counted(mixture, 100.0)
    assert found.coinciding == ((0, 2, 4), (1, 3)) and found.empty == (5,)
    assert found.effective == 2
    assert found.notes() == ["components 1, 3 and 5 coincide; components 2 and 4 coincide; "
                             "component 6 has no data: this is a mixture of 2 components"]
    assert counted(mixture, 1e6).empty == () and counted(mixture, 1e6).effective == 3


def test_a_turned_ellipse_is_another():
    long, turn = np.diag([9.0, 1.0]), np.array([[0.6, -0.8], [0.8, 0.6]])
    mixture = Mixture([0.5, 0.5], [[0, 0], [0, 0]], [long, turn @ long @ turn.T])
    assert counted(mixture, 100.0).effective == 2
