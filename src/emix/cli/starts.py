"""Where EM begins: kinds of start, and saved models, in the order of the data's columns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from emix.cli.inputs import Data, Rows, parse_columns, read_as_fitted, read_rows
from emix.cli.options import MISSING_K
from emix.cli.output import printable, say
from emix.errors import ParameterError
from emix.names import listed

if TYPE_CHECKING:
    from emix.cli.options import ModelOptions
    from emix.mixture import Mixture
    from emix.model import Model


class SavedStart:
    """A mixture to start from, and the columns it was fitted to (none where its file says none)."""

    def __init__(self, path: str) -> None:
        """Raises `ModelFileError` for a file that holds no mixture."""
        from emix.cli.show import names_in
        from emix.mixture import modelfile

        self.path = path
        self.mixture, about = modelfile.read(path)
        self.names = names_in(about, self.mixture.n_features)

    def of_columns(self, names: tuple[str, ...]) -> Mixture:
        """The mixture with its columns in the order of `names`, by position where it has other
        names. Raises `ParameterError` where there are more or fewer."""
        d = self.mixture.n_features
        if d == len(names) and set(self.names) == set(names):
            order = [self.names.index(name) for name in names]
            return self.mixture if order == list(range(d)) else self.mixture.marginal(order)
        of = f" ({listed(self.names, printable)})" if self.names else ""
        if d != len(names):
            raise ParameterError(f"--start {self.path}: its mixture is of {d} columns{of}, the "
                                 f"data of {len(names)} ({listed(names, printable)}); choose with "
                                 f"--columns")
        if self.names:
            say(f"note: {printable(self.path)} is of columns {listed(self.names, printable)}, "
                f"taken for {listed(names, printable)}")
        return self.mixture


def saved_start(start: str | None) -> SavedStart | None:
    """What `--start` names when it is a file, and None when it is a kind of start, or nothing."""
    from emix.initialise import STARTS, STARTS_OF_ROWS

    if start is None or start in STARTS or start in STARTS_OF_ROWS:
        return None
    is_path = os.path.exists(start) or os.path.basename(start) != start or start.endswith(".json")
    return SavedStart(start) if is_path else None


def read_to_start(source: str, model: ModelOptions, saved: SavedStart | None) -> Rows:
    """The data of `fit` and `steps`: the columns asked for, else those that the start is of."""
    wanted = parse_columns(model.columns)
    if wanted is None and saved is not None and saved.names:
        data = read_as_fitted(source, saved.names, saved.mixture.n_features, model.weight_column)
    else:
        data = read_rows(source, wanted, model.weight_column)
    model.check(data.n_features)
    return data


def count(k: int | None, saved: SavedStart | None) -> int | None:
    """The number of components that -k says, else that the start has."""
    return saved.mixture.n_components if k is None and saved is not None else k


@dataclass(frozen=True)
class FirstStep:
    """Where EM begins: a saved mixture, a kind of start, or parameters one by one."""

    saved: SavedStart | None
    kind: str | None
    seed: int
    means: list[float] | None
    sds: list[float] | None
    weights: list[float] | None

    def count(self, k: int | None) -> int:
        """The number of components, which -k and the start must agree on."""
        if self.means is None and (self.sds or self.weights):
            raise ParameterError("--start-sds and --start-weights go with --start-means; give the "
                                 "means too, or --start instead")
        if self.means is not None and (self.kind is not None or self.saved is not None):
            raise ParameterError("--start and --start-means both say where to begin; give one")
        number = len(self.means) if k is None and self.means is not None else count(k, self.saved)
        if number is None:
            raise click.UsageError(MISSING_K)
        if self.saved is not None and number != self.saved.mixture.n_components:
            raise ParameterError(f"-k is {number}, and --start {self.saved.path} has "
                                 f"{self.saved.mixture.n_components} components; leave out -k")
        given = {"--start-means": self.means, "--start-sds": self.sds,
                 "--start-weights": self.weights}
        for option, values in given.items():
            if values is not None and len(values) != number:
                raise ParameterError(f"{option} has {len(values)} numbers; expected {number}, one "
                                     f"for each component")
        return number

    def mixture(self, data: Data, model: Model) -> Mixture:
        """The start itself, in the units of the data."""
        if self.saved is not None:
            return self.saved.of_columns(data.names)
        if self.means is None:
            from emix.searching.drawing import drawn

            return drawn(data.source, data.names, model, self.kind or "kmeans", self.seed)
        return self.placed(data, model.n_components)

    def placed(self, data: Rows, k: int) -> Mixture:
        """The start that is given number by number."""
        from emix.mixture import Mixture
        from emix.moments import moments_of

        assert self.means is not None
        if data.n_features > 1:
            raise ParameterError(f"--start-means are of one column, and there are "
                                 f"{data.n_features}; choose one with --columns, or give --start")
        sd = float(moments_of(data.source).sd[0]) or 1.0
        return Mixture.univariate(
            [1 / k] * k if self.weights is None else self.weights, self.means,
            [sd] * k if self.sds is None else self.sds,
        )
