"""Which files a path means: itself, those of a folder, those that a pattern matches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from typing import TYPE_CHECKING

from emix.errors import DataError, ParameterError
from emix.names import listed
from emix.sources.choosing import wanted_columns

if TYPE_CHECKING:
    from emix.sources.streamed import Streamed

PARQUET, TEXT = (".parquet", ".parq", ".pq"), (".csv", ".tsv", ".txt")
# A file of text of no more bytes is read by the strict reader, into memory.
STRICT = 1 << 26
# Bytes of numbers up to which rows of files are held in memory, so that they are read but once.
IN_MEMORY = 1 << 28


@dataclass(frozen=True, slots=True)
class File:
    """A file, and the columns that its folders name: the rows of `year=2026/a.parquet` share
    (("year", 2026),)."""

    path: str
    shared: tuple[tuple[str, int | float], ...] = ()

    @property
    def ending(self) -> str:
        return os.path.splitext(self.path)[1].lower()


def is_paths(x: object) -> bool:
    """Whether x is a path, or a list of some: of text that is none it may be cells."""
    if isinstance(x, list | tuple):
        return bool(x) and all(isinstance(each, str | os.PathLike) for each in x) and any(
            isinstance(each, os.PathLike) or has_magic(each) or os.path.exists(each)
            or each.lower().endswith((*PARQUET, *TEXT)) for each in x)
    return isinstance(x, str | os.PathLike)


def files_of(x: object) -> tuple[str, list[File]]:
    """What messages call it, and the files that a path, a list of them, a folder or a pattern
    means: those of a folder and of a pattern in the order of their names.

    Raises `DataError` where there are none.
    """
    if isinstance(x, list | tuple):
        found = [file for each in x for file in files_of(each)[1]]
        return f"{len(x)} paths", found
    name = os.fspath(x)  # type: ignore[call-overload]
    if not isinstance(name, str):
        name = os.fsdecode(name)
    if os.path.isdir(name):
        files = [File(path, _shared(path, name)) for path in _inside(name)]
        if not files:
            raise DataError(f"{name}: the folder holds no {', '.join((*PARQUET, *TEXT))} file")
        return name, files
    if has_magic(name) and not os.path.exists(name):
        matched = sorted(glob(name, recursive=True))
        base = name[: min(name.index(each) for each in "*?[" if each in name)]
        paths = [each for path in matched for each in
                 (_inside(path) if os.path.isdir(path) else [path])]
        files = [File(path, _shared(path, base)) for path in dict.fromkeys(paths)]
        if not files:
            raise DataError(f"{name}: no file matches")
        return name, files
    return name, [File(name)]


def _inside(folder: str) -> list[str]:
    """Files of a known kind in a folder and those within; names that begin with . or _ are other
    programs' own."""
    paths = []
    for where, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith((".", "_"))]
        paths += [os.path.join(where, each) for each in names
                  if not each.startswith((".", "_")) and each.lower().endswith((*PARQUET, *TEXT))]
    return sorted(paths)


def _shared(path: str, base: str) -> tuple[tuple[str, int | float], ...]:
    """The numbers that folders below `base` name, as Hive writes them: `name=number`."""
    shared: list[tuple[str, int | float]] = []
    for part in os.path.dirname(path[len(base):]).split(os.sep):
        key, equals, text = part.partition("=")
        if not equals:
            continue
        try:
            shared.append((key, int(text) if text.lstrip("-").isdigit() else float(text)))
        except ValueError:
            continue
    return tuple(shared)


def open_files(
    x: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], sample_weight: str | None = None,
    columns: object = None, threads: int = 1,
) -> Streamed:
    """Rows of Parquet or delimited text that are read anew in each pass, never held in memory.

    x is a file, a folder, a pattern or a list of these; all files of one kind. Columns, and the
    weights, are chosen by name. Raises `DataError` where there is nothing to read.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("u,v\\n1,2\\n3,4\\n")
    >>> _ = (folder / "b.csv").write_text("u,v\\n5,6\\n")
    >>> rows = open_files(folder, columns="v")
    >>> rows.n_rows, rows.column_names
    (3, ('v',))
    """
    name, files = files_of(x)
    if sample_weight is not None and not isinstance(sample_weight, str):
        raise ParameterError("sample_weight of rows in files is the name of a column; weights that "
                             "are in memory go with rows that are")
    wanted = wanted_columns(columns)
    chosen = None if wanted is None else [each for each in wanted if isinstance(each, str)]
    if wanted is not None and chosen != wanted:
        raise ParameterError(f"columns={columns!r}; the columns of a file are chosen by name")
    for file in files:
        if not os.path.isfile(file.path):
            raise DataError(f"{file.path}: does not exist; check the name and the folder it is "
                            f"looked for in")
    return open_these(files, name, sample_weight, chosen, threads)


def open_these(
    files: list[File], name: str, sample_weight: str | None = None,
    columns: list[str] | None = None, threads: int = 1,
) -> Streamed:
    """Rows of files that are there, which messages together call by name."""
    are_parquet = {file.ending in PARQUET for file in files}
    if len(are_parquet) > 1:
        raise DataError(f"{name} holds Parquet beside other files "
                        f"({listed(sorted({file.ending for file in files}))}); give a pattern, "
                        f"such as '*.parquet'")
    if are_parquet == {True}:
        from emix.sources.parquet import ParquetFiles

        return ParquetFiles(files, name, sample_weight, columns, threads)
    from emix.sources.textfiles import TextFiles

    return TextFiles(files, name, sample_weight, columns)
