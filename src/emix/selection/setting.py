"""What all rows of one selection share: data, models, and for each structure units and ground."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emix.arrays import Units
from emix.climbing.batches import Batch
from emix.covariance import Isotropic, structure
from emix.em import Expect
from emix.errors import DataError
from emix.initialise import DETERMINISTIC, Draws
from emix.kernels import NATIVE
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.moments import moments_of
from emix.searching.terrain import ColumnTerrain, TableTerrain, terrain_of
from emix.soundness.checking import check_rank, check_spread
from emix.soundness.degenerate import least_worth
from emix.soundness.worth import is_judged, judges_natively, least_worths, least_worths_natively

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emix.arrays import Floats
    from emix.searching.terrain import Terrain
    from emix.sources.protocol import Source

# There are seldom more cells that wait for no other.
MOST_AT_A_TIME = 8
# Rows above which a screening looks at a sample, as a search does.
SAMPLE_ROWS = 1 << 14


class Cell(NamedTuple):
    """A covariance structure and a number of components: one row of a selection's table."""

    covariance: str
    k: int


class Setting:
    """Data, and models of it by cell. All that several cells need is worked out once."""

    def __init__(
        self, source: Source, names: tuple[str, ...], weights: object, prior: object,
        seed: int, threads: int,
    ) -> None:
        self.source, self.names, self.seed, self.threads = source, names, seed, threads
        self.weights, self.prior = weights, prior
        self.moments = moments_of(source, threads)
        self._sample = source.sample(SAMPLE_ROWS, seed)
        self._models: dict[Cell, tuple[Model, Model]] = {}
        self._df: dict[Cell, int] = {}
        self._most_known = 0
        self._refusals: dict[str, str | None] = {}
        self._starts: dict[tuple[bool, int], Batch] = {}
        self._grounds: dict[str, tuple[Units, Terrain]] = {}
        self.n_features = source.n_features
        # Whether the ground is a sample of the rows.
        self.is_sampled = source.n_rows > SAMPLE_ROWS
        # Cells that are worked on at a time; 0 where climbs take long, and hear of Ctrl-C.
        at_a_time = min(threads, MOST_AT_A_TIME) if NATIVE is not None else 1
        self.workers = 0 if self.is_sampled else at_a_time
        # Threads for each of them.
        self.inner = threads // max(self.workers, 1)

    @property
    def weight(self) -> float:
        """Σ w over all rows."""
        return self.moments.weight

    @cached_property
    def total(self) -> float:
        """Σ w over the ground, which may be a sample."""
        return next(iter(self._grounds.values()))[1].total

    def model(self, cell: Cell) -> Model:
        """The model in the units of the data."""
        return self._both(cell)[0]

    def within(self, cell: Cell) -> Model:
        """The model in internal units."""
        return self._both(cell)[1]

    def n_parameters(self, cell: Cell) -> int:
        """The degrees of freedom of a cell's model."""
        if cell not in self._df:
            self._df[cell] = self.model(cell).n_parameters
        return self._df[cell]

    def _both(self, cell: Cell) -> tuple[Model, Model]:
        known = self._models.get(cell)
        if known is None:
            model = Model.parse(
                cell.k, self.n_features, cell.covariance, self.weights, prior=self.prior
            )
            if model.prior.conjugate is not None:
                # Divisor n − 1, as R's var.
                unbiased = self._scatter / max(self.weight - 1, 1.0)
                model = model.informed(self.moments.mean, unbiased, self.weight)
            known = self._models[cell] = model, model.inward(self.units(cell.covariance), FLOOR)
        return known

    @cached_property
    def _scatter(self) -> Floats:
        """Σ w (x − mean)(x − mean)ᵀ in the units of the data, (d, d)."""
        d, units = self.n_features, self.units("VVV")
        middle = units.inward(self.moments.mean)[None]
        whole = Mixture.trusted(np.ones(1), middle, Isotropic(np.ones(1), d))
        scored = Expect(whole, "full", units, self.threads)
        statistics = self.source.reduce(scored, scored.zero)
        about = statistics.scatter_about(middle + statistics.shift / self.weight)[0]
        scatter: Floats = about / np.multiply.outer(units.scale, units.scale)
        return scatter

    def units(self, covariance: str) -> Units:
        return self._ground(covariance)[0]

    def terrain(self, covariance: str) -> Terrain:
        return self._ground(covariance)[1]

    def _ground(self, covariance: str) -> tuple[Units, Terrain]:
        """Structures that survive scaling columns apart have units of their own."""
        known = self._grounds.get(covariance)
        if known is None:
            apart = structure(covariance, self.n_features).is_scale_free
            for name, other in self._grounds.items():
                if structure(name, self.n_features).is_scale_free == apart:
                    known = other
            known = self._grounds[covariance] = known or self._new_ground(apart)
        return known

    def _new_ground(self, apart: bool) -> tuple[Units, Terrain]:
        units = Units.of_spread(self.moments.mean, self.moments.sd, not apart)
        terrain = terrain_of(self._sample, units, self._imagines)
        for _, other in self._grounds.values():
            if isinstance(terrain, TableTerrain) and isinstance(other, TableTerrain):
                # Decorrelated columns are the same in all units, and so is the tree on them.
                terrain.table.memory.update(other.table.memory)
        return units, terrain

    @property
    def _imagines(self) -> bool:
        """Whether there is a prior on covariances, with which a column is a table."""
        name = "V" if self.n_features == 1 else "VVV"
        return Model.parse(1, self.n_features, name, None, prior=self.prior).prior.conjugate \
            is not None

    def refusal(self, cell: Cell) -> str | None:
        """Why no mixture of that cell can be fitted to the data, in words, if none can."""
        name = cell.covariance
        if name not in self._refusals:
            try:
                model = self.model(Cell(name, 1))
                check_spread(self.moments, model, self.names)
                if self.n_features > 1:
                    check_rank(self._scatter / self.weight, self.moments, model, self.names)
                self._refusals[name] = None
            except DataError as reason:
                self._refusals[name] = f"singular: {reason}"
        if self._refusals[name] is None and cell.k > self._distinct(cell.k):
            rows = "rows" if self.n_features > 1 else "values"
            return f"needs more points: the data has {self._distinct(cell.k)} distinct {rows}"
        return self._refusals[name]

    def _distinct(self, k: int) -> int:
        """How many different rows there are, as far as it is known; k at least where there are."""
        if self._most_known < k:
            points, weight = self._sample.points, self._sample.sample_weight
            counted = points if weight is None else points[weight > 0]
            self._most_known = len(np.unique(counted[: 16 * k], axis=0))
            if self._most_known < k:
                self._most_known = len(np.unique(counted, axis=0))
        return self._most_known

    def prepare(self, cells: Sequence[Cell]) -> None:
        """Works out what all cells share, before threads would each do it."""
        for cell in cells:
            if self.refusal(cell) is None:
                self.within(cell)
                self.start(cell)

    def start(self, cell: Cell) -> Batch:
        """Starts that chance has no part in, made once for all structures."""
        terrain = self.terrain(cell.covariance)
        key = structure(cell.covariance, self.n_features).is_scale_free, cell.k
        if key not in self._starts:
            column = isinstance(terrain, ColumnTerrain)
            kinds = DETERMINISTIC if column else ("hierarchical",)
            draws = Draws(self.seed, 0)
            self._starts[key] = Batch.of([terrain.started(kind, cell.k, draws) for kind in kinds])
        return self._starts[key]

    def random_starts(self, cell: Cell, n_starts: int) -> Batch:
        """Starts that chance has a part in."""
        terrain = self.terrain(cell.covariance)
        kinds = itertools.islice(itertools.cycle(("random", "kmeans++")), n_starts)
        return Batch.of([
            terrain.started(kind, cell.k, Draws(self.seed, stream))
            for stream, kind in enumerate(kinds, start=1)
        ])

    def translated(self, batch: Batch, covariance: str, to: str) -> Batch:
        """Mixtures in the internal units of one structure in those of another."""
        old, new = self.units(covariance), self.units(to)
        return batch if old is new else batch.rescaled(new.scale / old.scale)

    def least_worths(self, batch: Batch, cell: Cell) -> Floats:
        """What the least worthy component of each mixture is worth, (s,), on the ground; see
        `emix.soundness.degenerate`."""
        terrain, model = self.terrain(cell.covariance), self.within(cell)
        rows = range(len(batch))
        if isinstance(terrain, ColumnTerrain):
            return np.array([
                least_worth(terrain.column, batch.mixture(row, model.structure), model)
                for row in rows
            ])
        assert isinstance(terrain, TableTerrain)
        if not is_judged(model):
            return np.full(len(batch), np.inf)
        if judges_natively(model):
            return least_worths_natively(
                terrain.table, batch.weights, batch.means, batch.factors, model, self.inner
            )
        mixtures = [batch.mixture(row, model.structure) for row in rows]
        return least_worths(terrain.table, mixtures, model, self.inner)
