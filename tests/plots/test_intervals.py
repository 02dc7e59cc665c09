"""Intervals of parameters: where they stand, and that what has none shows it."""

from __future__ import annotations

import io

import numpy as np
import pytest

import emix
from emix.errors import ParameterError

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes

FAITHFUL = emix.datasets.load("faithful")


def ends_of(ax: Axes) -> list[list[float]]:
    return [path.vertices[:, 0].tolist() for drawn in ax.collections
            if len(drawn.get_offsets()) != 1 or not hasattr(drawn, "get_sizes")
            for path in drawn.get_paths()]


@pytest.mark.parametrize(("kind", "column"), [("weights", 0), ("means", 1), ("sds", 0)])
def test_lines_are_the_intervals_and_the_standard_errors(kind: str, column: int) -> None:
    errors = emix.fit(FAITHFUL, 2).uncertainty
    ax = errors.plot(kind=kind, column=column)
    quantity = errors.of(kind)
    at = (slice(None),) if kind == "weights" else (slice(None), column)
    thin, thick = ends_of(ax)[::2], ends_of(ax)[1::2]
    assert np.allclose(thin, np.stack([quantity.low[at], quantity.high[at]], axis=1))
    assert np.allclose(thick, np.stack([quantity.estimate[at] - quantity.se[at],
                                        quantity.estimate[at] + quantity.se[at]], axis=1))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2"]
    ax.figure.savefig(io.BytesIO(), dpi=40)


def test_what_is_held_is_an_open_dot_without_a_line() -> None:
    errors = emix.fit(FAITHFUL["waiting"], 2, means=[54.5, float("nan")]).uncertainty
    ax = errors.plot()
    assert len(ends_of(ax)) == 2
    first = next(drawn for drawn in ax.collections if hasattr(drawn, "get_sizes"))
    assert first.get_offsets().tolist() == [[54.5, 2.0]]
    assert first.get_facecolors()[0][:3].tolist() == [1.0, 1.0, 1.0]


def test_another_kind_or_column_is_refused() -> None:
    errors = emix.fit(FAITHFUL, 1).uncertainty
    with pytest.raises(ParameterError, match="weights, means, sds"):
        errors.plot(kind="covariances")
    with pytest.raises(ParameterError, match="0 to 1"):
        errors.plot(column=2)
