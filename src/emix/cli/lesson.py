"""What `emix steps` says of each step: a page of tables and words, or plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.cli.output import printable
from emix.cli.tables import parameter_lines, shortened

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels
    from emix.cli.inputs import Data
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model

# Rows up to which the most unsure point is looked for: more of them would hold up the lesson.
DOUBTED_ROWS = 100_000
# Values of a row that the E-step's table shows, and columns named in a title.
MOST_VALUES, MOST_NAMES = 6, 30


class Lesson:
    """What is said of each step of EM on some data, with the responsibilities of its first rows."""

    def __init__(self, data: Data, points: int) -> None:
        self.data = data
        self.names = tuple(shortened(printable(name)) for name in data.names)
        self.shown: Floats = data.points[:points].astype(np.float64)
        # Rows of weight 0 are no rows.
        counted = data.points if data.weights is None else data.points[data.weights > 0]
        self.counted = counted
        self.scale = counted.std(axis=0, dtype=np.float64)

    def opening(self, model: Model) -> list[str]:
        """The first lines: what is fitted to what."""
        n, d = self.data.points.shape
        what = "value" if d == 1 else "row"
        return [f"{', '.join(self.data.titles[:MOST_NAMES])}: {model.describe()}",
                f"{n} {what}{'s' * (n != 1)}" + (f" in {d} columns" if d > 1 else "")]

    def page(self, before: Step | None, step: Step) -> list[str]:
        """One step as lines of text."""
        if before is None:
            return ["Start", *self._parameters(step.mixture, "Φ, μ and σ to begin with:"),
                    f"  {_measure(step)}"]
        gain = step.objective - before.objective
        return [
            f"Iteration {step.iteration}",
            *self._responsibilities(before),
            *self._parameters(step.mixture, "M-step: these shares call for new parameters"),
            f"  {_measure(step)} ({gain:+.6g})",
            f"  {self._sentence(before, step)}",
        ]

    def plain(self, before: Step | None, step: Step) -> dict[str, Any]:
        """One step as plain data."""
        shares, hard = self._shares(step.mixture), self._nearest(step.mixture)
        is_column = self.data.n_features == 1
        values = (self.shown[:, 0] if is_column else self.shown).tolist()
        return {
            "iteration": step.iteration,
            "loglik": step.loglik,
            "objective": step.objective,
            "gain": None if before is None else step.objective - before.objective,
            "columns": list(self.data.names),
            "mixture": step.mixture.to_dict(),
            "expected_points": step.statistics.weight.tolist(),
            "points": [
                {"row": row, "value" if is_column else "values": value, "responsibilities": r,
                 "kmeans": j}
                for row, (value, r, j) in enumerate(
                    zip(values, shares.tolist(), hard.tolist(), strict=True))
            ],
            "sentence": None if before is None else self._sentence(before, step),
        }

    def _sentence(self, before: Step, step: Step) -> str:
        from emix.narrate import most_unsure, narrate

        few = len(self.counted) <= DOUBTED_ROWS
        doubt = most_unsure(step.mixture, self.counted) if few else None
        return narrate(before, step, doubt, self.names)

    def _shares(self, mixture: Mixture) -> Floats:
        if len(self.shown) == 0:
            return np.zeros((0, mixture.n_components))
        return mixture.responsibilities(self.shown)

    def _nearest(self, mixture: Mixture) -> Labels:
        """K-Means' choice: the component of the nearest mean, whole, whatever its width or weight.

        Columns count in units of the data's standard deviation, or the one with the largest
        numbers would decide alone.
        """
        scale = np.where(self.scale > 0, self.scale, 1.0)
        away = (self.shown[:, None] - mixture.means) / scale
        nearest: Labels = np.linalg.norm(away, axis=2).argmin(axis=1)
        return nearest

    def _responsibilities(self, step: Step) -> list[str]:
        """The E-step's table: points, then what all of them add up to."""
        mixture, n = step.mixture, len(self.data.points)
        k, d = mixture.n_components, min(self.data.n_features, MOST_VALUES)
        heads = ["value"] if self.data.n_features == 1 else [name[:12] for name in self.names[:d]]
        more = "  …" if d < self.data.n_features else ""
        lines = ["  E-step: how much of each point belongs to each component",
                 f"  {'row':>6} " + " ".join(f"{head:>12}" for head in heads) + more + " "
                 + "".join(f"{j + 1:>9}" for j in range(k)) + "   K-Means"]
        hard, shares = self._nearest(mixture), self._shares(mixture)
        for row, values in enumerate(self.shown[:, :d].tolist()):
            cells = "".join(f"{share:>9.2f}" for share in shares[row])
            shown = " ".join(f"{value:>12.6g}" for value in values)
            lines.append(f"  {row + 1:>6} {shown}{more} {cells}{hard[row] + 1:>10}")
        if len(self.shown) < n:
            lines.append(f"  {'...':>6} ({n - len(self.shown)} more)")
        total = "".join(f"{weight:>9.2f}" for weight in step.statistics.weight)
        width = 13 * d - 1
        lines.append(f"  {'sum':>6} {step.statistics.total:>{width}.6g}{' ' * len(more)} {total}")
        return lines

    def _parameters(self, mixture: Mixture, heading: str) -> list[str]:
        return [f"  {heading}", *parameter_lines(mixture, self.names)]


def _measure(step: Step) -> str:
    measure = f"log-likelihood {step.loglik:.6f}"
    if step.objective != step.loglik:
        measure += f"   log-posterior {step.objective:.6f}"
    return measure
