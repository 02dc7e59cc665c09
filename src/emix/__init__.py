"""emix: Gaussian mixtures by Expectation-Maximization."""

from emix import datasets
from emix.climbing import Outcome
from emix.errors import (
    DataError,
    DegenerateWarning,
    EmixError,
    MissingExtraError,
    ModelFileError,
    NotConvergedWarning,
    NumericalError,
    ParameterError,
)
from emix.fitting import fit, steps
from emix.mixture import Mixture
from emix.modelfile import load
from emix.priors import DirichletPrior, NormalPrior
from emix.result import Fit, Optimum

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "DegenerateWarning",
    "DirichletPrior",
    "EmixError",
    "Fit",
    "MissingExtraError",
    "Mixture",
    "ModelFileError",
    "NormalPrior",
    "NotConvergedWarning",
    "NumericalError",
    "Optimum",
    "Outcome",
    "ParameterError",
    "datasets",
    "fit",
    "load",
    "steps",
]
