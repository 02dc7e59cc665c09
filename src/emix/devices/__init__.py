"""Where arrays live: on the host, as NumPy has them, or wherever another library keeps its own.

Any library of the array API standard (torch, CuPy and others; https://data-apis.org/array-api)
serves. One kernel computes with all of them, through what a `Device` offers.
"""

from __future__ import annotations

from emix.devices.device import HOST, Device, device_of, is_on_device
from emix.devices.rows import (
    first_different,
    first_not_finite,
    points_of,
    refusal,
    rows_of,
    rows_on_host,
    weight_of,
)

__all__ = [
    "HOST", "Device", "device_of", "first_different", "first_not_finite", "is_on_device",
    "points_of", "refusal", "rows_of", "rows_on_host", "weight_of",
]
