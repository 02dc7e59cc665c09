"""`emix certify`: fit a mixture, and say how far it is from the best there can be."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from emix.certificates.certificate import Certificate
    from emix.cli.inputs import Data


@click.command(short_help="Fit, and say how far from the best there can be.")
@source_argument
@model_options
@click.option("--n-starts", type=click.IntRange(min=1), metavar="N",
              help="Climb from exactly N starts, without the search.")
@seed_option
@click.option("--sd-floor", type=float, metavar="S",
              help="Certify against mixtures whose standard deviations are S or more; unless "
                   "given, the fit's own, or its smallest.")
@click.option("--prove-global", is_flag=True,
              help="Prove that no K components with the fit's σ are better, by branch and bound: "
                   "for K up to 3 and one σ.")
@click.option("--time-limit", type=click.FloatRange(min=0), metavar="SECONDS", default=60.0,
              show_default=True, help="What the proof may take.")
@threads_option
@json_option
@click.option("--plot", metavar="FILE",
              help="Draw the gradient function (.png, .pdf or .svg; needs emix[plot]).")
@click.pass_context
def certify(
    ctx: click.Context, /, source: str, model: ModelOptions, n_starts: int | None, seed: int,
    threads: int | None, as_object: bool, plot: str | None, **options: Any,
) -> None:
    """Fit K components to one column of SOURCE, and certify the fit.

    Prints what no mixture of normal components with standard deviations as large as the fit's can
    exceed, however many components it has; how near the fit comes to it; and which numbers of
    components can have no better BIC. Exits with 4 when EM did not converge (the certificate is of
    the fit all the same).

    \b
    Examples:
      emix certify faithful --columns waiting -k 2 --covariance E
      emix certify galaxies --columns velocity -k 3 --covariance E --prove-global
    """
    k = model.components
    require_folders(plot)
    if plot is not None:
        check_picture(plot)
    arguments = model.arguments()
    data = read_data(source, parse_columns(model.columns), model.weight_column)
    if data.n_features > 1:
        raise ParameterError(f"a certificate is of one column so far, and there are "
                             f"{data.n_features}: {', '.join(data.titles[:20])}; choose one with "
                             f"--columns")
    found = _certified(data, k, arguments, options,
                       {"n_starts": n_starts, "seed": seed, "threads": threads})
    if as_object:
        click.echo(as_json(found.to_dict()))
    else:
        click.echo(_shown(found, data).report())
    for warning in found.fit.warnings:
        say(f"warning: {printable(warning)}")
    if plot is not None:
        axes = _shown(found, data).plot(data.points, sample_weight=data.weights)
        save_picture(axes, plot)
    if not found.fit.converged:
        ctx.exit(Exit.NOT_CONVERGED)


def _certified(
    data: Data, k: int, arguments: dict[str, Any], options: dict[str, Any], search: dict[str, Any]
) -> Certificate:
    import emix

    progress = ProgressLine()
    with quiet_warnings():
        try:
            fit = emix.fit(data.source, k, progress=progress, **arguments, **search)
        finally:
            progress.erase()
        return emix.certify(data.source, fit, threads=search["threads"], **options)


def _shown(found: Certificate, data: Data) -> Certificate:
    """The certificate with names that are safe to show, and units."""
    return dataclasses.replace(found, fit=dataclasses.replace(found.fit, columns=data.titles))
