"""emix: Gaussian mixtures by Expectation-Maximization."""

import typing

from emix import datasets
from emix.certificates.certificate import Certificate
from emix.certificates.certify import certify
from emix.climbing.climb import Outcome
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
from emix.inference.uncertainty import uncertainty
from emix.many.fit_many import fit_many
from emix.mixture import Mixture
from emix.mixture.modelfile import load
from emix.model.conjugate import ConjugatePrior
from emix.model.priors import DirichletPrior, NormalPrior
from emix.result import Fit
from emix.selection.choice import Selection
from emix.selection.likelihood_ratio import bootstrap_lrt
from emix.selection.select import select
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
