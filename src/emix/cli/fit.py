"""`emix fit`: fit a mixture to one column."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import TYPE_CHECKING, Any

import click

from emix.cli.exits import Exit
from emix.cli.inputs import Column, read_column
from emix.cli.options import (
    START_HELP,
    ModelOptions,
    json_option,
    model_options,
    seed_option,
    source_argument,
)
from emix.cli.output import (
    ProgressLine,
    as_json,
    finite,
    printable,
    quiet_warnings,
    require_folders,
    say,
    write_table,
    writing,
)
from emix.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from emix.comparison import KMeansComparison
    from emix.result import Fit

# What matplotlib writes without further packages.
PICTURES = (".png", ".pdf", ".svg")


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Where results go besides standard output."""

    as_object: bool
    kmeans: bool
    save: str | None
    plot: str | None
    plot_kmeans: str | None
    responsibilities: str | None

    def check(self, model: ModelOptions) -> None:
        """Refuse, before a fit that may take long, what could not be written after it."""
        require_folders(self.save, self.plot, self.plot_kmeans, self.responsibilities)
        for path in (self.plot, self.plot_kmeans):
            if path is not None:
                _check_picture(path)
        if model.weight_column is not None and (self.kmeans or self.plot or self.plot_kmeans):
            raise ParameterError("pictures and the comparison with K-Means count every row once so "
                                 "far; leave out --weight-column, or --kmeans, --plot and "
                                 "--plot-kmeans")


@click.command()
@source_argument
@model_options
@click.option("--start", metavar="KIND", help=START_HELP + " Without it, many starts of varied "
                                                           "kinds and a search from the best.")
@click.option("--n-starts", type=click.IntRange(min=1), metavar="N",
              help="Climb from exactly N starts, without the search.")
@seed_option
@click.option("--tol", type=float, metavar="G",
              help="The gradient per row, without units, that counts as 0: 1e-10 unless given.")
@click.option("--max-iter", type=click.IntRange(min=0), metavar="N",
              help="EM steps at most, 20000 unless given.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N",
              help="Processors to use, all unless given; the result does not depend on it.")
@json_option
@click.option("--save", metavar="FILE", help="Save the model as JSON, for show, predict, sample.")
@click.option("--plot", metavar="FILE",
              help="Draw data, density and components (.png, .pdf or .svg; needs emix[plot]).")
@click.option("--plot-kmeans", metavar="FILE",
              help="Draw K-Means beside the mixture (.png, .pdf or .svg; needs emix[plot]).")
@click.option("--responsibilities", metavar="FILE",
              help="Write a CSV table with columns label, p1, ..., pK: for each row its most "
                   "probable component, counted from 1, and the probability of each.")
@click.option("--kmeans", is_flag=True,
              help="Add a comparison with the hard assignment of K-Means.")
@click.pass_context
def fit(
    ctx: click.Context, /, source: str, model: ModelOptions, start: str | None,
    n_starts: int | None, seed: int, tol: float | None, max_iter: int | None,
    threads: int | None, **outputs: Any,
) -> None:
    """Fit a mixture of K normal components to one column of SOURCE.

    Prints the model in words, how well it fits, its components, and the distinct optima that the
    starts found. Exits with 4 when EM did not converge (the report is printed all the same).

    \b
    Examples:
      emix fit faithful --columns waiting -k 2
      emix fit heights.csv -k 3 --equal-weights --sd 1 --save heights.json
      cut -d, -f2 data.csv | emix fit - -k 2 --json
    """
    out = Outputs(**outputs)
    if model.k is None:
        raise click.UsageError("Missing option '-k': the number of components.")
    arguments = model.arguments()
    out.check(model)
    column = read_column(source, model.columns, model.weight_column)
    search = {"start": start, "n_starts": n_starts, "seed": seed, "tol": tol,
              "max_iter": max_iter, "threads": threads}
    found = _fitted(column, model.k, arguments | search)
    comparison = found.compare_kmeans(column.values) if out.kmeans or out.plot_kmeans else None
    _print(found, column, out, comparison)
    _write(found, column, out, comparison, ctx.obj)
    if not found.converged:
        interrupted = found.outcome.value == "interrupted"
        ctx.exit(Exit.INTERRUPTED if interrupted else Exit.NOT_CONVERGED)


