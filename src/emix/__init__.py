"""emix: Gaussian mixtures by Expectation-Maximization."""

import importlib
import typing

from emix import datasets
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
from emix.mixture import Mixture
from emix.mixture.modelfile import load
from emix.model.conjugate import ConjugatePrior
from emix.model.priors import DirichletPrior, NormalPrior
from emix.result import Fit
from emix.version import __version__ as __version__

if typing.TYPE_CHECKING:
    from emix.certificates.certificate import Certificate
    from emix.certificates.certify import certify
    from emix.estimator import GaussianMixture as GaussianMixture
    from emix.inference.uncertainty import uncertainty
    from emix.many.fit_many import fit_many
    from emix.selection.choice import Selection
    from emix.selection.likelihood_ratio import bootstrap_lrt
    from emix.selection.select import select

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


# What is imported when it is asked for: who fits one mixture need not wait for the rest. Of these,
# GaussianMixture needs scikit-learn, which may not be installed; so it is not in `__all__`.
_LATER = {
    "Certificate": "emix.certificates.certificate",
    "GaussianMixture": "emix.estimator",
    "Selection": "emix.selection.choice",
    "bootstrap_lrt": "emix.selection.likelihood_ratio",
    "certify": "emix.certificates.certify",
    "fit_many": "emix.many.fit_many",
    "select": "emix.selection.select",
    "uncertainty": "emix.inference.uncertainty",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _LATER:
        raise AttributeError(f"module 'emix' has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
