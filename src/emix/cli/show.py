"""`emix show`: what a model file holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from emix.cli.options import json_option
from emix.cli.output import as_json, printable
from emix.cli.tables import parameter_lines, shortened
from emix.names import default_names

if TYPE_CHECKING:
    from emix.mixture import Mixture


@click.command(short_help="Show what a model file holds.")
@click.argument("model", metavar="MODEL")
@json_option
def show(model: str, as_object: bool) -> None:
    """Show what a model file holds: the mixture, and how it came about.

    MODEL is a file that `emix fit --save` wrote.

    \b
    Example:
      emix show m.json
    """
    from emix.mixture import modelfile

    mixture, about = modelfile.read(model)
    if as_object:
        click.echo(as_json({"k": mixture.n_components, "mixture": mixture.to_dict(),
                            "about": about}))
        return
    click.echo("\n".join(_lines(model, mixture, about)))


def _lines(path: str, mixture: Mixture, about: dict[str, Any]) -> list[str]:
    k, d = mixture.n_components, mixture.n_features
    lines = [f"{printable(path)}: mixture of {k} normal component{'s' * (k > 1)} in "
             f"{d} column{'s' * (d > 1)}", ""]
    if d == 1:
        lines += _components(mixture)
    else:
        names = names_in(about, d) or default_names(d)
        lines += parameter_lines(mixture, [shortened(printable(name)) for name in names])
    if about:
        width = max(map(len, about))
        # As JSON: what others wrote into the file cannot reach the terminal as control codes.
        lines += ["", *(f"{printable(key):>{width}}  {_value(value)}"
                        for key, value in about.items())]
    return lines


def _value(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(map(printable, value)) or "-"
    return printable(value) if isinstance(value, str) else json.dumps(value)


def _components(mixture: Mixture) -> list[str]:
    lines = [f"{'component':>9} {'weight':>9} {'mean':>13} {'sd':>13}"]
    for j in range(mixture.n_components):
        lines.append(f"{j + 1:>9} {mixture.weights[j]:>9.5f} {mixture.means[j, 0]:>13.6g} "
                     f"{mixture.sds[j]:>13.6g}")
    mean, sd = float(mixture.weights @ mixture.means[:, 0]), float(mixture.variance) ** 0.5
    lines.append(f"{'together':>9} {1:>9} {mean:>13.6g} {sd:>13.6g}")
    return lines


def names_in(about: dict[str, Any], n_features: int) -> list[str]:
    """The columns a model was fitted to, as its file says; none when it does not say so well."""
    names = about.get("columns")
    if not isinstance(names, list) or len(names) != n_features:
        return []
    return names if all(isinstance(name, str) and _is_text(name) for name in names) else []


def _is_text(name: str) -> bool:
    """Whether it can be written at all: JSON may hold half of a surrogate pair."""
    try:
        return name.encode() != b""
    except UnicodeEncodeError:
        return False
