"""Certificate to plain data, and to plain words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from emix.names import listed

if TYPE_CHECKING:
    from emix.certificates.certificate import Certificate, GlobalProof

# Atoms shown in words.
MOST_ATOMS = 20
# A duality gap above this is said to be wide, and is given all its digits.
WIDE = 0.01


def plain(certificate: Certificate) -> dict[str, Any]:
    """The certificate as JSON-ready data: the object that `emix certify --json` prints."""
    proof, n = certificate.global_proof, certificate.n
    return {
        "n": int(n) if n == int(n) else n,
        "k": certificate.fit.k,
        "covariance": certificate.fit.covariance,
        "sd_floor": certificate.sd_floor,
        "bound": certificate.bound,
        "loglik": certificate.loglik,
        "gap": certificate.gap,
        "duality_gap": certificate.duality_gap,
        "bic": certificate.fit.bic,
        "first_excluded": certificate.first_excluded,
        "npmle": certificate.npmle.to_dict(),
        "global_proof": None if proof is None else proof.to_dict(),
        "statements": list(statements(certificate)),
        "fit": certificate.fit.to_dict(),
    }


def text(certificate: Certificate) -> str:
    """For people: what is certain, then the mixture that the bound rests on."""
    lines = [f"{listed(certificate.fit.columns, str)}: how far the fit is from the best there can "
             f"be", ""]
    for statement in statements(certificate):
        lines += [f"- {statement}"]
    return "\n".join([*lines, "", *_atoms(certificate)])


def statements(certificate: Certificate) -> tuple[str, ...]:
    """What follows from the certificate, a sentence or two each."""
    found = [_ceiling(certificate), _distance(certificate), _quality(certificate),
             _bic(certificate)]
    if certificate.global_proof is not None:
        found.append(_proof(certificate.global_proof, certificate))
    return tuple(filter(None, found))


def _ceiling(certificate: Certificate) -> str:
    return (f"No mixture of normal components, however many, each with a standard deviation of "
            f"{certificate.sd_floor:.6g} or more, has a log-likelihood above "
            f"{_up(certificate.bound)} on these data.")


def _distance(certificate: Certificate) -> str:
    k = certificate.fit.k
    return (f"The fit, with {k} component{'s' * (k > 1)}, has {certificate.loglik:.5f}: nothing "
            f"of that kind is more than {_up(certificate.gap)} nats better.")


def _quality(certificate: Certificate) -> str:
    k = certificate.npmle.n_components
    words = (f"A mixture of {k} component{'s' * (k > 1)} comes within "
             f"{_up(certificate.duality_gap, 1)} nats of that bound, so it can hardly be lowered.")
    if certificate.duality_gap > WIDE:
        words = (f"The best mixture found, of {k} components, is {_up(certificate.duality_gap)} "
                 f"nats below that bound: the bound holds, but a lower one may hold as well.")
    return words


def _bic(certificate: Certificate) -> str:
    first, fit = certificate.first_excluded, certificate.fit
    if first is None:
        return ""
    wide = f"standard deviations of {certificate.sd_floor:.6g} or more"
    if first > fit.k + 1:
        return (f"BIC: with {wide}, {first} components or more cannot have a better BIC than the "
                f"fit's {fit.bic:.3f}; {fit.k + 1} to {first - 1} are not excluded by this bound.")
    if first > fit.k:
        others = f"above {fit.k}"
        if all(certificate.excludes(k) for k in range(1, fit.k)):
            others = f"other than {fit.k}"
        return (f"BIC: with {wide}, no number of components {others} can have a better BIC "
                f"than the fit's {fit.bic:.3f}; with {fit.k + 1} it is at least "
                f"{_down(certificate.best_bic_possible(fit.k + 1))}.")
    return (f"BIC: with {wide}, no number of components from {first} up can have a better BIC than "
            f"the fit's {fit.bic:.3f}.")


def _proof(proof: GlobalProof, certificate: Certificate) -> str:
    what = (f"mixture{'s' * (not proof.proven)} of {proof.k} "
            f"component{'s' * (proof.k > 1)} with this standard deviation")
    spent = f"{proof.boxes} boxes, {proof.seconds:.1f} s"
    ahead = proof.loglik - certificate.loglik
    better = ""
    if ahead > proof.tolerance:
        better = (f" It is not the fit, which lies {ahead:.6f} nats lower: `global_proof.mixture` "
                  f"is.")
    if proof.proven:
        return (f"Global optimum proven: no {what} exceeds {proof.loglik:.6f} by more than "
                f"{proof.tolerance:.0e} nats ({spent}).{better}")
    return (f"Global optimum not proven: {proof.reason}; {what} could exceed "
            f"{proof.loglik:.6f} by {_up(proof.gap)} nats at most ({spent}).{better}")


def _atoms(certificate: Certificate) -> list[str]:
    mixture = certificate.npmle
    lines = ["The mixture the bound rests on (nonparametric maximum likelihood):",
             f"{'component':>9} {'weight':>10}  {'mean':>12}"]
    for j in range(min(mixture.n_components, MOST_ATOMS)):
        lines.append(f"{j + 1:>9} {mixture.weights[j]:>10.5f}  {mixture.means[j, 0]:>12.6g}")
    if mixture.n_components > MOST_ATOMS:
        lines.append(f"{'':>9} and {mixture.n_components - MOST_ATOMS} more")
    return lines


def _up(value: float, digits: int = 4) -> str:
    """Decimals rounded upwards, as a bound must be."""
    if digits == 1:
        return f"{value * (1 + 0.051):.1e}"
    scale = 10.0**digits
    return f"{math.ceil(value * scale) / scale:.{digits}f}"


def _down(value: float) -> str:
    return f"{math.floor(value * 1e3) / 1e3:.3f}"
