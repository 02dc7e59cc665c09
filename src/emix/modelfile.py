"""Model files: a mixture as versioned JSON, written aside and renamed, read with suspicion."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Any

from emix.errors import ModelFileError, ParameterError
from emix.mixture import Mixture
from emix.plaindata import smallest

# Version 1 kept matrices (k, d, d) beside what a mixture holds itself, and in more columns only
# them; version 2 keeps what it holds itself alone (see `emix.plaindata.own_form`).
FORMAT, VERSION = "emix mixture", 2
# A full matrix in a thousand columns is about 20 MB; this is room for ten of them.
MOST_BYTES = 256 << 20


def save(mixture: Mixture, path: str | os.PathLike[str], **about: Any) -> None:
    """Write a mixture, and what there is to say about it, as JSON.

    The file appears whole or not at all: it is written beside its place, synced, and renamed.
    `about` is plain data stored under "about". Raises OSError when it cannot be written, and
    `ParameterError` for a mixture too large to be read again; what stood at `path` before is
    then untouched.
    """
    content = _layout({"format": FORMAT, "version": VERSION, "mixture": smallest(mixture),
                       "about": about}).encode()
    if len(content) > MOST_BYTES:
        raise ParameterError(f"the model file would have {len(content) >> 20} MB; at most "
                             f"{MOST_BYTES >> 20} MB are read again")
    write_whole(path, content)


def _layout(content: dict[str, Any], depth: int = 1) -> str:
    """JSON with a line for each entry, and for each of an object's in it."""
    lines = []
    for key, value in content.items():
        nested = depth < 2 and isinstance(value, dict) and value
        text = _layout(value, depth + 1) if nested else json.dumps(value, allow_nan=False)
        lines.append(f"{' ' * depth}{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n" + " " * (depth - 1) + "}" + "\n" * (depth == 1)


def write_whole(path: str | os.PathLike[str], content: str | bytes | Iterable[str]) -> None:
    """Write a file, whole or in pieces of text, so that no reader and no crash sees half of it.

    A link is followed, and a file that was there keeps its permissions. What is no file (a pipe,
    a terminal, /dev/null) cannot be replaced and is written to as it is. Raises OSError.
    """
    try:
        there: os.stat_result | None = os.stat(path)
    except FileNotFoundError:
        there = None
    if there is not None and not stat.S_ISREG(there.st_mode):
        with open(path, "wb") as file:
            file.writelines(_pieces(content))
        return
    # Imported here: reading a model, or importing emix, needs none of it.
    import tempfile

    target = os.path.realpath(os.fspath(path))
    handle, aside = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".emix-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(_pieces(content))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, _permissions(there))
        os.replace(aside, target)
    except BaseException:
        os.unlink(aside)
        raise


def _pieces(content: str | bytes | Iterable[str]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, str):
        yield content.encode("utf-8")
    else:
        yield from (piece.encode("utf-8") for piece in content)


def _permissions(there: os.stat_result | None) -> int:
    """Those of the file that was there; else, as mkstemp makes files private, the usual ones."""
    if there is not None:
        return stat.S_IMODE(there.st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


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
    content = _parse(_text(name), name)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFileError(f"{name}: not an emix model file (no \"format\": \"{FORMAT}\")")
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


def _text(name: str) -> str:
    try:
        with open(name, "rb") as file:
            # Asked first: reading what is to be refused takes a second.
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise ModelFileError(_too_large(name))
            raw = file.read(MOST_BYTES + 1)
    except OSError as reason:
        raise ModelFileError(f"{name}: {reason.strerror or reason}") from None
    if len(raw) > MOST_BYTES:
        raise ModelFileError(_too_large(name))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as reason:
        raise ModelFileError(f"{name}: not UTF-8 text (byte {reason.start})") from None


def _too_large(name: str) -> str:
    return f"{name}: larger than {MOST_BYTES >> 20} MB, which no model file is"


def _parse(text: str, name: str) -> object:
    def refuse(constant: str) -> None:
        raise ModelFileError(f"{name}: holds {constant}, which is not a number a model can have")

    try:
        parsed: object = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as reason:
        raise ModelFileError(f"{name}:{reason.lineno}:{reason.colno}: {reason.msg}") from None
    except (RecursionError, ValueError) as reason:
        raise ModelFileError(f"{name}: {reason}") from None
    return parsed
