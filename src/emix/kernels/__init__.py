"""Kernels: the E-step, native where it was compiled, portable everywhere.

The choice is made once, at import. The environment variable EMIX_KERNEL=portable asks for the
portable kernel; EMIX_INSTRUCTION_SET=x86-64-v2 (-v3, -v4) for an older instruction set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import is_whole
from emix.covariance import Common, Dense, Diagonal, Isotropic, Oriented
from emix.errors import ParameterError
from emix.kernels.portable import PortableKernel

if TYPE_CHECKING:
    from emix.kernels.protocol import Components, Kernel

PORTABLE: Kernel = PortableKernel()
NATIVE: Kernel | None = None
why_not_native = ""

# What the native kernel can whiten by: standard deviations and triangular factors.
SERVED = (Isotropic, Diagonal, Common, Dense, Oriented)

if os.environ.get("EMIX_KERNEL") == "portable":
    why_not_native = "EMIX_KERNEL=portable asks for it"
else:
    try:
        from emix.kernels import _native
        from emix.kernels.native import NativeKernel
    except ImportError as reason:
        why_not_native = f"the native kernel was not built ({reason})"
    else:
        NATIVE = NativeKernel()


def kernel_for(components: Components, points: object = None) -> Kernel:
    """The fastest kernel that can score these components at rows where those are: in NumPy's
    arrays, or on the device of another library's, which only the portable kernel knows."""
    if NATIVE is None or not isinstance(components.covariance, SERVED):
        return PORTABLE
    return NATIVE if points is None or isinstance(points, np.ndarray) else PORTABLE


def instruction_set() -> str:
    """What the kernel was compiled for, as `emix info` and benchmarks report it."""
    if NATIVE is None:
        return "portable (NumPy)"
    return _native.instruction_set()


def available_threads() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of(threads: int | None) -> int:
    """How many threads were asked for; all there are where nothing was said. Raises
    `ParameterError` for anything but a whole number of 1 or more."""
    if threads is None:
        return available_threads()
    if not is_whole(threads, 1):
        raise ParameterError(f"threads={threads!r}; expected a number of processors, 1 or more")
    return int(threads)
