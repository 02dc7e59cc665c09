"""Options that commands share, and the model they describe."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import click

from emix.errors import ParameterError

Function = Callable[..., Any]

MISSING_K = "Missing option '-k': the number of components."


def numbers(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> list[float] | None:
    """Numbers separated by commas; "nan" stands for one that is to be learned."""
    if value is None:
        return None
    found = []
    for position, cell in enumerate(value.split(","), start=1):
        try:
            # float() would take 1_000, which is more often a slip than a thousand.
            found.append(float(cell.replace("_", "not a digit")))
        except ValueError:
            raise click.BadParameter(
                f"entry {position} of {value!r} is {cell.strip()!r}; expected numbers separated "
                f"by commas, such as 0,2.5 (where it says that nan learns one: 0,nan)"
            ) from None
    return found


@dataclass(frozen=True)
class ModelOptions:
    """Which columns, and which model of them: the options of `fit` and `steps` alike."""

    k: int | None
    columns: str | None
    weight_column: str | None
    covariance: str
    equal_weights: bool
    weights: list[float] | None
    means: list[float] | None
    sd: float | None
    sds: list[float] | None
    prior: str | None
    prior_mean: list[float] | None
    prior_sd: list[float] | None
    dirichlet: list[float] | None

    @property
    def components(self) -> int:
        """k, where nothing else could say it."""
        if self.k is None:
            raise click.UsageError(MISSING_K)
        return self.k

    def arguments(self) -> dict[str, Any]:
        """As `emix.fit` takes them; raises `ParameterError` for options that contradict."""
        if self.equal_weights and self.weights is not None:
            raise ParameterError("--equal-weights and --weights both hold the weights; give one")
        if self.sd is not None and self.sds is not None:
            raise ParameterError("--sd and --sds both hold standard deviations; give one")
        return {
            "covariance": self.covariance,
            "weights": "equal" if self.equal_weights else self.weights,
            "means": self.means,
            "sds": self.sds if self.sd is None else self.sd,
            "prior": self._priors() or None,
        }

    def check(self, n_features: int) -> None:
        """Raise `ParameterError` for what these options can only say of one column."""
        if n_features > 1 and self.means is not None:
            raise ParameterError(f"--means holds one number for each component, and there are "
                                 f"{n_features} columns; choose one with --columns, or hold means "
                                 f"in Python: emix.fit(x, k, means=...)")

    def _priors(self) -> list[object]:
        from emix.model.priors import DirichletPrior, NormalPrior

        priors: list[object] = [] if self.prior is None else [self.prior]
        if self.prior_sd is not None:
            mean = [0.0] if self.prior_mean is None else self.prior_mean
            priors.append(NormalPrior(_one_or_each(mean), _one_or_each(self.prior_sd)))
        elif self.prior_mean is not None:
            raise ParameterError(
                "--prior-mean says where the means are expected but not how firmly; add --prior-sd"
            )
        if self.dirichlet is not None:
            priors.append(DirichletPrior(_one_or_each(self.dirichlet)))
        return priors


def _one_or_each(values: list[float]) -> float | tuple[float, ...]:
    return values[0] if len(values) == 1 else tuple(values)


columns_option = click.option(
    "--columns", metavar="NAME,...",
    help="The columns of SOURCE to use, by name or by position from 1; all of them unless given. "
         "A name with a comma goes in double quotes.",
)
weight_column_option = click.option(
    "--weight-column", metavar="NAME",
    help="A column of SOURCE with the weight of each row; a weight counts as repetition.",
)

_MODEL_OPTIONS = (
    click.option("-k", "k", type=int, metavar="K", help="Number of components."),
    columns_option,
    weight_column_option,
    click.option("--covariance", default="full", show_default=True, metavar="NAME",
                 help="How components may be shaped: full, tied (alike), diag or spherical; or "
                      "one of EII VII EEI VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV VVV, whose "
                      "letters say whether volume, shape and orientation are equal (E), varying "
                      "(V) or those of the axes (I). In one column V (full): each component has "
                      "its own standard deviation; E (tied): one for all."),
    click.option("--equal-weights", is_flag=True, help="Hold every weight at 1/K."),
    click.option("--weights", callback=numbers, metavar="W,...",
                 help="Hold weights, one for each component; nan learns that one: .2,nan,.5"),
    click.option("--means", callback=numbers, metavar="M,...",
                 help="Hold means, one for each component, in one column; nan learns that one: "
                      "0,nan"),
    click.option("--sd", type=float, metavar="S",
                 help="Hold every standard deviation at S, in one column or with --covariance "
                      "spherical."),
    click.option("--sds", callback=numbers, metavar="S,...",
                 help="Hold standard deviations, one for each component; nan learns that one: "
                      "1,nan"),
    click.option("--prior", type=click.Choice(["conjugate"]),
                 help="Put Fraley and Raftery's conjugate prior on means and covariances, which "
                      "keeps components from collapsing; EM then climbs the log-posterior."),
    click.option("--prior-mean", callback=numbers, metavar="M[,...]",
                 help="Centre of a normal prior on the means, one number or one for each column, "
                      "0 unless given; needs --prior-sd."),
    click.option("--prior-sd", callback=numbers, metavar="S[,...]",
                 help="Put a normal prior with this standard deviation on the means, one number "
                      "or one for each column; EM then climbs the log-posterior."),
    click.option("--dirichlet", callback=numbers, metavar="A[,...]",
                 help="Put a Dirichlet prior on the weights: one concentration of at least 1 for "
                      "all components, or one for each."),
)


def model_options(function: Function) -> Function:
    """Add the options of `ModelOptions`; the command gets them as `model`."""

    @functools.wraps(function)
    def with_model(**given: Any) -> Any:
        of_model = {field.name: given.pop(field.name) for field in fields(ModelOptions)}
        return function(model=ModelOptions(**of_model), **given)

    wrapped: Function = with_model
    for option in reversed(_MODEL_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


START_HELP = ("Kind of start: kmeans, quantiles, random, responsibilities, kmeans++, in several "
              "columns also hierarchical; or a file that `emix fit --save` wrote, to start from "
              "its mixture.")

_START_OPTIONS = (
    click.option("--start-means", "means_at_start", callback=numbers, metavar="M,...",
                 help="Begin at these means, one for each component, in one column."),
    click.option("--start-sds", "sds_at_start", callback=numbers, metavar="S,...",
                 help="Begin at these standard deviations; that of the data unless given."),
    click.option("--start-weights", "weights_at_start", callback=numbers, metavar="W,...",
                 help="Begin at these weights; equal ones unless given."),
)


def start_options(function: Function) -> Function:
    """Add the options that say, number by number, where EM begins."""
    for option in reversed(_START_OPTIONS):
        function = option(function)
    return function


source_argument = click.argument("source", metavar="SOURCE")
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
                           metavar="N", help="Seed of all that is random; the same seed gives the "
                                             "same result.")
threads_option = click.option("--threads", type=click.IntRange(min=1), metavar="N",
                              help="Processors to use, all unless given; the result does not "
                                   "depend on it.")
json_option = click.option("--json", "as_object", is_flag=True,
                           help="Print one JSON object, with all digits, instead of words.")
output_option = click.option("-o", "--output", metavar="FILE",
                             help="Write to FILE instead of standard output.")
