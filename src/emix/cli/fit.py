"""`emix fit`: fit a mixture."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from emix.cli.exits import Exit
from emix.cli.groups import exit_after, fit_by, print_fits, refuse_outputs
from emix.cli.inputs import Rows
from emix.cli.options import (
    START_HELP,
    ModelOptions,
    json_option,
    model_options,
    seed_option,
    source_argument,
    start_options,
    threads_option,
)
from emix.cli.output import (
    ProgressLine,
    as_json,
    printable,
    quiet_warnings,
    require_folders,
    say,
    write_table,
    writing,
)
from emix.cli.pictures import check_picture, save_picture
from emix.cli.report import check_report, write_report
from emix.cli.starts import FirstStep, read_to_start, saved_start
from emix.errors import ParameterError
from emix.labelled import answers, header_of
from emix.wholefile import finite

if TYPE_CHECKING:
    from emix.comparison import KMeansComparison
    from emix.result import Fit

@dataclasses.dataclass(frozen=True)
class Outputs:
    """Where results go besides standard output."""

    as_object: bool
    kmeans: bool
    save: str | None
    plot: str | None
    plot_kmeans: str | None
    responsibilities: str | None
    errors: str | None = None
    report: str | None = None

    def check(self, model: ModelOptions) -> None:
        """Refuse, before a fit that may take long, what could not be written after it."""
        require_folders(self.save, self.plot, self.plot_kmeans, self.responsibilities,
                        self.report)
        for path in (self.plot, self.plot_kmeans):
            if path is not None:
                check_picture(path)
        if self.report is not None:
            check_report(self.report)
        if model.weight_column is not None and (self.kmeans or self.plot or self.plot_kmeans):
            raise ParameterError("pictures and the comparison with K-Means count every row once so "
                                 "far; leave out --weight-column, or --kmeans, --plot and "
                                 "--plot-kmeans")

    def check_columns(self, data: Rows) -> None:
        """Refuse what is of one column, where there are more, and what needs rows in memory where
        they are not."""
        if data.n_features > 1 and (self.kmeans or self.plot_kmeans):
            raise ParameterError(f"the comparison with K-Means is of one column so far, and there "
                                 f"are {data.n_features}: {', '.join(data.titles[:20])}; choose "
                                 f"one with --columns, or leave out --kmeans and --plot-kmeans")
        if self.kmeans or self.plot_kmeans or self.report is not None:
            _ = data.held


@click.command()
@source_argument
@model_options
@click.option("--by", metavar="NAME,...",
              help="Fit each group of rows by itself, groups being rows with the same cell, number "
                   "or text, in this column of SOURCE; prints one CSV row for each group.")
@click.option("--start", metavar="KIND|FILE",
              help=START_HELP + " Without it, many starts of varied kinds and a search from the "
                                "best.")
@start_options
@click.option("--n-starts", type=click.IntRange(min=1), metavar="N",
              help="Climb from exactly N starts, without the search.")
@seed_option
@click.option("--tol", type=float, metavar="G",
              help="The gradient per row, without units, that counts as 0: 1e-10 unless given.")
@click.option("--max-iter", type=click.IntRange(min=0), metavar="N",
              help="EM steps at most, 20000 unless given.")
@click.option("--neglect", type=click.FloatRange(0, 1, max_open=True), metavar="SHARE",
              help="The share of a row's density that E-steps may leave out: unless given 0 "
                   "(exact) below 256 components, else 1e-5.")
@threads_option
@click.option("--errors", type=click.Choice(["observed", "sandwich", "scores", "bootstrap",
                                            "parametric", "weighted", "jackknife"]),
              help="Add standard errors and intervals of every parameter, from derivatives "
                   "(observed, sandwich, scores) or from refits.")
@click.option("--checkpoint", metavar="FILE",
              help="Keep how far the fit has come in FILE; the same command goes on from there, to "
                   "the same bits.")
@json_option
@click.option("--save", metavar="FILE", help="Save the model as JSON, for show, predict, sample.")
@click.option("--plot", metavar="FILE",
              help="Draw data, density and components (.png, .pdf or .svg; needs emix[plot]).")
@click.option("--plot-kmeans", metavar="FILE",
              help="Draw K-Means beside the mixture (.png, .pdf or .svg; needs emix[plot]).")
@click.option("--report", metavar="FILE",
              help="Write a report, one page of HTML: tables, pictures, warnings, how to make it "
                   "again (.html; needs emix[plot]).")
@click.option("--responsibilities", metavar="FILE",
              help="Write a CSV table with columns label, p1, ..., pK: for each row its most "
                   "probable component, counted from 1, and the probability of each.")
@click.option("--kmeans", is_flag=True,
              help="Add a comparison with the hard assignment of K-Means.")
@click.pass_context
def fit(
    ctx: click.Context, /, source: str, model: ModelOptions, by: str | None, start: str | None,
    n_starts: int | None, seed: int, tol: float | None, max_iter: int | None,
    neglect: float | None, means_at_start: list[float] | None, sds_at_start: list[float] | None,
    weights_at_start: list[float] | None, threads: int | None, checkpoint: str | None,
    **outputs: Any,
) -> None:
    """Fit a mixture of K normal components to SOURCE.

    Prints the model in words, how well it fits, its components, and the distinct optima that the
    starts found. Exits with 4 when EM did not converge (the report is printed all the same).

    With --by, prints one row for each group instead: how well it is fitted, the parameters of
    each component, and the message where it could not be. Exits with 3 when a group could not be
    fitted, else with 4 when one did not converge; the table is printed all the same.

    \b
    Examples:
      emix fit faithful --columns waiting -k 2
      emix fit faithful -k 2 --covariance VVE
      emix fit heights.csv -k 3 --equal-weights --sd 1 --save heights.json
      emix fit iris --by label --columns Petal_Length -k 2
      cut -d, -f2 data.csv | emix fit - -k 2 --json
    """
    out = Outputs(**outputs)
    saved = saved_start(start)
    begin = FirstStep(saved, None if saved is not None else start, seed, means_at_start,
                      sds_at_start, weights_at_start)
    k = begin.count(model.k)
    arguments = model.arguments()
    if by is not None:
        refuse_outputs(checkpoint=checkpoint, start_means=means_at_start, **{
            name: value for name, value in outputs.items() if name != "as_object"})
        fits = fit_by(source, by, k, model, {
            "start": start if saved is None else saved.mixture, "n_starts": n_starts, "seed": seed,
            "tol": tol, "max_iter": max_iter, "neglect": neglect, "threads": threads})
        print_fits(fits, out.as_object)
        ctx.exit(exit_after(fits))
    require_folders(checkpoint)
    out.check(model)
    data = read_to_start(source, model, saved)
    out.check_columns(data)
    first = start if saved is None else saved.of_columns(data.names)
    search = {"start": begin.placed(data, k) if means_at_start else first, "n_starts": n_starts,
              "seed": seed, "tol": tol, "max_iter": max_iter, "neglect": neglect,
              "threads": threads, "checkpoint": checkpoint}
    found = _fitted(data, k, arguments | search)
    found = _with_errors(found, data, out.errors, seed, threads)
    comparison = found.compare_kmeans(data.held.points) if out.kmeans or out.plot_kmeans else None
    _print(found, data, out, comparison)
    _write(found, data, out, comparison, ctx.obj)
    if out.report is not None:
        write_report(found, data.held, out.report, ctx.obj or [], threads)
    if not found.converged:
        interrupted = found.outcome.value == "interrupted"
        ctx.exit(Exit.INTERRUPTED if interrupted else Exit.NOT_CONVERGED)


def _fitted(data: Rows, k: int, arguments: dict[str, Any]) -> Fit:
    import emix

    progress = ProgressLine()
    with quiet_warnings():
        try:
            return emix.fit(data.source, k, progress=progress, **arguments)
        finally:
            progress.erase()


def _with_errors(
    found: Fit, data: Rows, method: str | None, seed: int, threads: int | None
) -> Fit:
    """The fit with the standard errors that were asked for in the place of its own."""
    import emix

    if method is None:
        return found
    errors = emix.uncertainty(data.source, found, method, seed=seed, threads=threads)
    return dataclasses.replace(found, _uncertainty=errors)


def _print(
    found: Fit, data: Rows, out: Outputs, comparison: KMeansComparison | None
) -> None:
    asked = comparison if out.kmeans else None
    if out.as_object:
        plain = found.to_dict()
        if asked is not None:
            plain["kmeans"] = _plain_comparison(asked)
        click.echo(as_json(plain))
        for warning in found.warnings:
            say(f"warning: {printable(warning)}")
        return
    warnings = tuple(map(printable, found.warnings))
    click.echo(dataclasses.replace(found, columns=data.titles, warnings=warnings).report())
    if out.errors is not None and found.uncertainty is not None:
        errors = dataclasses.replace(found.uncertainty, columns=data.titles)
        click.echo("\n" + errors.report())
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
    found: Fit, data: Rows, out: Outputs, comparison: KMeansComparison | None,
    words: list[str] | None,
) -> None:
    """Everything that goes into files; the report is out by then, so that none can cost it."""
    if out.save is not None:
        save_model(found, data, out.save, words or [])
    if out.responsibilities is not None:
        write_table(out.responsibilities, header_of(found.k), answers(found.mixture, data.source))
    if out.plot is not None:
        save_picture(_picture(found, data), out.plot)
    if out.plot_kmeans is not None and comparison is not None:
        from emix.plots import plot_kmeans

        axes = plot_kmeans(comparison, name=printable(data.names[0]), unit=data.units[0] or None)
        save_picture(axes, out.plot_kmeans)


def _picture(found: Fit, data: Rows) -> Any:
    """Axes, or an array of them."""
    if data.n_features > 1:
        return dataclasses.replace(found, columns=data.titles).plot(data.shown)
    from emix.plots import plot_density

    # In one column the unit is also that of the density.
    return plot_density(found.mixture, data.shown, name=printable(data.names[0]),
                        unit=data.units[0] or None)


def save_model(found: Fit, data: Rows, path: str, words: list[str]) -> None:
    import shlex

    import emix
    from emix.mixture import modelfile

    about = {
        "columns": list(data.names),
        "units": list(data.units),
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
