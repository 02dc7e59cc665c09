"""The one place that imports array-api-compat, when an array of another library is first met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import MissingExtraError

try:
    import array_api_compat
except ImportError as reason:
    raise MissingExtraError(
        "array-api-compat", "devices", "an array of another library than NumPy"
    ) from reason

if TYPE_CHECKING:
    from numpy.typing import NDArray


def namespace_of(array: Any) -> Any:
    """The functions of the array API standard for an array's library."""
    return array_api_compat.array_namespace(array)


def place_of(array: Any) -> Any:
    """The device, as the array's own library names it."""
    return array_api_compat.device(array)


def without_gradient(array: Any) -> Any:
    """The same numbers, from which no gradient leads back."""
    return array.detach() if array_api_compat.is_torch_array(array) else array


def on_host(array: Any) -> NDArray[Any]:
    """A copy in NumPy's hands."""
    moves_by_name = array_api_compat.is_torch_array(array) or array_api_compat.is_cupy_array(array)
    near = array_api_compat.to_device(array, "cpu") if moves_by_name else array
    return np.array(np.from_dlpack(near))
