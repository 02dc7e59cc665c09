"""Files that are there whole or not at all, and JSON read within caps.

Written aside, synced and renamed, so that no reader, no full disk and no crash sees half of a
file; read with suspicion: what is too large, too deep or of too many pieces is refused before it
is taken apart, so that memory stays within a few times the file.
"""

from __future__ import annotations

import glob
import json
import math
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from emix.errors import ParameterError, WriteError

# A full matrix in a thousand columns is about 20 MB; this is room for ten of them.
MOST_BYTES = 256 << 20
PIECE = 1 << 16
# Objects and lists: as many as a million rows have, and as deep as nobody nests them.
MOST_BRACKETS, MOST_DEPTH = 4 << 20, 64
NEITHER_BRACKET_NOR_QUOTE = bytes(b for b in range(256) if b not in b'[]{}"')
# What a file's name begins with while it is being written; more of it would be too long a name.
LONGEST_NAME = 100


def write_whole(path: str | os.PathLike[str], content: str | bytes | Iterable[str]) -> None:
    """Write a file, whole or in pieces of text, so that no reader and no crash sees half of it.

    A link is followed, and a file that was there keeps its permissions. What is no file (a pipe,
    a terminal, /dev/null) cannot be replaced and is written to as it is. Raises `WriteError`, an
    OSError, and what stood at `path` before is then untouched.
    """
    try:
        _write_whole(os.fspath(path), content)
    except OSError as reason:
        raise WriteError(reason.errno, reason.strerror or str(reason), os.fspath(path)) from None


def _write_whole(path: str, content: str | bytes | Iterable[str]) -> None:
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

    target = os.path.realpath(path)
    handle, aside = tempfile.mkstemp(dir=os.path.dirname(target), prefix=_beginning(target),
                                     suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(_pieces(content))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, _permissions(there))
        os.replace(aside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise
    _sync_folder(os.path.dirname(target))


def _beginning(target: str) -> str:
    return f".{os.path.basename(target)[:LONGEST_NAME]}.emix-"


def sweep(path: str | os.PathLike[str]) -> None:
    """Remove what a killed process left beside `path` while it was writing it."""
    target = os.path.realpath(os.fspath(path))
    folder = glob.escape(os.path.dirname(target))
    for left in glob.glob(f"{folder}/{glob.escape(_beginning(target))}*.tmp", include_hidden=True):
        with suppress(OSError):
            os.unlink(left)


def _sync_folder(folder: str) -> None:
    """Have the disk know the new name; where folders cannot be synced, as on Windows, the system
    does it in its own time."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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


def layout(content: dict[str, Any], depth: int = 1) -> str:
    """JSON with a line for each entry, and for each of an object's in it."""
    lines = []
    for key, value in content.items():
        nested = depth < 2 and isinstance(value, dict) and value
        text = layout(value, depth + 1) if nested else json.dumps(value, allow_nan=False)
        lines.append(f"{' ' * depth}{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n" + " " * (depth - 1) + "}" + "\n" * (depth == 1)


def write_json(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write plain data so that `read_json` reads it again.

    Raises as `write_whole` does, and `ParameterError` for what is too much to be read again.
    """
    text = layout(content).encode()
    problem = _problem(text)
    if problem is not None:
        raise ParameterError(f"{os.fspath(path)} would be {problem}, and not be read again; "
                             f"nothing was written")
    write_whole(path, text)


def read_json(
    path: str | os.PathLike[str], refusal: type[Exception], what: str
) -> dict[str, Any]:
    """The object in a file of JSON whose "format" is `what`; raises `refusal`, naming the file."""
    name = os.fspath(path)
    content = _parse(_text(name, refusal), name, refusal)
    if not isinstance(content, dict) or content.get("format") != what:
        kind = what.removeprefix("emix ")
        raise refusal(f"{name}: not an emix {'model' if kind == 'mixture' else kind} file (no "
                      f"\"format\": \"{what}\")")
    return content


def _text(name: str, refusal: type[Exception]) -> str:
    try:
        with open(name, "rb") as file:
            # Asked first: reading what is to be refused takes a second.
            size = os.fstat(file.fileno()).st_size
            raw = b"" if size > MOST_BYTES else _read(file)
    except OSError as reason:
        raise refusal(f"{name}: {reason.strerror or reason}") from None
    problem = _too_large() if size > MOST_BYTES else _problem(raw)
    if problem is not None:
        raise refusal(f"{name}: {problem}, which no file of emix is")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as reason:
        raise refusal(f"{name}: not UTF-8 text (byte {reason.start})") from None


def _read(file: BinaryIO) -> bytes:
    """All of a file, or a little more than may be read. In pieces: what `read` is asked for it
    takes from memory, however short the file is; and a pipe has no size beforehand."""
    pieces, total = [], 0
    while total <= MOST_BYTES and (piece := file.read(PIECE)):
        pieces.append(piece)
        total += len(piece)
    return b"".join(pieces)


def _too_large() -> str:
    return f"larger than {MOST_BYTES >> 20} MB"


def _problem(raw: bytes) -> str | None:
    """What is too much about a text, if anything; a millisecond per megabyte."""
    if len(raw) > MOST_BYTES:
        return _too_large()
    brackets = raw.translate(None, NEITHER_BRACKET_NOR_QUOTE)
    if len(brackets) > MOST_BRACKETS:
        return f"of more than {MOST_BRACKETS >> 1} lists, objects and words"
    marks = np.frombuffer(brackets.replace(b'"', b""), dtype=np.uint8)
    # Of the four, the opening ones are [ and {: 91 and 123.
    steps = np.where((marks == 91) | (marks == 123), np.int8(1), np.int8(-1))
    if len(steps) and int(np.cumsum(steps, dtype=np.int64).max()) > MOST_DEPTH:
        return f"nested deeper than {MOST_DEPTH}"
    return None


def _parse(text: str, name: str, refusal: type[Exception]) -> object:
    def refuse(constant: str) -> None:
        raise refusal(f"{name}: holds {constant}, which is not a number a file of emix can have")

    try:
        parsed: object = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as reason:
        raise refusal(f"{name}:{reason.lineno}:{reason.colno}: {reason.msg}") from None
    except (RecursionError, ValueError) as reason:
        if isinstance(reason, refusal):
            raise
        raise refusal(f"{name}: {reason}") from None
    return parsed


def finite(plain: Any) -> Any:
    """The same plain data with None for numbers that are not finite, which JSON has not.

    >>> finite({"loglik": float("-inf"), "n": 2})
    {'loglik': None, 'n': 2}
    """
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else None
    if isinstance(plain, dict):
        return {key: finite(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [finite(value) for value in plain]
    return plain
