"""The runs that are kept, each with its lock and its folder, and what all routes share."""

from __future__ import annotations

import os
import shutil
import threading
from collections import OrderedDict
from pathlib import Path

from emix.studio.opening import Opened
from emix.studio.session import Session

# Runs that are kept at once, one for each tab; the one not used for longest goes.
MOST_SESSIONS = 6


class Refusal(Exception):
    """A request that cannot be served, with the status that says why."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Kept:
    """A session with its lock, the pair of columns that is drawn, and its folder."""

    def __init__(self, name: str, session: Session, folder: Path) -> None:
        self.name, self.session, self.folder = name, session, folder
        self.lock = threading.Lock()
        self.pair: list[int] = [0, 1]


class Studio:
    """What the routes share: the sessions, the temporary folder, and the size of an upload."""

    def __init__(self, folder: Path, source: str | None, most_uploaded: int) -> None:
        self.folder, self.source, self.most_uploaded = folder, source, most_uploaded
        self.sessions: OrderedDict[str, Kept] = OrderedDict()
        self.ending = threading.Event()
        self._count = 0

    def new_folder(self) -> tuple[str, Path]:
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir()
        return str(self._count), folder

    def add(self, name: str, folder: Path, opened: Opened) -> Kept:
        """A run on what was opened; nothing is left of one that cannot begin."""
        try:
            kept = Kept(name, Session(opened), folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.sessions[name] = kept
        while len(self.sessions) > MOST_SESSIONS:
            _, oldest = self.sessions.popitem(last=False)
            shutil.rmtree(oldest.folder, ignore_errors=True)
        return kept

    def get(self, name: str) -> Kept:
        if name not in self.sessions:
            raise Refusal("this run is no longer kept; open the data again", 404)
        self.sessions.move_to_end(name)
        return self.sessions[name]

    def words(self, error: Exception) -> str:
        """A message as emix gives it, with files called what the user calls them."""
        text = str(error)
        for part in text.split(os.fspath(self.folder) + os.sep)[1:]:
            text = text.replace(os.path.join(self.folder, part.split(os.sep)[0], ""), "")
        return text
