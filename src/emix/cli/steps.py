"""`emix steps`: EM in slow motion, every responsibility and every parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from emix.cli.inputs import Column, read_column
from emix.cli.options import (
    START_HELP,
    ModelOptions,
    model_options,
    numbers,
    seed_option,
    source_argument,
)
from emix.cli.output import as_json
from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.moments import Moments
    from emix.sources.array import ArraySource

# Rows up to which the most unsure point is looked for: more of them would hold up the lesson.
DOUBTED_ROWS = 100_000


@dataclass(frozen=True)
class Start:
    """Where EM begins: parameters given one by one, or a kind of start and its seed."""

    kind: str | None
    seed: int
    means: list[float] | None
    sds: list[float] | None
    weights: list[float] | None

    def count(self, k: int | None) -> int:
        """The number of components, which -k and the lists must agree on."""
        given = {"--start-means": self.means, "--start-sds": self.sds,
                 "--start-weights": self.weights}
        if self.means is None and (self.sds or self.weights):
            raise ParameterError("--start-sds and --start-weights go with --start-means; give the "
                                 "means too, or --start KIND instead")
        if self.means is not None and self.kind is not None:
            raise ParameterError("--start and --start-means both say where to begin; give one")
        if k is None:
            if self.means is None:
                raise click.UsageError("Missing option '-k': the number of components.")
            k = len(self.means)
        for option, values in given.items():
            if values is not None and len(values) != k:
                raise ParameterError(f"{option} has {len(values)} numbers; expected {k}, one for "
                                     f"each component")
        return k

    def mixture(self, column: Column, k: int) -> Mixture:
        """The start itself, in the units of the data."""
        from emix.mixture import Mixture

        if self.means is None:
            return self._drawn(column, k)
        sd = float(_moments(column).sd[0]) or 1.0
        return Mixture.univariate(
            [1 / k] * k if self.weights is None else self.weights, self.means,
            [sd] * k if self.sds is None else self.sds,
        )

    def _drawn(self, column: Column, k: int) -> Mixture:
        from emix.arrays import Units
        from emix.initialise import Draws, SortedColumn, named

        draw = named(self.kind or "kmeans")
        moments = _moments(column)
        units = Units.of_spread(moments.mean, moments.sd)
        return draw(SortedColumn.of(_source(column).block, units), k,
                    Draws(self.seed, 0)).outward(units)


def _source(column: Column) -> ArraySource:
    from emix.sources.array import ArraySource

    return ArraySource.of(column.values, column.weights)


def _moments(column: Column) -> Moments:
    from emix.moments import moments_of

    return moments_of(_source(column))


@click.command(short_help="Show EM step by step, in tables and words.")
@source_argument
@model_options
@click.option("-n", "n", type=click.IntRange(min=0), default=5, show_default=True, metavar="N",
              help="Iterations to show after the start.")
@click.option("--points", type=click.IntRange(min=0), default=5, show_default=True, metavar="N",
              help="Rows of SOURCE whose responsibilities are shown, the first ones.")
@click.option("--start-means", "means_at_start", callback=numbers, metavar="M,...",
              help="Begin at these means, one for each component.")
@click.option("--start-sds", "sds_at_start", callback=numbers, metavar="S,...",
              help="Begin at these standard deviations; that of the data unless given.")
@click.option("--start-weights", "weights_at_start", callback=numbers, metavar="W,...",
              help="Begin at these weights; equal ones unless given.")
@click.option("--start", metavar="KIND", help=START_HELP + " Without it, and without "
                                                           "--start-means, kmeans.")
@seed_option
@click.option("--json", "as_object", is_flag=True,
              help="Print one JSON object per line for each step, the start first, with all "
                   "digits; components and rows then count from 0.")
def steps(
    source: str, model: ModelOptions, n: int, points: int, means_at_start: list[float] | None,
    sds_at_start: list[float] | None, weights_at_start: list[float] | None, start: str | None,
    seed: int, as_object: bool,
) -> None:
    """Show EM step by step: responsibilities, new parameters, and what happened, in words.

    Beside the responsibilities stands what K-Means would say of the same point: all of it to the
    nearest mean.

    \b
    Examples:
      emix steps teaching -k 2 --sd 1 --start-means 2,5 --start-sds 1,1
      emix steps faithful --columns waiting -k 2 --start random --seed 3 -n 10
    """
    import emix

    begin = Start(start, seed, means_at_start, sds_at_start, weights_at_start)
    k = begin.count(model.k)
    arguments = model.arguments()
    column = read_column(source, model.columns, model.weight_column)
    sequence = islice(
        emix.steps(column, begin.mixture(column, k), sample_weight=column.weights, **arguments),
        n + 1,
    )
    lesson = _Lesson(column, points)
    if as_object:
        for before, step in _with_previous(sequence):
            click.echo(as_json(lesson.plain(before, step)))
        return
    click.echo("\n".join(lesson.opening(k, arguments)))
    for before, step in _with_previous(sequence):
        click.echo("\n" + "\n".join(lesson.page(before, step)))


def _with_previous(sequence: Iterator[Step]) -> Iterator[tuple[Step | None, Step]]:
    before = None
    for step in sequence:
        yield before, step
        before = step


class _Lesson:
    """What is said of each step: as a page of text, or as plain data."""

    def __init__(self, column: Column, points: int) -> None:
        self.column = column
        self.shown = column.values[:points]

    def opening(self, k: int, arguments: dict[str, Any]) -> list[str]:
        from emix.model import Model

        n = len(self.column.values)
        described = Model.parse(k, 1, **arguments).describe()
        return [f"{self.column.title}: {described}", f"{n} value{'s' * (n != 1)}"]

    def page(self, before: Step | None, step: Step) -> list[str]:
        if before is None:
            return ["Start", *_parameters(step.mixture, "Φ, μ and σ to begin with:"),
                    f"  {_measure(step)}"]
        gain = step.objective - before.objective
        return [
            f"Iteration {step.iteration}",
            *self._responsibilities(before),
            *_parameters(step.mixture, "M-step: these shares call for new parameters"),
            f"  {_measure(step)} ({gain:+.6g})",
            f"  {self._sentence(before, step)}",
        ]

    def plain(self, before: Step | None, step: Step) -> dict[str, Any]:
        shares = _shares(step.mixture, self.shown)
        hard = _nearest(step.mixture, self.shown)
        return {
            "iteration": step.iteration,
            "loglik": step.loglik,
            "objective": step.objective,
            "gain": None if before is None else step.objective - before.objective,
            "mixture": step.mixture.to_dict(),
            "expected_points": step.statistics.weight.tolist(),
            "points": [
                {"row": row, "value": value, "responsibilities": r, "kmeans": j}
                for row, (value, r, j) in enumerate(
                    zip(self.shown.tolist(), shares.tolist(), hard.tolist(), strict=True))
            ],
            "sentence": None if before is None else self._sentence(before, step),
        }

    def _sentence(self, before: Step, step: Step) -> str:
        from emix.narrate import most_unsure, narrate

        values = self.column.values
        if self.column.weights is not None:
            values = values[self.column.weights > 0]
        few = len(values) <= DOUBTED_ROWS
        return narrate(before, step, most_unsure(step.mixture, values) if few else None)

    def _responsibilities(self, step: Step) -> list[str]:
        """The E-step's table: points, then what all of them add up to."""
        mixture, n = step.mixture, len(self.column.values)
        k = mixture.n_components
        lines = ["  E-step: how much of each point belongs to each component",
                 f"  {'row':>6} {'value':>12} " + "".join(f"{j + 1:>9}" for j in range(k))
                 + "   K-Means"]
        hard = _nearest(mixture, self.shown)
        shares = _shares(mixture, self.shown)
        for row, value in enumerate(self.shown.tolist()):
            cells = "".join(f"{share:>9.2f}" for share in shares[row])
            lines.append(f"  {row + 1:>6} {value:>12.6g} {cells}{hard[row] + 1:>10}")
        if len(self.shown) < n:
            lines.append(f"  {'...':>6} ({n - len(self.shown)} more)")
        total = "".join(f"{weight:>9.2f}" for weight in step.statistics.weight)
        lines.append(f"  {'sum':>6} {step.statistics.total:>12.6g} {total}")
        return lines


def _shares(mixture: Mixture, points: Floats) -> Floats:
    import numpy as np

    if len(points) == 0:
        return np.zeros((0, mixture.n_components))
    return mixture.responsibilities(points)


def _nearest(mixture: Mixture, points: Floats) -> Any:
    """K-Means' choice: the component of the nearest mean, whole, whatever its width or weight."""
    import numpy as np

    return np.abs(points[:, None] - mixture.means[:, 0]).argmin(axis=1)


def _parameters(mixture: Mixture, heading: str) -> list[str]:
    lines = [f"  {heading}", f"  {'':>19} " + f"{'Φ':>9} {'μ':>12} {'σ':>12}"]
    for j in range(mixture.n_components):
        lines.append(f"  {'component':>9} {j + 1:<9} {mixture.weights[j]:>9.5f} "
                     f"{mixture.means[j, 0]:>12.6g} {mixture.sds[j]:>12.6g}")
    return lines


def _measure(step: Step) -> str:
    measure = f"log-likelihood {step.loglik:.6f}"
    if step.objective != step.loglik:
        measure += f"   log-posterior {step.objective:.6f}"
    return measure
