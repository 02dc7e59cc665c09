"""`emix sample`: random rows from a saved model."""

from __future__ import annotations

import click

from emix.cli.options import output_option, seed_option
from emix.cli.output import require_folders, write_table
from emix.cli.show import names_in
from emix.names import default_names


@click.command()
@click.argument("model", metavar="MODEL")
@click.option("-n", "n", type=click.IntRange(min=0), required=True, metavar="N",
              help="Number of rows to draw.")
@seed_option
@click.option("--labels", is_flag=True,
              help="Add a column label: the component each row came from, counted from 1.")
@output_option
def sample(model: str, n: int, seed: int, labels: bool, output: str | None) -> None:
    """Draw N independent rows from the mixture in a model file.

    MODEL is a file that `emix fit --save` wrote. Prints a CSV table under the names of the columns
    that the model was fitted to; the same seed draws the same rows.

    \b
    Example:
      emix sample m.json -n 1000 --seed 7 | emix fit - -k 2
    """
    from emix.mixture import modelfile

    mixture, about = modelfile.read(model)
    if output not in (None, "-"):
        require_folders(output)
    d = mixture.n_features
    header = names_in(about, d) or list(default_names(d))
    drawn, components = mixture.sample(n, seed)
    rows = drawn.reshape(n, d).tolist()
    if labels:
        header = [*header, "label"]
        rows = [[*row, label + 1] for row, label in zip(rows, components.tolist(), strict=True)]
    write_table(output, header, rows)
