"""Model files: a mixture as versioned JSON, written aside and renamed, read with suspicion."""

from __future__ import annotations

import os
from typing import Any

from emix.errors import ModelFileError, ParameterError
from emix.mixture import Mixture
from emix.mixture.plaindata import smallest
from emix.wholefile import read_json, write_json

# Version 1 kept matrices (k, d, d) beside what a mixture holds itself, and in more columns only
# them; version 2 keeps what it holds itself alone (see `emix.mixture.plaindata.own_form`).
FORMAT, VERSION = "emix mixture", 2


def save(mixture: Mixture, path: str | os.PathLike[str], **about: Any) -> None:
    """Write a mixture, and what there is to say about it, as JSON.

    The file appears whole or not at all: it is written beside its place, synced, and renamed.
    `about` is plain data stored under "about". Raises `WriteError`, an OSError, when it cannot be
    written, and `ParameterError` for a mixture too large to be read again; what stood at `path`
    before is then untouched.
    """
    write_json(path, {"format": FORMAT, "version": VERSION, "mixture": smallest(mixture),
                      "about": about})


def load(path: str | os.PathLike[str]) -> Mixture:
    """The mixture in a model file.

    Raises `ModelFileError` when the file is not one, is damaged, or describes no mixture.

    >>> import tempfile
    >>> mixture = Mixture.univariate([0.4, 0.6], [54.6, 80.1], [5.9, 5.9])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mixture.save(f"{folder}/model.json")
    ...     load(f"{folder}/model.json") == mixture
    True
    """
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[Mixture, dict[str, Any]]:
    """The mixture in a model file, and what is said about it; raises as `load` does."""
    name = os.fspath(path)
    content = read_json(name, ModelFileError, FORMAT)
    version = content.get("version")
    if isinstance(version, bool) or version not in range(1, VERSION + 1):
        raise ModelFileError(f"{name}: version {version!r}; this emix reads versions 1 to "
                             f"{VERSION}")
    mixture, about = content.get("mixture"), content.get("about", {})
    if not isinstance(mixture, dict) or not isinstance(about, dict):
        raise ModelFileError(f"{name}: \"mixture\" and \"about\" must be objects")
    try:
        return Mixture.from_dict(mixture), about
    except (ParameterError, OverflowError) as reason:
        raise ModelFileError(f"{name}: {reason}") from None
