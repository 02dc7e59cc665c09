"""The parameters of a mixture on the device that the rows are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.covariance import Diagonal, Isotropic

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.covariance import Covariances
    from emix.devices import Device
    from emix.kernels.protocol import Components


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """How rows are whitened on a device: by roots T (k, d, d), as x T, or, where covariances are
    along the axes, by standard deviations (k, d).

    T is the inverse of a root that the host has solved for: one product, where substitution would
    be d² / 2 small steps, each of which takes a device longer to begin than to do.
    """

    log_determinants: Floats
    roots: Any
    are_axes: bool

    @classmethod
    def of(cls, covariance: Covariances, device: Device) -> Whitening:
        """The whitening by any covariances."""
        k, d = covariance.n_components, covariance.n_features
        if isinstance(covariance, Isotropic):
            sds = np.repeat(covariance.sds[:, None], d, axis=1)
            return cls(covariance.log_determinants, device.put(sds), True)
        if isinstance(covariance, Diagonal):
            return cls(covariance.log_determinants, device.put(covariance.sds), True)
        roots = np.stack([covariance.whiten(np.eye(d), component) for component in range(k)])
        return cls(covariance.log_determinants, device.put(roots), False)

    def whiten(self, deviations: Any, component: int) -> Any:
        """R⁻¹ (x − μ), (n, d)."""
        if self.are_axes:
            return deviations / self.roots[component, :]
        return deviations @ self.roots[component, :, :]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Components whose means and whitening are on a device; weights and log-determinants, of
    which only numbers are needed, stay on the host."""

    weights: Floats
    means: Any
    covariance: Whitening


def placed(components: Components, device: Device) -> Components | Placed:
    """The components where the rows are; on the host as they are."""
    if device.is_host:
        return components
    return Placed(components.weights, device.put(components.means),
                  Whitening.of(components.covariance, device))
