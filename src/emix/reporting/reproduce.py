"""What it takes to make a fit again: Python, command line, versions, machine."""

from __future__ import annotations

import math
import platform
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.covariance import Isotropic
from emix.kernels import instruction_set
from emix.version import __version__

if TYPE_CHECKING:
    from emix.model import Held
    from emix.model.priors import Prior
    from emix.result import Fit

# Numbers held one by one that are written out; more would be a page of them.
MOST_NUMBERS = 200
# Of a line of code.
WIDTH = 96


def python_of(fit: Fit) -> str:
    """The call that makes this fit of `x`, its data. How long and from where the search climbed is
    not kept by a fit, so the call has the default search.

    >>> import emix
    >>> print(python_of(emix.fit([1.0, 2.0, 4.0, 9.0], 1, sds=2.5)))
    fit = emix.fit(x, 1, covariance="V", sds=[2.5])
    """
    arguments = ["x", str(fit.k), f'covariance="{fit.covariance}"', *_held(fit.model.held),
                 *_prior(fit.model.prior)]
    if fit.seed:
        arguments.append(f"seed={fit.seed}")
    if fit.neglect:
        arguments.append(f"neglect={fit.neglect!r}")
    start, break_ = "fit = emix.fit(", ",\n" + " " * 15
    call = f"{start}{', '.join(arguments)})"
    return call if len(call) <= WIDTH else f"{start}{break_.join(arguments)})"


def _held(held: Held) -> list[str]:
    if held.is_nothing:
        return []
    found = []
    if not held.learned_weights.all():
        equal = bool((held.weights == 1 / len(held.weights)).all())
        found.append('weights="equal"' if equal else f"weights={_literal(held.weights)}")
    if not held.learned_means.all():
        means = held.means[:, 0] if held.means.shape[1] == 1 else held.means
        found.append(f"means={_literal(means)}")
    if held.covariances is not None and not held.learned_covariances.all():
        unknown = held.learned_covariances
        if isinstance(held.covariances, Isotropic):
            found.append(f"sds={_literal(np.where(unknown, np.nan, held.covariances.sds))}")
        else:
            dense = np.array(held.covariances.dense())
            dense[unknown] = np.nan
            found.append(f"covariances={_literal(dense)}")
    return found


def _prior(prior: Prior) -> list[str]:
    parts = []
    if prior.means is not None:
        parts.append(f"emix.NormalPrior({_shortest(prior.means.mean)}, "
                     f"{_shortest(prior.means.sd)})")
    if (prior.concentration != 1).any():
        parts.append(f"emix.DirichletPrior({_shortest(prior.concentration)})")
    if prior.conjugate is not None:
        given = prior.conjugate
        words = [f"{name}={_literal(np.asarray(value, np.float64))}"
                 for name, value in (("mean", given.mean), ("dof", given.dof),
                                     ("scale", given.scale)) if value is not None]
        if given.shrinkage != type(given)().shrinkage:
            words.insert(0, f"shrinkage={given.shrinkage!r}")
        parts.append(f"emix.ConjugatePrior({', '.join(words)})" if words else '"conjugate"')
    if not parts:
        return []
    return [f"prior={parts[0]}" if len(parts) == 1 else f"prior=[{', '.join(parts)}]"]


def _shortest(values: np.ndarray[Any, Any]) -> str:
    """One number where all are alike."""
    return _literal(values[0] if (values == values[0]).all() else values)


def _literal(values: Any) -> str:
    """Numbers as Python writes them, with all digits."""
    array = np.asarray(values, dtype=np.float64)
    if array.size > MOST_NUMBERS:
        return f"...  # {array.size} numbers: as they were given"
    return _written(array.tolist())


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return 'float("nan")' if math.isnan(value) else repr(value)


def command_of(words: Sequence[str]) -> str:
    """What was typed, as a shell takes it."""
    return shlex.join(["emix", *words])


def facts(fit: Fit) -> list[tuple[str, str]]:
    """Names and values: what decides the bits, and what it ran on."""
    return [
        ("seed", str(fit.seed)),
        ("emix", __version__),
        ("kernel", f"{fit.kernel}; this machine's: {instruction_set()}"),
        ("Python, NumPy", f"{platform.python_version()}, {np.__version__}"),
        ("machine", f"{platform.system()} {platform.machine()}"),
    ]


# What a page refers to: how it is called there, and where it is.
REFERENCES = {
    "em": ("Dempster, Laird & Rubin (1977). Maximum likelihood from incomplete data via the EM "
           "algorithm. JRSS B 39, 1–38.", "10.1111/j.2517-6161.1977.tb01600.x"),
    "bic": ("Schwarz (1978). Estimating the dimension of a model. Annals of Statistics 6, "
            "461–464.", "10.1214/aos/1176344136"),
    "icl": ("Biernacki, Celeux & Govaert (2000). Assessing a mixture model for clustering with the "
            "integrated completed likelihood. IEEE TPAMI 22, 719–725.", "10.1109/34.865189"),
    "structures": ("Celeux & Govaert (1995). Gaussian parsimonious clustering models. Pattern "
                   "Recognition 28, 781–793.", "10.1016/0031-3203(94)00125-6"),
    "errors": ("Efron & Hinkley (1978). Assessing the accuracy of the maximum likelihood "
               "estimator: observed versus expected Fisher information. Biometrika 65, 457–483.",
               "10.1093/biomet/65.3.457"),
    "conjugate": ("Fraley & Raftery (2007). Bayesian regularization for normal mixture estimation "
                  "and model-based clustering. Journal of Classification 24, 155–181.",
                  "10.1007/s00357-007-0004-5"),
}


def cited(fit: Fit) -> list[tuple[str, str]]:
    """The references that bear on this fit, each with its DOI."""
    keys = ["em", "bic", "icl"]
    if fit.mixture.n_features > 1:
        keys.append("structures")
    if fit.model.prior.conjugate is not None:
        keys.append("conjugate")
    if fit.uncertainty is not None and fit.uncertainty.method == "observed":
        keys.append("errors")
    return [REFERENCES[key] for key in keys]
