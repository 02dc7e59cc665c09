"""The rule for degenerate components beside the usual rule of thumb, on the frozen optima."""

import numpy as np
import pytest
from golden import case, cases, data

from emix.arrays import Block, Units
from emix.initialise import SortedColumn
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.soundness.degenerate import LEAST_WORTH, least_worth

SOUND_BY_THUMB = [n for n in cases("a_") if "_V_" in n
                  and (case(n).get("multistart") or {}).get("best_admissible")]


def worth(x: np.ndarray, mixture: Mixture) -> float:
    units = Units.of_spread(np.array([x.mean()]), np.array([x.std()]))
    column = SortedColumn.of(Block(x[:, None]), units)
    model = Model.parse(mixture.n_components, 1, "V").inward(units, FLOOR)
    return least_worth(column, mixture.inward(units), model)


@pytest.mark.parametrize("name", SOUND_BY_THUMB)
def test_what_the_rule_of_thumb_finds_sound_is_sound(name: str) -> None:
    """sds of at least 2% of the data's and 2.5 expected points: the cases' own rule."""
    best = case(name)["multistart"]["best_admissible"]
    mixture = Mixture.univariate(
        np.array(best["weights"]) / sum(best["weights"]), best["means"], np.sqrt(best["variances"])
    )
    assert worth(data(case(name)), mixture) >= LEAST_WORTH


def test_three_close_points_out_of_82_are_degenerate() -> None:
    """A narrow component on galaxies' closest three velocities, which the likelihood rewards."""
    x = np.sort(data(case("a_galaxies_V_K6")))
    spans = x[2:] - x[:-2]
    three = x[np.argmin(spans):][:3]
    mixture = Mixture.univariate(
        [3 / 82, 79 / 82], [three.mean(), x.mean()], [three.std(), x.std()]
    )
    assert worth(x, mixture) < LEAST_WORTH
