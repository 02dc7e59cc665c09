"""`emix floors`: fit a mixture, and say what it owes to the floor under its spreads."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from emix.cli.exits import Exit
from emix.cli.inputs import parse_columns, read_data
from emix.cli.options import (
    ModelOptions,
    json_option,
    model_options,
    seed_option,
    source_argument,
    threads_option,
)
from emix.cli.output import ProgressLine, as_json, printable, quiet_warnings, require_folders, say
from emix.cli.pictures import check_picture, save_picture
from emix.errors import ParameterError


@click.command(short_help="Fit, and say whether it depends on the floor under its spreads.")
@source_argument
@model_options
@click.option("--floors", metavar="F,...",
              help="Floors, as shares of the data's standard deviation, such as 0.1,0.01; unless "
                   "given 1/2, 1/4, and so on to 2⁻¹⁶.")
@click.option("--n-starts", type=click.IntRange(min=1), metavar="N",
              help="Climb from exactly N starts, without the search.")
@seed_option
@threads_option
@json_option
@click.option("--plot", metavar="FILE",
              help="Draw the path (.png, .pdf or .svg; needs emix[plot]).")
@click.pass_context
def floors(
    ctx: click.Context, /, source: str, model: ModelOptions, floors: str | None,
    as_object: bool, plot: str | None, **search: Any,
) -> None:
    """Fit K components to SOURCE, and follow the best log-likelihood as the floor under the
    standard deviations is lowered.

    Where each component has a spread of its own the likelihood has no maximum: a component on one
    point, or on ties, is higher the narrower it may be. Prints for which floors the fit is the best
    found, from which on such a spike is, and a table. Exits with 4 when EM did not converge.

    \b
    Examples:
      emix floors galaxies --columns velocity -k 4
      emix floors iris -k 2 --floors 0.1,0.01 --plot floors.png
    """
    k = model.components
    require_folders(plot)
    if plot is not None:
        check_picture(plot)
    chosen = None if floors is None else _parsed(floors)
    data = read_data(source, parse_columns(model.columns), model.weight_column)
    import emix

    progress = ProgressLine()
    with quiet_warnings():
        try:
            fit = emix.fit(data.source, k, progress=progress, **model.arguments(), **search)
        finally:
            progress.erase()
        path = fit.floor_path(data.source, chosen, threads=search["threads"])
    path = dataclasses.replace(path, columns=data.titles)
    click.echo(as_json(path.to_dict()) if as_object else path.report())
    for warning in fit.warnings:
        say(f"warning: {printable(warning)}")
    if plot is not None:
        save_picture(path.plot(), plot)
    if not fit.converged:
        ctx.exit(Exit.NOT_CONVERGED)


def _parsed(floors: str) -> list[float]:
    try:
        return [float(part) for part in floors.split(",")]
    except ValueError:
        raise ParameterError(f"--floors {floors}: expected numbers with commas between, such as "
                             f"0.1,0.01") from None
