"""K-Means beside the mixture."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix import DataError, Mixture, ParameterError
from emix.comparison import compare_kmeans

WIDE = Mixture.univariate([0.3, 0.7], [10.0, 0.0], [0.5, 4.0])
X = np.concatenate([np.linspace(-8, 8, 41), np.linspace(9.3, 10.7, 20)])


def test_both_in_ascending_order():
    found = compare_kmeans(WIDE, X)
    assert found.mixture == WIDE.in_canonical_order()
    assert (np.diff(found.centres) > 0).all() and found.counts.sum() == len(X)
    np.testing.assert_allclose(found.soft, WIDE.responsibilities(X)[:, ::-1], rtol=1e-12)
    np.testing.assert_array_equal(found.labels, found.soft.argmax(axis=1))


def test_hard_is_the_nearest_centre_and_centres_are_means():
    """Lloyd's two conditions, which every optimum fulfils."""
    rng = np.random.default_rng(0)
    x = rng.permutation(np.concatenate([rng.normal(m, 1, 30) for m in (0, 5, 9)]).round(1))
    mixture = emix.fit(x, 3).mixture
    found = compare_kmeans(mixture, x)
    for j in range(3):
        mine = x[found.hard == j]
        assert found.counts[j] == len(mine)
        assert found.centres[j] == pytest.approx(mine.mean())
        assert found.sds[j] == pytest.approx(mine.std())
    nearest = np.abs(x[:, None] - found.centres).argmin(axis=1)
    np.testing.assert_array_equal(found.hard, nearest)
    np.testing.assert_allclose(found.cuts, (found.centres[1:] + found.centres[:-1]) / 2)
    np.testing.assert_array_equal(found.hard, np.searchsorted(found.cuts, x))
    np.testing.assert_array_equal(found.points, x)


def test_where_they_part_is_named_with_how_sure_the_mixture_is():
    """K-Means takes the wide component's right flank for the narrow one's."""
    found = compare_kmeans(WIDE, X)
    wrong = np.flatnonzero((found.hard == 1) & (found.soft[:, 0] > 0.5))
    assert len(wrong) > 3
    np.testing.assert_array_equal(found.disagree, wrong)
    np.testing.assert_allclose(found.sureness, found.soft.max(axis=1))
    np.testing.assert_allclose(found.belief_in_hard[wrong], found.soft[wrong, 1])
    text = found.report(rows=2)
    assert f"They disagree on {len(wrong)} of {len(X)} points" in text
    assert f"and {len(wrong) - 2} more" in text
    surest = wrong[found.sureness[wrong].argmax()]
    rows = [line.split() for line in text.splitlines()]
    assert [str(surest + 1), f"{X[surest]:.6g}", "2", "1", f"{found.sureness[surest]:.3f}"] in rows
    assert "more" not in found.report(rows=len(wrong)).splitlines()[-1]


def test_where_they_agree_that_is_said():
    m = Mixture.univariate([0.5, 0.5], [0.0, 100.0], [1.0, 1.0])
    found = compare_kmeans(m, [0.0, 1.0, 99.0, 100.0])
    assert len(found.disagree) == 0
    assert "They agree on every point" in found.report()
    assert found.hard.tolist() == [0, 0, 1, 1]


def test_a_fit_compares_itself():
    x = emix.datasets.load("faithful")["waiting"]
    fit = emix.fit(x, 2)
    found = fit.compare_kmeans(x)
    assert found.mixture == fit.mixture and len(found.points) == len(x)


def test_too_few_values_and_wrong_data():
    with pytest.raises(ParameterError, match=r"1 distinct values.*2 clusters"):
        compare_kmeans(WIDE, [1.0, 1.0, 1.0])
    with pytest.raises(DataError, match="nan at row 1"):
        compare_kmeans(WIDE, [1.0, np.nan])
    with pytest.raises(DataError, match="2 columns"):
        compare_kmeans(WIDE, np.eye(2))


def test_several_columns_are_not_compared_but_each_may_be():
    """K-Means is solved exactly in one column only."""
    faithful = emix.datasets.load("faithful").data
    fit = emix.fit(faithful, 2, n_starts=2)
    with pytest.raises(ParameterError, match=r"for one column, the mixture has 2.*marginal"):
        fit.compare_kmeans(faithful)
    found = compare_kmeans(fit.mixture.marginal(1), faithful[:, 1])
    assert found.centres == pytest.approx([54.75, 80.28], abs=0.1)
