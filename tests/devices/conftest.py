"""Libraries of arrays that the standard knows, each of which must serve."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# For `members`, random covariances of every kind.
sys.path.insert(0, str(Path(__file__).parent.parent / "covariance"))


@dataclass
class Library:
    """How a library makes an array of NumPy's, and how a test looks at one of the library's."""

    put: Callable[[np.ndarray], Any]
    take: Callable[[Any], np.ndarray]
    kind: type
    place: Any
    rounding: float = 2.0**-52


def strict(device: str) -> Library:
    """array-api-strict, which has no function that the standard has not. Arrays on "device1" and
    "no_float64" it does not let NumPy convert."""
    xp = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    where = xp.Device(device)
    single = device == "no_float64"

    def put(array: np.ndarray) -> Any:
        if single and array.dtype == np.float64:
            array = array.astype(np.float32)
        return xp.asarray(array, device=where)

    def take(array: Any) -> np.ndarray:
        return np.array(array.to_device(xp.Device("CPU_DEVICE"))._array)

    return Library(put, take, type(xp.asarray(1.0)), where, 2.0**-23 if single else 2.0**-52)


def torch() -> Library:
    xp = pytest.importorskip("torch", reason="torch is not installed")
    look = xp.Tensor.numpy  # before a test forbids it
    # Its threads wait by turning round, which on a busy machine takes a hundred times as long.
    xp.set_num_threads(1)
    return Library(lambda a: xp.asarray(a.copy()), lambda a: look(a.detach()), xp.Tensor,
                   xp.device("cpu"))


LIBRARIES = {
    "strict": lambda: strict("CPU_DEVICE"), "strict-device": lambda: strict("device1"),
    "torch": torch,
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    """A library whose device computes in double precision."""
    return LIBRARIES[request.param]()


@pytest.fixture
def single() -> Library:
    """A device that has no float64."""
    return strict("no_float64")


@dataclass
class Traffic:
    """Bytes that have come to the host, and the largest array among them."""

    total: int = 0
    largest: int = 0


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Every way of a device's numbers to NumPy is closed, but for the one that emix takes, on
    which they are counted."""
    seen = Traffic()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a copy to NumPy behind the user's back")

    def counted(export: Any, size: Callable[[Any], int]) -> Any:
        def dlpack(self: Any, *args: Any, **kwargs: Any) -> Any:
            seen.total += size(self)
            seen.largest = max(seen.largest, size(self))
            return export(self, *args, **kwargs)
        return dlpack

    if importlib.util.find_spec("torch") is not None:
        import torch as t

        for way in ("__array__", "numpy", "tolist", "__iter__", "__reduce_ex__"):
            monkeypatch.setattr(t.Tensor, way, refuse)
        monkeypatch.setattr(t.Tensor, "__dlpack__", counted(
            t.Tensor.__dlpack__, lambda a: a.element_size() * t.numel(a)))
    if importlib.util.find_spec("array_api_strict") is not None:
        import array_api_strict as s

        array = type(s.asarray(1.0))
        for way in ("__array__", "__buffer__", "__iter__"):
            monkeypatch.setattr(array, way, refuse, raising=False)
        monkeypatch.setattr(array, "__dlpack__", counted(
            array.__dlpack__, lambda a: a._array.nbytes))
    return seen
