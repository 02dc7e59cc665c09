"""`emix predict`: the component of each row, by a saved model."""

from __future__ import annotations

import click

from emix.cli.inputs import parse_columns, read_as_fitted, read_rows
from emix.cli.options import output_option, source_argument
from emix.cli.output import printable, require_folders, write_table
from emix.cli.show import names_in
from emix.errors import DataError
from emix.labelled import answers, header_of
from emix.names import listed


@click.command()
@click.argument("model", metavar="MODEL")
@source_argument
@click.option("--columns", metavar="NAME,...",
              help="The columns of SOURCE to score, by name or by position from 1, in the order "
                   "of the model's. Without it, those that the model was fitted to, by name.")
@click.option("--responsibilities", is_flag=True,
              help="Add p1, ..., pK, the probability of each component, and logpdf, the "
                   "log-density of the row (natural logarithm).")
@output_option
def predict(
    model: str, source: str, columns: str | None, responsibilities: bool, output: str | None
) -> None:
    """Assign each row of SOURCE to its most probable component.

    MODEL is a file that `emix fit --save` wrote. Prints a CSV table with one row for each of
    SOURCE, in its order; label counts components from 1, as reports do.

    \b
    Example:
      emix predict m.json new.csv --responsibilities -o labels.csv
    """
    from emix.mixture import modelfile

    mixture, about = modelfile.read(model)
    if output not in (None, "-"):
        require_folders(output)
    d = mixture.n_features
    wanted = parse_columns(columns)
    data = read_rows(source, wanted) if wanted is not None else \
        read_as_fitted(source, names_in(about, d), d)
    if data.n_features != d:
        raise DataError(f"{source}: {data.n_features} columns, {listed(data.names, printable)}; "
                        f"the model is of {d}; choose with --columns")
    parts = (responsibilities, responsibilities)
    write_table(output, header_of(mixture.n_components, *parts),
                answers(mixture, data.source, *parts))
