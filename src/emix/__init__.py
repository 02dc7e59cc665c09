"""emix: Gaussian mixtures by Expectation-Maximization."""

import typing

from emix import datasets
from emix.certificate import Certificate
from emix.certifying import certify
from emix.choice import Selection
from emix.climbing import Outcome
from emix.conjugate import ConjugatePrior
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
from emix.inference import uncertainty
from emix.likelihood_ratio import bootstrap_lrt
from emix.many import fit_many
from emix.mixture import Mixture
from emix.modelfile import load
from emix.priors import DirichletPrior, NormalPrior
from emix.result import Fit
from emix.selection import select
from emix.version import __version__ as __version__

if typing.TYPE_CHECKING:
    from emix.estimator import GaussianMixture as GaussianMixture

__all__ = [
    "Certificate",
    "ConjugatePrior",
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
    "Outcome",
    "ParameterError",
    "Selection",
    "bootstrap_lrt",
    "certify",
    "datasets",
    "fit",
    "fit_many",
    "load",
    "select",
    "steps",
    "uncertainty",
]


def __getattr__(name: str) -> typing.Any:
    """GaussianMixture, imported when asked for: scikit-learn takes longer than all of emix, and
    may not be installed. For that reason it is not in `__all__` either."""
    if name == "GaussianMixture":
        from emix.estimator import GaussianMixture

        return GaussianMixture
    raise AttributeError(f"module 'emix' has no attribute {name!r}")
