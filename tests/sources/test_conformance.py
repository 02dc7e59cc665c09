"""What every source owes: the same rows, blocks, samples and fits, to the bit, whatever it is."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from makers import MAKERS, MARKS, Rows

import emix
from emix import DataError, Mixture
from emix.arrays import Block, Units
from emix.climbing import accelerate
from emix.compression.gathering import Count
from emix.compression.grid import Grid
from emix.em import Expect
from emix.kernels import kernel_for
from emix.moments import MomentsOf, moments_of
from emix.searching import checkpoint, direct, finding, rounds
from emix.searching.fingerprint import Digest, digest_of, digest_of_rows
from emix.searching.judging import LeaveOut
from emix.soundness.sureness import Classify
from emix.sources import protocol
from emix.sources.array import ArraySource
from emix.sources.distinct import Distinct
from emix.sources.protocol import Source, block_rows

every_source = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=MARKS.get(kind, ())) for kind in MAKERS])
every_shape = pytest.mark.parametrize(("d", "weighted"), [(1, False), (1, True), (3, False),
                                                          (3, True)])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of some hundred rows, and searches on as few."""
    monkeypatch.setattr(protocol, "BLOCK_NUMBERS", 600)
    monkeypatch.setattr(protocol, "LEAST_ROWS", 200)
    monkeypatch.setattr(protocol, "GRANULE", 1)
    monkeypatch.setattr(finding, "SEARCH_ROWS", 300)
    # What is in memory would be climbed in one call.
    monkeypatch.setattr(rounds, "runs_natively", lambda *_: False)
    monkeypatch.setattr(rounds, "climbs_natively", lambda *_: False)
    monkeypatch.setattr(direct, "serves", lambda *_: False)


