"""The rows of a selection: screened, perhaps tested on left-out rows, the leaders refined."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emix.climbing.batches import Ends
from emix.climbing.climb import Abreast, Climb, Outcome, Stop, climb_many
from emix.crew import share_out
from emix.searching.finding import Finder
from emix.selection.choice import Row, ranked
from emix.selection.heldout import held_out
from emix.selection.screening import NOT_SOUND, RANKS, Screened, Screening
from emix.selection.setting import Cell
from emix.selection.tabling import Standing, failed_row, row_of, with_icl, with_icls
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.result import Fit
    from emix.searching.candidates import Candidate
    from emix.selection.setting import Setting

# Rows of a table that are refined, the best ones. Where the data is much, so are the differences
# between rows, and a search on all of it takes long.
LEADERS, LEADERS_OF_MUCH = 3, 1
# What was screened on a sample is climbed on all the data, for so many steps.
ON_ALL = Stop(RANKS.tol, 25)


@dataclass(frozen=True, slots=True)
class SelectionProgress:
    """What a progress callback is told: the stage ("screening", "held out", "all data" or
    "refining"), which row was done last, and how many of how many are."""

    stage: str
    covariance: str
    k: int
    done: int
    total: int


class Contest:
    """One selection on its way. Ctrl-C ends `run`; what was found until then stays."""

    def __init__(
        self, setting: Setting, covariances: Sequence[str], ks: Sequence[int], criterion: str,
        folds: int | None, stop: Stop, progress: Callable[[SelectionProgress], None] | None,
    ) -> None:
        self.setting, self.covariances, self.ks = setting, covariances, ks
        self.criterion, self.folds, self.stop, self.progress = criterion, folds, stop, progress
        self.screening = Screening(setting, covariances, ks)
        self.scores: dict[Cell, float | str] = {}
        self.climbed: dict[Cell, Climb] = {}
        self.refined: dict[Cell, list[Candidate]] = {}
        self.is_complete = False
        self._rows: dict[Cell, tuple[object, Row]] = {}

    def run(self) -> None:
        """Screens, scores and refines."""
        try:
            self.screening.run(None if self.progress is None else self._told_of_screening)
            if self.setting.is_sampled:
                self._on_all_data()
            if self.folds is not None:
                self.scores = held_out(
                    self.setting, self.covariances, self.ks, self.folds, self._told_of_fold
                )
            self._refine()
            self.is_complete = True
        except KeyboardInterrupt:
            if all(found.sound is None for found in self.screening.found.values()):
                raise
            if self.criterion == "heldout" and not self.scores:
                self.criterion = "bic"
            if self.setting.is_sampled and not self.climbed:
                self._on_all_data(1)

    def _told_of_screening(self, cell: Cell, done: int) -> None:
        self._tell("screening", cell, done, len(self.screening.cells))

    def _told_of_fold(self, fold: int, cell: Cell, done: int) -> None:
        cells = len(self.screening.cells)
        self._tell("held out", cell, fold * cells + done, cells * (self.folds or 1))

    def _tell(self, stage: str, cell: Cell, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(SelectionProgress(stage, cell.covariance, cell.k, done, total))

    def _on_all_data(self, most: int | None = None) -> None:
        """What was found on a sample, climbed for some steps on all rows; the best there first."""
        setting, found = self.setting, self.screening.found
        share = setting.weight / setting.total

        def deviance(cell: Cell) -> float:
            sound = found[cell].sound
            assert sound is not None
            units, df = setting.units(cell.covariance), setting.n_parameters(cell)
            loglik = share * float(sound.loglik[0]) + setting.weight * units.log_jacobian
            return -2 * loglik + df * math.log(setting.weight)

        cells = sorted((c for c in found if found[c].sound is not None), key=deviance)
        done = 0
        for some in self._together(cells[:most]):
            climbs = self._climbed_on_all(some)
            if any(climb.outcome is Outcome.INTERRUPTED for climb in climbs):
                raise KeyboardInterrupt
            for cell, climb in zip(some, climbs, strict=True):
                self.climbed[cell] = climb
                done += 1
                self._tell("all data", cell, done, len(cells))

    def _together(self, cells: list[Cell]) -> list[list[Cell]]:
        """Cells that climb side by side: all where each pass reads the data anew; in memory one by
        one, so that Ctrl-C leaves the best."""
        in_memory = isinstance(self.setting.source, ArraySource)
        return [[cell] for cell in cells] if in_memory else [cells] if cells else []

    def _climbed_on_all(self, cells: Sequence[Cell]) -> list[Climb]:
        setting = self.setting
        models = [setting.within(cell) for cell in cells]
        units = [setting.units(cell.covariance) for cell in cells]
        starts = []
        for cell, model in zip(cells, models, strict=True):
            sound = self.screening.found[cell].sound
            assert sound is not None
            starts.append(sound.batch.mixture(0, model.structure))
        if len(cells) == 1:
            return climb_many(setting.source, starts, models[0], units[0], ON_ALL, setting.threads)
        stops = [ON_ALL] * len(cells)
        return Abreast(setting.source, starts, models, units, stops, setting.threads).run()

    def _refine(self) -> None:
        """Searches the leaders as `emix.fit` searches, until the first three have been."""
        done = 0
        while True:
            most = LEADERS_OF_MUCH if self.setting.is_sampled else LEADERS
            leaders = ranked(self.rows(), self.criterion)[:most]
            waiting = [Cell(row.covariance, row.k) for row in leaders if not row.is_refined]
            if not waiting:
                return

            def told(cell: Cell, more: int, before: int = done, of: int = len(waiting)) -> None:
                self._tell("refining", cell, before + more, before + of)

            share_out(waiting, lambda _: (), self._search, self.setting.workers, told)
            done += len(waiting)
            if not self.setting.is_sampled:
                for cell in sorted(waiting, key=lambda cell: cell.k):
                    self._lift(cell)

    def _search(self, cell: Cell) -> None:
        """Searches a cell as `emix.fit` does, and climbs on from where it stands."""
        standing = self.standing(cell)
        assert standing is not None
        known = self.setting.within(cell).conforming(standing.mixture)
        found = self._finder(cell).candidates(None, None, [known])
        if any(each.climb.outcome is Outcome.INTERRUPTED for each in found):
            raise KeyboardInterrupt
        self.refined[cell] = found

    def _lift(self, cell: Cell) -> None:
        """What has more components than a refined cell must not be below it."""
        screening, best = self.screening, self.refined.get(cell)
        if best is None or not best[0].is_sound:
            return
        screening.found[cell] = Screened(Ends.of_climb(best[0].climb))
        for k in self.ks:
            larger = Cell(cell.covariance, k)
            if k <= cell.k or screening.found[larger].ends is None:
                continue
            before = screening.found[larger]
            screening.lift(larger)
            if screening.found[larger] is not before:
                self.refined.pop(larger, None)

    def _finder(self, cell: Cell) -> Finder:
        setting = self.setting
        return Finder(
            setting.source, ", ".join(setting.names), setting.model(cell),
            setting.units(cell.covariance), setting.weight, self.stop, setting.seed,
            # Few are searched at a time: their chains have use for all threads.
            setting.threads, None, setting.terrain(cell.covariance),
        )

    def optima(self, row: Row) -> tuple[list[Candidate], Finder]:
        """The optima of a row with a sound one, the best climbed to the tolerance of the fit."""
        cell = Cell(row.covariance, row.k)
        finder = self._finder(cell)
        if cell not in self.refined:
            standing = self.standing(cell)
            assert standing is not None
            self.refined[cell] = finder.candidates(standing.mixture.outward(finder.units), None)
        return self.refined[cell], finder

    def standing(self, cell: Cell) -> Standing | None:
        """Where a cell stands; None without a sound optimum on all the data."""
        if cell in self.refined:
            best = self.refined[cell][0]
            climb = best.climb
            return self._standing_of(climb, True) if best.is_sound else None
        if cell in self.climbed:
            return self._standing_of(self.climbed[cell], False)
        found = self.screening.found.get(cell)
        if found is None or found.sound is None or self.setting.is_sampled:
            return None
        ends = found.sound
        return Standing(lambda: ends.batch.plain(0), float(ends.loglik[0]),
                        float(ends.gradient[0]), ends.outcome[0], False)

    @staticmethod
    def _standing_of(climb: Climb, is_refined: bool) -> Standing:
        return Standing(lambda: climb.mixture, climb.loglik, climb.gradient, climb.outcome,
                        is_refined)

    def rows(self) -> list[Row]:
        """The table as it stands, by structure; with ICL where that decides."""
        return [self._row(cell) for cell in self._cells]

    def full_rows(self, best: Fit) -> list[Row]:
        """The table with all that rows say, and the best as its fit has it."""
        rows, lacking = self.rows(), []
        for place, row in enumerate(rows):
            cell = Cell(row.covariance, row.k)
            standing = self.standing(self._alike(cell))
            if cell == (best.covariance, best.k):
                rows[place] = replace(row, loglik=best.loglik, bic=best.bic, icl=best.icl,
                                      aic=best.aic)
            elif standing is not None and row.icl != row.icl:
                lacking.append((place, standing))
        told = with_icls(self.setting, [rows[place] for place, _ in lacking],
                         [standing for _, standing in lacking])
        for (place, _), row in zip(lacking, told, strict=True):
            rows[place] = row
        return rows

    @property
    def _cells(self) -> list[Cell]:
        return [Cell(name, k) for name in self.covariances for k in self.ks]

    def _row(self, cell: Cell) -> Row:
        """The row of a cell, made anew where what is known of it has changed."""
        origin = self._origin(self._alike(cell))
        known = self._rows.get(cell)
        if known is None or known[0] is not origin:
            known = self._rows[cell] = origin, self._new_row(cell, self._alike(cell))
        return known[1]

    def _new_row(self, cell: Cell, alike: Cell) -> Row:
        standing = self.standing(alike)
        if standing is None:
            return failed_row(self.setting, cell, self._unsound(alike))
        row = row_of(self.setting, alike, standing)
        if self.criterion == "icl":
            row = with_icl(self.setting, row, standing)
        score = self.scores.get(alike)
        if isinstance(score, str):
            failure = score if self.criterion == "heldout" else None
            return replace(row, covariance=cell.covariance, failure=failure)
        return replace(row, covariance=cell.covariance, heldout=score)

    def _unsound(self, cell: Cell) -> Screened | None:
        """The end of a cell without a sound optimum; None where it was not reached."""
        screened = self.screening.found.get(cell)
        if cell in self.refined:
            # It was sound where the screening left it, and no longer so at its summit.
            return Screened(Ends.of_climb(self.refined[cell][0].climb), NOT_SOUND)
        return None if screened is not None and screened.sound is not None else screened

    def _origin(self, cell: Cell) -> object:
        """What is known of a cell, the last of it."""
        return self.refined.get(cell) or self.climbed.get(cell) or self.screening.found.get(cell)

    def _alike(self, cell: Cell) -> Cell:
        """The first structure that is the same as this one, as many are of one component."""
        if cell.k > 1:
            return cell
        df = self.setting.n_parameters(cell)
        for name in self.covariances if self.setting.model(cell).prior.is_flat else ():
            if self.setting.n_parameters(Cell(name, 1)) == df:
                return Cell(name, 1)
        return cell