def _fitted(column: Column, k: int, arguments: dict[str, Any]) -> Fit:
    import emix

    progress = ProgressLine()
    with quiet_warnings():
        try:
            return emix.fit(column, k, sample_weight=column.weights, progress=progress, **arguments)
        finally:
            progress.erase()


def _print(
    found: Fit, column: Column, out: Outputs, comparison: KMeansComparison | None
) -> None:
    asked = comparison if out.kmeans else None
    if out.as_object:
        plain = found.to_dict()
        if asked is not None:
            plain["kmeans"] = _plain_comparison(asked)
        click.echo(as_json(plain))
        for warning in found.warnings:
            say(f"warning: {warning}")
        return
    click.echo(dataclasses.replace(found, name=column.title).report())
    if asked is not None:
        click.echo("\n" + asked.report())


def _plain_comparison(comparison: KMeansComparison) -> dict[str, Any]:
    return {
        "centres": comparison.centres.tolist(),
        "sds": comparison.sds.tolist(),
        "counts": comparison.counts.tolist(),
        "cuts": comparison.cuts.tolist(),
        "disagree": comparison.disagree.tolist(),
    }


def _write(
    found: Fit, column: Column, out: Outputs, comparison: KMeansComparison | None,
    words: list[str] | None,
) -> None:
    """Everything that goes into files; the report is out by then, so that none can cost it."""
    if out.save is not None:
        _save(found, column, out.save, words or [])
    if out.responsibilities is not None:
        r = found.responsibilities(column.values)
        labels = (found.predict(column.values) + 1).tolist()
        header = ["label", *(f"p{j + 1}" for j in range(found.k))]
        rows = ([label, *row] for label, row in zip(labels, r.tolist(), strict=True))
        write_table(out.responsibilities, header, rows)
    name = printable(column.name)
    if out.plot is not None:
        from emix.plots import plot_density

        axes = plot_density(found.mixture, column.values, name=name, unit=column.unit or None)
        _save_picture(axes.figure, out.plot)
    if out.plot_kmeans is not None and comparison is not None:
        from emix.plots import plot_kmeans

        axes = plot_kmeans(comparison, name=name, unit=column.unit or None)
        _save_picture(axes.figure, out.plot_kmeans)


def _save(found: Fit, column: Column, path: str, words: list[str]) -> None:
    import shlex

    import emix
    from emix import modelfile

    about = {
        "columns": [column.name],
        "units": [column.unit],
        "n": int(found.n) if found.n == int(found.n) else found.n,
        "loglik": found.loglik,
        "covariance": found.covariance,
        "model": found.model.describe(),
        "converged": found.converged,
        "seed": found.seed,
        "command": shlex.join(["emix", *words]),
        "emix": emix.__version__,
    }
    with writing(path):
        modelfile.save(found.mixture, path, **finite(about))


def _check_picture(path: str) -> None:
    from importlib.util import find_spec

    ending = os.path.splitext(path)[1].lower()
    if ending not in PICTURES:
        raise ParameterError(f"{path}: a picture ends in {', '.join(PICTURES[:-1])} or "
                             f"{PICTURES[-1]}, not {ending or 'nothing'!r}")
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "plot", "a plot")


def _save_picture(figure: Any, path: str) -> None:
    from emix.modelfile import write_whole

    picture = io.BytesIO()
    ending = os.path.splitext(path)[1].lower()
    figure.savefig(picture, format=ending.removeprefix("."), dpi=150)
    with writing(path):
        write_whole(path, picture.getvalue())