def rows_of(folder: Path, n: int, d: int, weighted: bool = False, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d)) * np.where(rng.random(n) < 0.4, 0.5, 1.5)[:, None]
    points[: n // 2] += 5.0
    rng.shuffle(points)
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    return Rows(points, weight, tuple("abcdefg"[:d]), folder)


@dataclass(frozen=True)
class Seen:
    """A monoid that keeps everything, in the order of the tree, and how it was merged."""

    points: np.ndarray
    weight: np.ndarray
    tree: str

    def __add__(self, other: Seen) -> Seen:
        return Seen(np.concatenate([self.points, other.points]),
                    np.concatenate([self.weight, other.weight]), f"({self.tree}{other.tree})")


def see(block: Block) -> Seen:
    weight = block.sample_weight
    return Seen(block.points.copy(), np.zeros(0) if weight is None else weight.copy(),
                str(block.n_rows))


NOTHING = Seen(np.zeros((0, 1)), np.zeros(0), "nothing")


@every_source
@every_shape
def test_rows_come_in_order_in_the_blocks_of_an_array(
    kind: str, d: int, weighted: bool, tmp_path: Path
) -> None:
    for n in (1, 199, 600, 601, 2345):
        rows = rows_of(tmp_path, n, d, weighted)
        source = MAKERS[kind](rows)
        wanted = ArraySource.of(rows.points, rows.weight).reduce(see, NOTHING)
        for _ in range(2):
            found = source.reduce(see, NOTHING)
            assert found.tree == wanted.tree
            np.testing.assert_array_equal(found.points, rows.points)
            np.testing.assert_array_equal(found.weight, wanted.weight)
        assert (source.n_rows, source.n_features, source.dtype) == (n, d, np.float64)
        assert source.column_names == rows.names


@every_source
@every_shape
def test_samples_are_those_of_an_array(kind: str, d: int, weighted: bool, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 1500, d, weighted)
    for n in (7, 400, 1500, 1501):
        # Rows that were not counted before are counted for it.
        found = MAKERS[kind](rows).sample(n, seed=3)
        wanted = ArraySource.of(rows.points, rows.weight).sample(n, seed=3)
        np.testing.assert_array_equal(found.points, wanted.points)
        if weighted:
            np.testing.assert_array_equal(found.sample_weight, wanted.sample_weight)
        else:
            assert found.sample_weight is None


@every_source
@every_shape
def test_all_rows_where_they_are_few(kind: str, d: int, weighted: bool, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 700, d, weighted)
    for most in (0, 699):
        assert MAKERS[kind](rows).whole(most) is None
    for most in (700, 10_000):
        found = MAKERS[kind](rows).whole(most)
        assert found is not None
        np.testing.assert_array_equal(found.points, rows.points)
        assert (found.sample_weight is None) == (not weighted)


@every_source
def test_few_rows_are_fitted_as_in_memory(kind: str, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 180, 3, True)
    found = emix.fit(MAKERS[kind](rows), 2)
    assert bits(found) == bits(emix.fit(rows.points, 2, sample_weight=rows.weight))
    assert found.columns == rows.names and found.uncertainty is not None


def bits(found: emix.Fit) -> tuple[object, ...]:
    told = [(o.loglik.hex(), o.objective.hex(), o.starts, o.outcome, o.mixture.to_dict())
            for o in found.optima]
    return (told, found.trace.tolist(), found.n_iter, found.gradient.hex(), found.outcome,
            found.classification, found.n, found.bic, found.compression)


MODELS = {
    "one column": (1, {"k": 2}),
    "one column, not condensed": (1, {"k": 2, "tol": 0, "max_iter": 12}),
    "tied": (1, {"k": 3, "covariance": "E", "weights": "equal", "n_starts": 3}),
    "several columns": (3, {"k": 2, "n_starts": 3}),
    "an orientation": (2, {"k": 2, "covariance": "VVE", "n_starts": 2}),
    "a prior": (2, {"k": 2, "prior": "conjugate", "n_starts": 2}),
    "one component": (2, {"k": 1}),
    "a start": (2, {"k": 2, "start": Mixture([0.5, 0.5], [[0, 0], [5, 5]], [np.eye(2)] * 2)}),
    "a kind of start": (3, {"k": 2, "start": "kmeans"}),
}
# Of an array, by the name of the model.
IN_MEMORY: dict[str, emix.Fit] = {}


@pytest.mark.filterwarnings("ignore::emix.NotConvergedWarning")
@every_source
@pytest.mark.parametrize("name", MODELS)
def test_fits_are_the_same_to_the_bit(kind: str, name: str, tmp_path: Path) -> None:
    d, settings = MODELS[name]
    rows = rows_of(tmp_path, 1300, d, weighted=len(name) % 2 == 0)
    found = emix.fit(MAKERS[kind](rows), threads=2, **settings)
    if name not in IN_MEMORY:
        IN_MEMORY[name] = emix.fit(rows.points, sample_weight=rows.weight, threads=1, **settings)
    wanted = IN_MEMORY[name]
    assert bits(found) == bits(wanted) and found.columns == rows.names
    assert found.warnings == wanted.warnings


@every_source
def test_a_long_climb_ends_at_the_same_bits(kind: str, tmp_path: Path) -> None:
    """So long that curvature is taken from all the data, wherever they lie."""
    points = np.random.default_rng(1).normal(size=(1500, 2))
    rows = Rows(points, None, ("a", "b"), tmp_path)
    start = Mixture([1 / 3] * 3, points[:3], [np.eye(2)] * 3)
    wanted = emix.fit(points, 3, start=start)
    assert wanted.converged and wanted.n_iter > accelerate.MEMORY
    assert bits(emix.fit(MAKERS[kind](rows), 3, start=start)) == bits(wanted)


@every_source
def test_what_is_degenerate_is_named(kind: str, tmp_path: Path) -> None:
    """Summits over four of two thousand rows: so judged on all of them, not on a sample."""
    rows = rows_of(tmp_path, 1000, 2)
    rows.points[500:504] = 30 + 1e-3 * np.arange(8.0).reshape(4, 2) ** 2
    start = Mixture([0.996, 0.004], [[2, 2], [30, 30]], [np.eye(2) * 9, np.eye(2)])
    with pytest.warns(emix.DegenerateWarning):
        found = emix.fit(MAKERS[kind](rows), 2, start=start)
    assert [each.component for each in found.degenerate] == [1]
    with pytest.warns(emix.DegenerateWarning):
        assert bits(found) == bits(emix.fit(rows.points, 2, start=start))


@every_source
def test_digests_do_not_depend_on_blocks(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(tmp_path, 1000, 3, True)
    wanted = digest_of_rows(MAKERS[kind](rows))
    monkeypatch.setattr(protocol, "BLOCK_NUMBERS", 700)
    assert digest_of_rows(ArraySource.of(rows.points, rows.weight)) == wanted
    rows.points[[3, 4]] = rows.points[[4, 3]]
    assert digest_of_rows(ArraySource.of(rows.points, rows.weight)) != wanted


class Enough(Exception):
    """Stands for a SIGKILL."""


@every_source
@pytest.mark.parametrize("back", [False, True])
def test_a_fit_goes_on_elsewhere_to_the_same_bits(
    kind: str, back: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in memory, it goes on from the source, or the other way round."""
    monkeypatch.setattr(checkpoint, "BETWEEN", 0.0)
    monkeypatch.setattr(checkpoint, "SPARING", 0.0)
    monkeypatch.setattr(rounds, "MEMORY", 4)
    monkeypatch.setattr(accelerate, "MEMORY", 4)
    rows, path = rows_of(tmp_path, 700, 2), tmp_path / "fit.json"
    left = 17

    def kill(_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Enough

    first, second = MAKERS[kind](rows), ArraySource.of(rows.points, None, rows.names)
    if back:
        first, second = second, first
    settings = {"covariance": "VVE", "n_starts": 3, "tol": 0, "max_iter": 15}
    with pytest.raises(Enough):
        emix.fit(first, 3, checkpoint=path, progress=kill, **settings)
    with pytest.warns(emix.NotConvergedWarning):
        found = emix.fit(second, 3, checkpoint=path, **settings)
    with pytest.warns(emix.NotConvergedWarning):
        assert bits(found) == bits(emix.fit(rows.points, 3, **settings))


@every_source
def test_what_is_not_finite_is_refused_with_its_place(kind: str, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 1000, 2)
    rows.points[777, 1] = np.inf
    with pytest.raises(DataError, match=r"inf.*row \d+.*column 'b'"):
        moments_of(MAKERS[kind](rows))


@every_source
def test_few_values_are_refused(kind: str, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 900, 1)
    rows.points[:] = np.where(rows.points > 2, 1.0, 0.0)
    with pytest.raises(DataError, match="a has 2 distinct values in 900 rows"):
        emix.fit(MAKERS[kind](rows), 3)


def everything_asked(d: int) -> list[object]:
    """All maps that fits hand to sources."""
    mixture = Mixture(np.ones(2) / 2, np.arange(2.0 * d).reshape(2, d), [np.eye(d)] * 2)
    model = emix.fit(rows_of(Path(), 200, d).points, 2, n_starts=1).model
    units = Units.identity(d)
    grid = Grid.uniform(-3)
    maps = [MomentsOf(), Expect(mixture, "diagonal", units, 2), Classify(mixture), Distinct(3),
            Digest.of, LeaveOut(mixture, model, units, np.full(2, 50.0), 100.0, d > 1)]
    return maps if d > 1 else [*maps, Count(grid, grid.table(-9, 9))]


@pytest.mark.parametrize("d", [1, 2])
def test_what_goes_to_the_data_and_comes_back_can_be_pickled(d: int) -> None:
    """So it may go to other processes."""
    block = Block(np.random.default_rng(0).normal(size=(100, d)))
    for asked in everything_asked(d):
        there = pickle.loads(pickle.dumps(asked))
        back = pickle.loads(pickle.dumps(there(block)))
        assert digest_of([back + back]) == digest_of([asked(block) + asked(block)]), asked


def test_blocks_are_as_many_numbers_but_no_fewer_rows_than_a_search_looks_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert block_rows(1) == 1 << 22 and block_rows(4) == 1 << 20
    assert block_rows(3) % protocol.GRANULE == 0 and 3 * block_rows(3) <= protocol.BLOCK_NUMBERS
    assert block_rows(5000) == finding.SEARCH_ROWS == rounds.climb_many.__globals__["NATIVE_ROWS"]


@every_source
def test_a_map_is_given_blocks_that_kernels_take(kind: str, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 1000, 3, True)
    mixture = Mixture([1.0], [[0.0] * 3], [np.eye(3)])
    source: Source = MAKERS[kind](rows)
    expect = Expect(mixture, "full")
    found = source.reduce(expect, expect.zero)
    logs = kernel_for(mixture).log_density(mixture, rows.points)
    assert found.loglik == pytest.approx(float(rows.weight @ logs), rel=1e-12)
