"""`emix steps`: EM in slow motion, every responsibility and every parameter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from emix.cli.lesson import Lesson
from emix.cli.options import (
    START_HELP,
    ModelOptions,
    model_options,
    seed_option,
    source_argument,
    start_options,
)
from emix.cli.output import as_json, require_folders
from emix.cli.pictures import check_animation, save_animation
from emix.cli.starts import FirstStep, read_to_start, saved_start

if TYPE_CHECKING:
    from emix.em import Step


@click.command(short_help="Show EM step by step, in tables and words.")
@source_argument
@model_options
@click.option("-n", "n", type=click.IntRange(min=0), default=5, show_default=True, metavar="N",
              help="Iterations to show after the start.")
@click.option("--points", type=click.IntRange(min=0), default=5, show_default=True, metavar="N",
              help="Rows of SOURCE whose responsibilities are shown, the first ones.")
@start_options
@click.option("--start", metavar="KIND|FILE",
              help=START_HELP + " Without it, and without --start-means, kmeans.")
@seed_option
@click.option("--animate", metavar="FILE",
              help="Draw EM at work, until nothing is seen to move, as a film (.gif, or .mp4 where "
                   "ffmpeg is installed; needs emix[plot]).")
@click.option("--json", "as_object", is_flag=True,
              help="Print one JSON object per line for each step, the start first, with all "
                   "digits; components and rows then count from 0.")
def steps(
    source: str, model: ModelOptions, n: int, points: int, means_at_start: list[float] | None,
    sds_at_start: list[float] | None, weights_at_start: list[float] | None, start: str | None,
    seed: int, animate: str | None, as_object: bool,
) -> None:
    """Show EM step by step: responsibilities, new parameters, and what happened, in words.

    Beside the responsibilities stands what K-Means would say of the same point: all of it to the
    nearest mean, with every column in units of its standard deviation.

    \b
    Examples:
      emix steps teaching -k 2 --sd 1 --start-means 2,5 --start-sds 1,1
      emix steps faithful --columns waiting -k 2 --start random --seed 3 -n 10
      emix steps faithful -k 2 --covariance EVE
      emix steps faithful -k 2 --start random --animate em.gif
    """
    import emix
    from emix.model import Model

    require_folders(animate)
    if animate is not None:
        check_animation(animate)
    saved = saved_start(start)
    begin = FirstStep(saved, None if saved is not None else start, seed, means_at_start,
                      sds_at_start, weights_at_start)
    k = begin.count(model.k)
    arguments = model.arguments()
    data = read_to_start(source, model, saved).held
    parsed = Model.parse(k, data.n_features, **arguments)
    beginning = begin.mixture(data, parsed)
    sequence = islice(emix.steps(data.source, beginning, **arguments), n + 1)
    lesson = Lesson(data, points)
    # The first step is made before anything is printed: what cannot be fitted shows there.
    first = next(sequence)
    if not as_object:
        click.echo("\n".join(lesson.opening(parsed)))
    for before, step in _with_previous(chain([first], sequence)):
        if as_object:
            click.echo(as_json(lesson.plain(before, step)))
        else:
            click.echo("\n" + "\n".join(lesson.page(before, step)))
    if animate is not None:
        save_animation(emix.steps(data.source, beginning, **arguments), data, animate)


def _with_previous(sequence: Iterator[Step]) -> Iterator[tuple[Step | None, Step]]:
    before = None
    for step in sequence:
        yield before, step
        before = step
