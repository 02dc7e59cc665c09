"""The picture of a selection: a line per structure, the best found and named."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from emix.errors import ParameterError
from emix.plots import plot_bic, style

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

BICS = {"VVV": [830.0, 574.0, 581.0], "EEE": [830.0, 688.0, 633.0], "EII": [1804.0, 1123.0, None]}
ROWS = [{"k": k, "covariance": name, "bic": bic, "df": 3}
        for name, bics in BICS.items() for k, bic in enumerate(bics, start=1)]


def lines_of(ax: Axes) -> list[Any]:
    return [line for line in ax.get_lines() if len(line.get_xdata()) > 0]


def legend_of(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def drawn(ax: Axes) -> Axes:
    ax.figure.savefig(io.BytesIO(), dpi=50)
    return ax


def test_a_line_for_each_structure_above_the_least() -> None:
    ax = drawn(plot_bic(ROWS))
    curves = lines_of(ax)
    assert len(curves) == 3
    for line, name, hue in zip(curves, ("VVV", "EEE", "EII"), (0, 1, 2), strict=True):
        bics = np.array([np.nan if bic is None else bic for bic in BICS[name]])
        np.testing.assert_allclose(line.get_ydata(), bics - 574.0)
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert to_rgb(line.get_color()) == to_rgb(style.colour(hue))


def test_the_best_is_ringed_and_in_the_title() -> None:
    ax = plot_bic(ROWS)
    (ring,) = [c for c in ax.collections if len(c.get_offsets()) and len(c.get_facecolor()) == 0]
    assert ring.get_offsets().tolist() == [[2.0, 0.0]]
    assert ax.get_title(loc="left") == "least BIC 574.00: VVV with 2 components"
    assert "VVV   2   574.00" in legend_of(ax)
    assert plot_bic(ROWS[:1]).get_title(loc="left").endswith("VVV with 1 component")


def test_the_legend_ranks_and_the_best_are_named_at_their_best() -> None:
    ax = plot_bic(ROWS)
    assert [line.split()[0] for line in legend_of(ax)[:3]] == ["VVV", "EEE", "EII"]
    named = {text.get_text(): text.xy for text in ax.texts}
    assert set(named) == {"VVV", "EEE", "EII"}
    assert named["VVV"][0] == 2 and named["EEE"][0] == 3 and named["EII"][0] == 2
    assert len(plot_bic(ROWS[:3]).texts) == 0


def test_of_many_structures_the_others_are_pale() -> None:
    rows = [{"k": k, "covariance": f"S{j:02}", "bic": 100.0 + j + k} for j in range(14)
            for k in (1, 2)]
    ax = drawn(plot_bic(rows))
    pale = [line for line in lines_of(ax) if line.get_color() == style.PALE]
    assert len(pale) == 6 and len(lines_of(ax)) == 14
    assert "6 more structures" in legend_of(ax)
    assert [text.get_text() for text in ax.texts] == ["S00", "S01", "S02"]
    looks = {(line.get_color(), line.get_marker()) for line in lines_of(ax) if line not in pale}
    assert len(looks) == 8


def test_names_at_one_place_do_not_lie_on_each_other() -> None:
    rows = [{"k": k, "covariance": name, "bic": 100.0 + 50 * abs(k - 3) + j}
            for j, name in enumerate(("A", "B", "C")) for k in range(1, 6)]
    ax = plot_bic(rows)
    heights = sorted(np.sqrt([text.xy[1] for text in ax.texts]))
    assert np.diff(heights).min() > 0.04 * np.sqrt(ax.get_ylim()[1])


def test_differences_of_two_and_of_two_thousand_are_both_seen() -> None:
    ax = drawn(plot_bic([{"k": 1, "covariance": "V", "bic": 2000.0},
                         {"k": 2, "covariance": "V", "bic": 2.0},
                         {"k": 3, "covariance": "V", "bic": 0.0}]))
    to_pixels = ax.transData.transform
    low, middle, high = (to_pixels((1, y))[1] for y in (0.0, 2.0, 2000.0))
    assert middle - low > 0.025 * (high - low)
    ticks = ax.get_yticks()
    assert {0.0, 10.0, 100.0, 1000.0} <= set(ticks)
    assert np.diff(np.sqrt(ticks)).min() > 0.04 * np.sqrt(ticks[-1])
    assert "up to 10 above it: undecided" in legend_of(ax)


def test_rows_in_any_order_and_repeated() -> None:
    ax = plot_bic([{"k": 3, "covariance": "V", "bic": 12.0}, {"k": 1, "covariance": "V", "bic": 9},
                   {"k": 3, "covariance": "V", "bic": 7.0}, {"k": 3, "covariance": "V", "bic": 8.0},
                   {"k": 9, "covariance": "V", "bic": float("inf")}])
    (line,) = lines_of(ax)
    assert line.get_xdata().tolist() == [1, 3] and line.get_ydata().tolist() == [2, 0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "3"]


def test_large_and_negative_values_and_one_row() -> None:
    for least in (-1e9, 0.0, 1e9):
        drawn(plot_bic([{"k": k, "covariance": "V", "bic": least + 1e8 * (k - 1)}
                        for k in range(1, 40)]))
    ax = drawn(plot_bic([{"k": np.int64(4), "covariance": "V", "bic": np.float32(-5.0)}]))
    assert ax.get_title(loc="left") == "least BIC −5.00: V with 4 components"


def test_the_given_axes_are_used() -> None:
    one, other = Figure().subplots(1, 2)
    assert plot_bic(ROWS, one) is one and not other.has_data()


@pytest.mark.parametrize("rows", [
    [{"k": 1, "covariance": "V"}], [{"covariance": "V", "bic": 1.0}], [{"k": 1, "bic": 1.0}],
    [{"k": "one", "covariance": "V", "bic": 1.0}], [{"k": 1, "covariance": "V", "bic": "low"}],
    [1], [None],
])
def test_what_is_no_row(rows: Any) -> None:
    with pytest.raises(ParameterError, match="no row of a selection"):
        plot_bic(rows)


@pytest.mark.parametrize("rows", [[], [{"k": 1, "covariance": "V", "bic": None}],
                                  [{"k": 1, "covariance": "V", "bic": float("nan")}]])
def test_no_fit_at_all(rows: Any) -> None:
    with pytest.raises(ParameterError, match="nothing to draw"):
        plot_bic(rows)
