"""Every structure and every k of a selection, each begun where its neighbours ended.

Separate searches would find the same divisions of the data over and over. Here one tree of merged
rows serves all; what a structure found for k, with a component split in two, starts k + 1; what
simpler structures found for the same k starts those that contain them; and on the way back what
was found for k + 1, with a component left out, starts k. So a larger mixture begins where a
smaller one has ended, and EM only climbs.

Starts are many and short: they run side by side for a few steps, and the best go on to a gradient
that is enough to rank by. `emix.selection.select` then searches thoroughly where it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.batches import Batch, Ends, climb_batch
from emix.climbing.climb import Outcome, Stop
from emix.covariance import structure
from emix.crew import share_out
from emix.searching.beginning import begin_natively, begins_natively
from emix.searching.splitting import splits, without_one
from emix.searching.terrain import TableTerrain
from emix.selection.setting import Cell
from emix.soundness.degenerate import LEAST_WORTH

if TYPE_CHECKING:
    from emix.covariance import Structure
    from emix.selection.setting import Setting

# All starts run for a few steps, after which the summit that is highest in the end is seldom in the
# lower half; the better half for some more. The best goes on; others where its end is degenerate.
FEW, SHORT_RUN = 7, 7
GOING_ON, MANY = 1, 1 << 30
# The gradient per row that is enough to rank by, and the steps that are enough to reach it.
RANKS = Stop(1e-4, 500)
# Starts at random for a cell where the others all end degenerate.
CHANCES = 6
# Splits tried of each mixture, at least, where it has so many axes.
SPLITS = 16
# What a short run may lack, in nats, of the best that is known, and still go on.
SHORT_OF = 10.0
# Why a cell has no optimum to be trusted.
COLLAPSED = "collapsed: needs more points"
NOT_SOUND = "no sound optimum"
# Objectives of climbs that came to one place, per unit of row weight.
SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """The best sound optimum of a cell, the only row of `ends`, in internal units; or why there
    is none, and then perhaps the best of the others."""

    ends: Ends | None
    failure: str | None = None

    @property
    def sound(self) -> Ends | None:
        """The optimum, where it is one to be trusted."""
        return self.ends if self.failure is None else None

    @property
    def objective(self) -> float:
        """The objective of the sound optimum, −∞ where there is none."""
        return -np.inf if self.sound is None else float(self.sound.objective[0])


class Screening:
    """All cells screened; `found` holds what is known so far."""

    def __init__(self, setting: Setting, covariances: Sequence[str], ks: Sequence[int]) -> None:
        self.setting, self.ks = setting, sorted(ks)
        self.found: dict[Cell, Screened] = {}
        rules = {name: structure(name, setting.n_features) for name in covariances}
        within = {
            name: [other for other in rules if is_within(rules[other], rules[name])]
            for name in rules
        }
        # By k, and of one k simpler structures first.
        self.cells = [Cell(name, k) for k in self.ks for name in covariances]
        # The largest of those within alone: what is within them has started them.
        self._simpler = {
            name: [one for one in others if not any(one in within[other] for other in others)]
            for name, others in within.items()
        }

    def run(self, told: Callable[[Cell, int], None] | None = None) -> None:
        """There and back; `told` of each cell that is done on the way there."""
        setting = self.setting
        setting.prepare(self.cells)
        workers = setting.workers
        share_out(self.cells, self._needs, self._screen, workers, told)
        share_out(self.cells[::-1], self._needs_larger, self._return, workers)
        share_out(self.cells, self._needs, self.lift, workers)

    def _needs(self, cell: Cell) -> list[Cell]:
        """The cells that this one is started from."""
        before = self._before(cell)
        siblings = [Cell(name, cell.k) for name in self._simpler[cell.covariance]]
        return siblings if before is None else [before, *siblings]

    def _needs_larger(self, cell: Cell) -> list[Cell]:
        return [Cell(cell.covariance, cell.k + 1)]

    def _screen(self, cell: Cell) -> None:
        self.found[cell] = self._screened(cell)

    def _screened(self, cell: Cell) -> Screened:
        """What the starts of a cell come to."""
        refusal = self.setting.refusal(cell)
        if refusal is not None:
            return Screened(None, refusal)
        if cell.k == 1:
            return self._best(self._climb(cell, self.setting.start(cell), RANKS), cell)
        best = self._begun(cell, Batch.joined(list(self._starts(cell))))
        if best.sound is None:
            chance = self._begun(cell, self.setting.random_starts(cell, CHANCES))
            best = best if chance.sound is None else chance
        return best

    def _begun(
        self, cell: Cell, starts: Batch, above: float = -np.inf, most: int = MANY
    ) -> Screened:
        """Short runs, and the best of them on to where it leads; others if that is not sound.

        Those that end no higher than `above` do not go on, nor do more than `most`.
        """
        setting, model = self.setting, self.setting.within(cell)
        terrain = setting.terrain(cell.covariance)
        if isinstance(terrain, TableTerrain) and begins_natively(terrain, cell.k, model):
            end, is_sound = begin_natively(terrain, starts, model, (FEW, SHORT_RUN), RANKS,
                                           self._slack, above, most, setting.inner)
            return Screened(end, None if is_sound else _why(end))
        short = self._short_runs(cell, starts)
        queue, size = highest(short, self._slack), GOING_ON
        queue = [row for row in queue if short.objective[row] > above][:most]
        best = Screened(None, _why(None))
        while queue and best.sound is None:
            rows, queue, size = queue[:size], queue[size:], 2 * size
            best = self._best(self._climb(cell, short.batch.taken(rows), RANKS), cell)
        return best

    def _short_runs(self, cell: Cell, starts: Batch) -> Ends:
        """A few steps from all, a short run from the better half."""
        few = self._climb(cell, starts, Stop(RANKS.tol, FEW))
        order = few.by_height()
        half = (len(order) + 1) // 2
        better = few.batch.taken(order[:half])
        return Ends.joined(self._climb(cell, better, Stop(RANKS.tol, SHORT_RUN)),
                           few.taken(order[half:]))

    def _climb(self, cell: Cell, starts: Batch, stop: Stop) -> Ends:
        source = self.setting.terrain(cell.covariance).source
        return climb_batch(source, starts, self.setting.within(cell), stop, self.setting.inner)

    @property
    def _slack(self) -> float:
        return SAME * self.setting.total

    def _starts(self, cell: Cell) -> Iterator[Batch]:
        yield self.setting.start(cell)
        smaller = self._smaller(cell)
        if smaller is not None:
            axes = -(-SPLITS // smaller.n_components)
            yield splits(smaller, 0, axes)
        for name in self._simpler[cell.covariance]:
            sibling = self.found.get(Cell(name, cell.k))
            if sibling is not None and sibling.sound is not None:
                yield self.setting.translated(sibling.sound.batch, name, cell.covariance)

    def _smaller(self, cell: Cell) -> Batch | None:
        """The sound optimum of the next smaller k, split until it has one component less."""
        before = self._before(cell)
        known = None if before is None else self.found.get(before)
        if known is None or known.sound is None:
            return None
        batch = known.sound.batch
        while batch.n_components < cell.k - 1:
            batch = splits(batch, 0, 1).taken([int(batch.weights[0].argmax())])
        return batch

    def _before(self, cell: Cell) -> Cell | None:
        smaller = [k for k in self.ks if k < cell.k]
        return Cell(cell.covariance, smaller[-1]) if smaller else None

    def _best(self, ends: Ends, cell: Cell) -> Screened:
        """The highest sound end; where there is none, the highest."""
        queue = highest(ends, self._slack)
        if not queue:
            return Screened(None, Outcome.NOT_FINITE.prose)
        worths = self.setting.least_worths(ends.batch.taken(queue), cell)
        for row, worth in zip(queue, worths.tolist(), strict=True):
            if worth >= LEAST_WORTH and ends.outcome[row] is not Outcome.COLLAPSED:
                return Screened(ends.taken([row]))
        highest_end = ends.taken(queue[:1])
        return Screened(highest_end, _why(highest_end))

    def _return(self, cell: Cell) -> None:
        """A cell once more, from the optimum of one component more with each left out in turn."""
        larger, known = self.found.get(Cell(cell.covariance, cell.k + 1)), self.found[cell]
        if cell.k == 1 or larger is None or larger.sound is None:
            return
        starts = without_one(larger.sound.batch, 0)
        self._keep(cell, self._begun(cell, starts, known.objective - SHORT_OF, 1))

    def _keep(self, cell: Cell, new: Screened) -> None:
        """The better of what is known and what is new."""
        if new.objective > self.found[cell].objective:
            self.found[cell] = new

    def lift(self, cell: Cell) -> None:
        """Sees to it that a cell is not below the same structure with fewer components, whose
        density it contains: a component of two halves, alike or nearly, climbs from there.

        Not so with a prior or with held weights, where the larger model does not contain the
        smaller. Where the climb ends degenerate the cell may stay below.
        """
        before, known = self._before(cell), self.found[cell]
        model = self.setting.model(cell)
        plain = model.prior.is_flat and model.held.is_nothing
        if before is None or not plain or known.ends is None:
            return
        if known.objective >= self.found[before].objective:
            return
        smaller = self._smaller(cell)
        if smaller is None:
            return
        starts = Batch.joined([splits(smaller, 0, 1, apart) for apart in (0.3, 0.0)])
        self._keep(cell, self._best(self._climb(cell, starts, RANKS), cell))


def _why(end: Ends | None) -> str:
    """Why an end is not sound."""
    if end is None:
        return Outcome.NOT_FINITE.prose
    return COLLAPSED if end.outcome[0] is Outcome.COLLAPSED else NOT_SOUND


def highest(ends: Ends, slack: float) -> list[int]:
    """The rows of different objectives, the highest first."""
    objective, rows = ends.objective, list[int]()
    for row in ends.by_height():
        if not np.isfinite(objective[row]):
            break
        if not rows or objective[rows[-1]] - objective[row] > slack:
            rows.append(row)
    return rows


def is_within(one: Structure, other: Structure) -> bool:
    """Whether every mixture of the first structure is one of the other, which is not the same."""
    if one.name == other.name:
        return False
    order = {"I": 0, "E": 1, "V": 2}
    pairs = [(one.volume, other.volume), (one.shape, other.shape)]
    # A sphere has every orientation.
    if one.shape != "I":
        pairs.append((one.orientation, other.orientation))
    return all(order[a] <= order[b] for a, b in pairs)
