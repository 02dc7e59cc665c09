"""`emix fit --by`: a mixture for each of many groups of rows, as one table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from emix.cli.exits import Exit, Refusal
from emix.cli.inputs import missing_file, parse_columns, standard_input
from emix.cli.output import ProgressLine, as_json, printable, say, write_table
from emix.errors import DataError, ParameterError
from emix.wholefile import finite

if TYPE_CHECKING:
    from emix.cli.options import ModelOptions
    from emix.many.fits import Fits


class GroupsLine(ProgressLine):
    """Progress over groups."""

    def words(self, progress: Any) -> str:
        return f"{progress.done} of {progress.n_groups} groups"


def fit_by(source: str, by: str, k: int, model: ModelOptions, search: dict[str, Any]) -> Fits:
    """The fits of all groups of SOURCE that the columns `by` tell apart.

    Raises `Refusal` with the data's exit code where not one of them could be fitted.
    """
    import warnings

    from emix.errors import GroupsWarning
    from emix.many.fit_many import fit_many

    named = parse_columns(by)
    progress = GroupsLine()
    with warnings.catch_warnings():
        # Said below, in a line each.
        warnings.simplefilter("ignore", GroupsWarning)
        try:
            fits = fit_many(_rows(source), k, by=named, columns=parse_columns(model.columns),
                            sample_weight=model.weight_column, progress=progress,
                            **model.arguments(), **search)
        finally:
            progress.erase()
    for warning in fits.warnings:
        say(f"warning: {printable(warning)}")
    if fits.is_complete and len(fits.failures) == len(fits):
        raise Refusal("no group could be fitted", Exit.DATA)
    return fits


def exit_after(fits: Fits) -> Exit:
    """Interrupted, some groups failed, some did not converge, or fine: the first that holds."""
    if not fits.is_complete:
        return Exit.INTERRUPTED
    if fits.failures:
        return Exit.DATA
    return Exit.FINE if fits.converged.all() else Exit.NOT_CONVERGED


def print_fits(fits: Fits, as_object: bool) -> None:
    """The table as CSV, or one JSON object; data only."""
    table = fits.table()
    if not as_object:
        write_table(None, list(table), _rows_of(table))
        return
    plain = {name: column.tolist() for name, column in table.items()}
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    click.echo(as_json({
        "k": fits.k, "covariance": fits.model.structure.name, "model": fits.model.describe(),
        "columns": list(fits.columns), "df": fits.df, "groups": finite(rows),
        "warnings": list(fits.warnings),
    }))


def _rows_of(table: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Cells, empty where there is no number."""
    columns = [["" if value != value else value for value in column.tolist()]
               for column in table.values()]
    yield from zip(*columns, strict=True)


def _rows(source: str) -> Any:
    """A data set, a path, or standard input."""
    from emix import datasets

    if datasets.is_name(source):
        if os.path.exists(source):
            say(f"note: {source} is the bundled data set; for the file write ./{source}")
        return datasets.load(source)
    if source == "-":
        return standard_input()
    if not os.path.exists(source):
        raise DataError(missing_file(source))
    return source


def refuse_outputs(**given: object) -> None:
    """Raise `ParameterError` for options that say where one fit goes, when there are many."""
    for option, value in given.items():
        if value:
            raise ParameterError(f"--{option.replace('_', '-')} is for one fit, and --by makes one "
                                 f"for each group; leave one of the two out")
