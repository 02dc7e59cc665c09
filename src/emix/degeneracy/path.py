"""FloorPath: the best log-likelihood for each floor under the spreads, as a value and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.climbing.climb import Outcome
    from emix.mixture import Mixture
    from emix.soundness.degenerate import Degenerate

# Nats within which two climbs have come to the same summit.
SAME = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class FloorRow:
    """The best mixture found above one floor.

    floor       the least standard deviation, as a share of the data's: in several columns in any
                direction, with columns measured in their standard deviations (or, where the
                structure does not survive that, all in their root mean square)
    loglik      of `mixture`; `objective` is the log-posterior where there is a prior
    smallest    the least standard deviation of a learned component, measured as `floor`
    resting     components that rest on the floor, counted from 0
    degenerate  components that should not be trusted, with the reason in words
    doubtful    components that are hardly better: sound, but not worth their place
    alive       how many components there are, those that coincide counted once and empty ones not
    is_fit      whether it is the optimum of the fit
    """

    floor: float
    loglik: float
    objective: float
    smallest: float
    resting: tuple[int, ...]
    degenerate: tuple[Degenerate, ...]
    doubtful: tuple[Degenerate, ...]
    alive: int
    outcome: Outcome
    mixture: Mixture
    is_fit: bool

    def to_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        return {
            "floor": self.floor, "loglik": self.loglik, "objective": self.objective,
            "smallest_sd": self.smallest, "resting": list(self.resting),
            "degenerate": [{"component": d.component, "reason": d.reason}
                           for d in self.degenerate],
            "doubtful": [{"component": d.component, "reason": d.reason} for d in self.doubtful],
            "alive": self.alive, "outcome": self.outcome.value, "is_fit": self.is_fit,
            "mixture": self.mixture.to_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class FloorPath:
    """What becomes of a fit as the floor under its spreads is lowered.

    rows        one for each floor, the highest first
    loglik      of the fit, and its `objective`; `smallest` is its least standard deviation,
                measured as the floors are
    is_bounded  whether the likelihood has a maximum without any floor: spreads are common to all
                components, held, or given a prior
    """

    columns: tuple[str, ...]
    rows: tuple[FloorRow, ...]
    loglik: float
    objective: float
    smallest: float
    is_bounded: bool

    @property
    def stable(self) -> tuple[float, float] | None:
        """The lowest and the highest of the floors at which the fit is the best found, with no
        component on the floor; None where there is no such floor."""
        floors = [row.floor for row in self.rows if row.is_fit and not row.resting]
        return (min(floors), max(floors)) if floors else None

    @property
    def above(self) -> tuple[FloorRow, ...]:
        """Rows that are higher than the fit."""
        highest = self.objective + slack_of(self.objective)
        return tuple(row for row in self.rows if row.objective > highest)

    @property
    def depends_on_floor(self) -> bool:
        """Whether a lower floor lets a component rest on it and be higher than the fit."""
        return any(row.resting for row in self.above)

    def report(self) -> str:
        """What depends on the floor, in words, and the table, for people."""
        lines = [f"{', '.join(self.columns[:20])}: the best fit for each floor under the standard "
                 f"deviations", ""]
        lines += [f"- {statement}" for statement in self.statements()]
        return "\n".join([*lines, "", *self._table()])

    def statements(self) -> tuple[str, ...]:
        """What follows from the path, a sentence or two each."""
        return tuple(filter(None, (self._of_stable(), self._of_spike(), self._of_better(),
                                   self._of_unarrived())))

    def _of_stable(self) -> str:
        stable = self.stable
        if stable is None:
            return (f"The fit, of log-likelihood {self.loglik:.5f}, is not the best found at any "
                    f"of these floors.")
        low, high = stable
        span = f"With floors from {share(high)} down to {share(low)}" if low < high else \
            f"At a floor of {share(low)}"
        lowest = low == self.rows[-1].floor
        return (f"{span} of the data's standard deviation the fit is the best found, and no "
                f"component rests on the floor" + (
                    ": down to the lowest of them its optimum does not depend on the floor."
                    if lowest else ".") +
                (" The likelihood has a maximum even without a floor." if self.is_bounded and lowest
                 else ""))

    def _of_spike(self) -> str:
        resting = [row for row in self.above if row.resting]
        if not resting:
            return ""
        first, last = resting[0], resting[-1]
        at_last = "" if last is first else \
            f" and {last.objective - self.objective:.3g} at {share(last.floor)}"
        found = (f"From a floor of {share(first.floor)} on a mixture with a component on the floor "
                 f"is higher, by {first.objective - self.objective:.3g} nats there{at_last}: the "
                 f"largest likelihood depends on the floor")
        pace = self.pace()
        if pace > 0.1:
            found += (f", and grows by {pace:.2g} nats with each halving of it, without bound")
        return found + (". The fit is the best local maximum that does not rest on it."
                        if self.stable else ".")

    def pace(self) -> float:
        """Nats that the objective gains with each halving of the floor, over the last two floors;
        0 where no component rests on both and is higher than the fit."""
        ends = self.rows[-2:]
        if len(ends) < 2 or not all(row.resting and row in self.above for row in ends):
            return 0.0
        return (ends[1].objective - ends[0].objective) / math.log2(ends[0].floor / ends[1].floor)

    def _of_better(self) -> str:
        better = [row for row in self.above if not row.resting]
        if not better:
            return ""
        # What can be trusted first, however much higher a spike climbs.
        row = max(better, key=lambda r: (not r.degenerate, r.objective))
        what = f"{row.objective - self.objective:.3g} nats higher than the fit"
        if not row.degenerate:
            found = f"At a floor of {share(row.floor)} there is a sound optimum {what}"
            if row.doubtful:
                found += (f", but component {row.doubtful[0].component + 1} of it is doubtful: "
                          f"{row.doubtful[0].reason}. A search does not look for those")
            return f"{found}; to have it, fit again with start= its mixture."
        names = ", ".join(str(d.component + 1) for d in row.degenerate)
        return (f"At a floor of {share(row.floor)} there is an optimum {what} that rests on no "
                f"floor, but component {names} of it is degenerate: {row.degenerate[0].reason}.")

    def _of_unarrived(self) -> str:
        open_ends = [share(row.floor) for row in self.rows if row.outcome.value != "converged"]
        if not open_ends:
            return ""
        return f"Not converged at the floors {', '.join(open_ends)}."

    def _table(self) -> list[str]:
        lines = [f"{'floor':>10} {'log-likelihood':>15} {'to the fit':>12} {'least sd':>10} "
                 f"{'alive':>6}  components"]
        for row in self.rows:
            said = []
            if row.resting:
                said.append(f"on the floor: {_numbers(row.resting)}")
            others = [d.component for d in row.degenerate if d.component not in row.resting]
            if others:
                said.append(f"degenerate: {_numbers(others)}")
            if row.doubtful:
                said.append(f"doubtful: {_numbers([d.component for d in row.doubtful])}")
            if row.is_fit:
                said.append("the fit")
            lines.append(f"{share(row.floor):>10} {row.loglik:>15.5f} "
                         f"{row.objective - self.objective:>+12.4f} {share(row.smallest):>10} "
                         f"{row.alive:>6}  {'; '.join(said) or 'sound'}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The path as plain data, the object that `emix floors --json` prints."""
        stable = self.stable
        return {
            "columns": list(self.columns), "loglik": self.loglik, "objective": self.objective,
            "smallest_sd": self.smallest, "is_bounded": self.is_bounded,
            "stable": None if stable is None else list(stable),
            "depends_on_floor": self.depends_on_floor, "statements": list(self.statements()),
            "rows": [row.to_dict() for row in self.rows],
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """The path as a picture; needs the extra `plot`. See `plots.plot_floor`."""
        from emix.plots import plot_floor

        return plot_floor(self, ax=ax)

    def __str__(self) -> str:
        return self.report()


def slack_of(objective: float) -> float:
    """By how much objectives of one summit may differ, in nats."""
    return SAME + 1e-9 * abs(objective)


def share(value: float) -> str:
    """A share of the data's standard deviation.

    >>> share(0.5), share(2.0**-16)
    ('0.5', '1.53e-05')
    """
    return f"{value:.3g}"


def _numbers(components: tuple[int, ...] | list[int]) -> str:
    shown = ", ".join(str(j + 1) for j in components[:6])
    return shown + (f" and {len(components) - 6} more" if len(components) > 6 else "")
