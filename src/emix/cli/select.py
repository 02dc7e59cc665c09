"""`emix select`: how many components, and of which covariance structure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from emix.cli.exits import Exit
from emix.cli.fit import save_model
from emix.cli.inputs import parse_columns, read_rows
from emix.cli.options import (
    columns_option,
    json_option,
    seed_option,
    source_argument,
    threads_option,
    weight_column_option,
)
from emix.cli.output import (
    ProgressLine,
    as_json,
    printable,
    quiet_warnings,
    require_folders,
    say,
)
from emix.cli.pictures import check_picture, save_picture

if TYPE_CHECKING:
    from emix.cli.inputs import Rows
    from emix.selection.choice import Selection
    from emix.selection.contest import SelectionProgress

# More than anyone means; a slip such as 1-10000000 should not fill the memory.
MOST_NUMBERS = 1000


class SelectionLine(ProgressLine):
    """The progress of a selection, in one line."""

    def words(self, progress: SelectionProgress) -> str:
        return (f"{progress.stage}: {progress.covariance} with k = {progress.k}, "
                f"{progress.done} of {progress.total} done")


def ranges(ctx: click.Context, param: click.Parameter, value: str) -> list[int]:
    """Numbers of components from "1-9", "2,4" or "1-4,8"."""
    found: set[int] = set()
    for part in value.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            _refuse(value)
        low, high = int(first), int(last or first)
        if not 1 <= low <= high or high - low >= MOST_NUMBERS:
            _refuse(value)
        found.update(range(low, high + 1))
    return sorted(found)


def _refuse(value: str) -> None:
    raise click.BadParameter(f"{value!r}; expected numbers of components, such as 1-9 or 2,4,6")


@click.command()
@source_argument
@click.option("-k", "ks", default="1-9", show_default=True, metavar="K-K", callback=ranges,
              help="Numbers of components to try: 1-9, or 2,4,6.")
@columns_option
@weight_column_option
@click.option("--covariance", "covariances", default="all", show_default=True, metavar="NAME,...",
              help="Covariance structures to try, by the names that fit takes, or all of them: "
                   "fourteen in several columns, E and V in one.")
@click.option("--criterion", type=click.Choice(["bic", "icl", "aic", "heldout"]), default="bic",
              show_default=True,
              help="What decides, smaller is better: BIC; ICL, which also charges for rows whose "
                   "component is unsure; AIC; or -2 times the log-likelihood of rows left out.")
@click.option("--folds", type=click.IntRange(min=2), metavar="N",
              help="Parts that rows are left out in; the table then has their log-likelihood. 5 "
                   "with --criterion heldout, else none.")
@click.option("--lrt", type=click.IntRange(min=19), metavar="N",
              help="Test k against k + 1 components by bootstrap likelihood ratios, with N "
                   "replicates, in the structure that is chosen.")
@click.option("--equal-weights", is_flag=True, help="Hold every weight at 1/K.")
@click.option("--prior", type=click.Choice(["conjugate"]),
              help="Put Fraley and Raftery's conjugate prior on means and covariances.")
@seed_option
@click.option("--tol", type=float, metavar="G",
              help="The gradient per row, without units, that counts as 0 in the rows that are "
                   "refined: 1e-10 unless given.")
@threads_option
@json_option
@click.option("--save", metavar="FILE",
              help="Save the best model as JSON, for show, predict, sample.")
@click.option("--plot", metavar="FILE",
              help="Draw BIC by k for each structure (.png, .pdf or .svg; needs emix[plot]).")
@click.pass_context
def select(
    ctx: click.Context, /, source: str, columns: str | None, weight_column: str | None,
    covariances: str, equal_weights: bool, as_object: bool, save: str | None, plot: str | None,
    **arguments: Any,
) -> None:
    """Choose the number of components and the covariance structure for SOURCE.

    Fits every structure with every number of components, and prints the best three, the table of
    them all, and the best fit. Ctrl-C prints the best so far. Exits with 4 when the best did not
    converge.

    \b
    Examples:
      emix select faithful
      emix select faithful --columns waiting -k 1-6 --criterion icl
      emix select heights.csv -k 2-4 --covariance VVV,EEE --save best.json
    """
    require_folders(save, plot)
    if plot is not None:
        check_picture(plot)
    wanted = [name.strip() for name in covariances.split(",")]
    arguments |= {
        "covariances": "all" if wanted == ["all"] else wanted,
        "weights": "equal" if equal_weights else None,
    }
    data = read_rows(source, parse_columns(columns), weight_column)
    found = _selected(data, arguments)
    if as_object:
        click.echo(as_json(found.to_dict()))
        for warning in found.best.warnings:
            say(f"warning: {printable(warning)}")
    else:
        click.echo(_titled(found, data).report())
    if save is not None:
        save_model(found.best, data, save, ctx.obj or [])
    if plot is not None:
        save_picture(found.plot(), plot)
    if not found.is_complete:
        ctx.exit(Exit.INTERRUPTED)
    if not found.best.converged:
        ctx.exit(Exit.NOT_CONVERGED)


def _selected(data: Rows, arguments: dict[str, Any]) -> Selection:
    import emix

    progress = SelectionLine()
    with quiet_warnings():
        try:
            return emix.select(data.source, progress=progress, **arguments)
        finally:
            progress.erase()


def _titled(found: Selection, data: Rows) -> Selection:
    """The same selection with units beside the names, and nothing that drives a terminal."""
    warnings = tuple(map(printable, found.best.warnings))
    best = dataclasses.replace(found.best, columns=data.titles, warnings=warnings)
    return dataclasses.replace(found, best=best, columns=data.titles)
