"""Dropped files: written as they come into a temporary folder, and refused at the limit."""

from __future__ import annotations

import shutil
from pathlib import Path

from emix.studio.backend import Request, run_in_threadpool
from emix.studio.opening import Opened
from emix.studio.registry import Kept, Refusal, Studio


async def uploaded(studio: Studio, request: Request) -> Kept:
    """The run on a file that a request carries; nothing of it is kept when it is refused."""
    word = file_name(request.query_params.get("name", ""))
    run, folder = studio.new_folder()
    try:
        await _receive(request, folder / word, studio.most_uploaded)
        file = await run_in_threadpool(Opened.file, folder / word, word)
        return await run_in_threadpool(studio.add, run, folder, file)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def file_name(given: str) -> str:
    """A name without folders, and none that means something else."""
    name = "".join(c for c in given.replace("\\", "/").split("/")[-1] if c.isprintable())[-100:]
    return name if name.strip(". ") else "data.csv"


async def _receive(request: Request, path: Path, most: int) -> None:
    too_large = Refusal(f"{path.name} is larger than the studio takes ({most >> 20} MB); fit it "
                        f"where it lies: emix studio {path.name}", 413)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large
    size = 0
    with path.open("wb") as file:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise too_large
            file.write(piece)
