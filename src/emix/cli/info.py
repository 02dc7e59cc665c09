"""`emix info`: what is installed and what it runs on."""

from __future__ import annotations

import platform
from typing import Any

import click

from emix.cli.options import json_option
from emix.cli.output import as_json

LICENCE = "BSD-3-Clause"

# The package that an extra brings, as it is imported and as it is installed.
EXTRAS = {
    "plot": ("matplotlib", "matplotlib"),
    "arrow": ("pyarrow", "pyarrow"),
}


@click.command(short_help="Say what is installed and what it runs on.")
@json_option
def info(as_object: bool) -> None:
    """Say what is installed: version, kernel, instruction sets, threads, extras, licence.

    \b
    Example:
      emix info --json
    """
    facts = _facts()
    click.echo(as_json(facts) if as_object else "\n".join(_lines(facts)))


def _facts() -> dict[str, Any]:
    import numpy

    import emix
    from emix import kernels

    native = kernels.NATIVE is not None
    usable: list[str] = []
    if native:
        from emix.kernels import _native

        usable = list(_native.instruction_sets())
    return {
        "version": emix.__version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "kernel": "native" if native else "portable",
        "why_not_native": kernels.why_not_native or None,
        "instruction_set": kernels.instruction_set() if native else None,
        "instruction_sets": usable,
        "threads": kernels.available_threads(),
        "extras": {extra: _version_of(*names) for extra, names in EXTRAS.items()},
        "licence": LICENCE,
    }


def _version_of(module: str, package: str) -> str | None:
    """The installed version, or None where the package cannot be imported."""
    from importlib import metadata
    from importlib.util import find_spec

    if find_spec(module) is None:
        return None
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"emix {facts['version']}, licence {facts['licence']}",
        f"Python {facts['python']}, NumPy {facts['numpy']}, {facts['threads']} "
        f"thread{'s' * (facts['threads'] != 1)}",
        *_kernel(facts),
    ]
    for extra, version in facts["extras"].items():
        package = EXTRAS[extra][1]
        lines.append(f"extra {extra}: {package} {version}" if version else
                     f"extra {extra}: {package} is not installed (pip install 'emix[{extra}]')")
    return lines


def _kernel(facts: dict[str, Any]) -> list[str]:
    if facts["kernel"] == "native":
        usable = ", ".join(facts["instruction_sets"])
        return [f"kernel: native, compiled for {facts['instruction_set']} (this processor can run "
                f"{usable})"]
    return [
        f"kernel: portable, because {facts['why_not_native']}",
        "  The portable kernel gives the same answers to rounding, but in NumPy it passes over the "
        "data",
        "  several times on one thread, where the native one does all at once on every thread: "
        "expect it",
        "  to be many times slower. For the native kernel install a C++17 compiler (GCC 11, Clang "
        "14 or",
        "  newer), and then: pip install --force-reinstall --no-binary emix emix",
    ]
