"""A fit on its way, kept in a file: what a killed fit goes on from, to the same bits.

A search has no state but its seed and is made again; what it found is kept, and so is how far the
climbs from there have come. A climb's state is its mixture, the objective of each step, and their
number. The file is versioned JSON, written whole (`emix.wholefile`), numbers to the bit, read with
the suspicion of a model file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emix.climbing.climb import Climb, Outcome
from emix.compression import Compression
from emix.errors import CheckpointError, ParameterError, WriteError
from emix.given import numbers
from emix.mixture import Mixture
from emix.mixture.plaindata import smallest
from emix.searching.candidates import Candidate
from emix.searching.fingerprint import difference
from emix.wholefile import read_json, sweep, write_json

FORMAT, VERSION = "emix checkpoint", 1
# Seconds between two writes, and how many times the last write took: at most a fiftieth of the
# time goes into files.
BETWEEN, SPARING = 1.0, 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Ascent:
    """Climbs on all the data: where they begin, how many starts of the search stand for each, and
    as far as they have come; the last of `climbs` may be on its way, those after it not begun."""

    starts: tuple[Mixture, ...]
    counts: tuple[int, ...]
    climbs: tuple[Climb, ...] = ()


class Journal:
    """The checkpoint of one fit. Without a path it keeps nothing."""

    def __init__(
        self, path: str | os.PathLike[str] | None, identity: dict[str, Any], kernel: str
    ) -> None:
        self.path = None if path is None else os.fspath(path)
        self.identity, self.kernel = identity, kernel
        self.candidates: list[Candidate] | None = None
        self.is_complete = False
        self.ascent: Ascent | None = None
        self.compression: Compression | None = None
        self.notes: tuple[str, ...] = ()
        self._next = 0.0

    def open(self) -> None:
        """Read what is there, else make the file, so that a path that cannot be is told at once.

        Raises `CheckpointError` for a file that is none, is damaged, or is of another fit, and
        `WriteError` where there can be no file.
        """
        if self.path is None:
            return
        if not os.path.exists(self.path):
            self._write()
            return
        sweep(self.path)
        try:
            self._read(read_json(self.path, CheckpointError, FORMAT))
        except (ParameterError, KeyError, TypeError, ValueError, OverflowError) as reason:
            if isinstance(reason, CheckpointError):
                raise
            said = f"no {reason}" if isinstance(reason, KeyError) else reason
            raise CheckpointError(f"{self.path}: a damaged checkpoint: {said}; delete it to begin "
                                  f"anew") from None

    def keep_candidates(self, candidates: Sequence[Candidate]) -> None:
        """Keep what a search has found, as far as it has been followed."""
        self.candidates, self.ascent = list(candidates), None
        self._write_when_due(now=False)

    def keep_complete(
        self, candidates: Sequence[Candidate], compression: Compression | None
    ) -> None:
        """Keep all that a fit has found, and how its data was condensed."""
        self.candidates, self.ascent = list(candidates), None
        self.compression, self.is_complete = compression, True
        self._write_when_due(now=True)

    def keep_ascent(self, ascent: Ascent, now: bool = False) -> None:
        """Keep how far the climbs on all the data have come; `now`, or when it is due."""
        self.ascent = ascent
        self._write_when_due(now)

    @property
    def is_due(self) -> bool:
        """Whether it is time to keep something again."""
        return self.path is not None and time.monotonic() >= self._next

    def _write_when_due(self, now: bool) -> None:
        """A disk that has filled up in the meantime must not cost the fit: it is noted."""
        if self.path is None or not (now or self.is_due):
            return
        try:
            self._write()
        except (WriteError, ParameterError) as reason:
            self.notes = (f"the checkpoint could not be kept: {reason}",)
            self._next = time.monotonic() + BETWEEN
        else:
            self.notes = tuple(note for note in self.notes if "could not be kept" not in note)

    def _write(self) -> None:
        assert self.path is not None
        began = time.monotonic()
        write_json(self.path, self._plain())
        ended = time.monotonic()
        self._next = ended + (max(BETWEEN, SPARING * (ended - began)) if BETWEEN else 0.0)

    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"format": FORMAT, "version": VERSION, "fit": self.identity,
                                 "kernel": self.kernel, "is_complete": self.is_complete}
        if self.compression is not None:
            plain["compression"] = _plain_compression(self.compression)
        if self.candidates is not None:
            plain["candidates"] = [_plain_candidate(c) for c in self.candidates]
        if self.ascent is not None:
            plain["ascent"] = {
                "starts": [smallest(start) for start in self.ascent.starts],
                "counts": list(self.ascent.counts),
                "climbs": [_plain_climb(climb) for climb in self.ascent.climbs],
            }
        return plain

    def _read(self, plain: dict[str, Any]) -> None:
        if plain["version"] != VERSION or isinstance(plain["version"], bool):
            raise CheckpointError(f"{self.path}: a checkpoint of version {plain['version']!r}; "
                                  f"this emix goes on from version {VERSION}")
        _check(isinstance(plain["fit"], dict), "\"fit\" is no object")
        differs = difference(plain["fit"], self.identity)
        if differs:
            raise CheckpointError(f"{self.path}: a checkpoint of another fit: {differs}; fit that "
                                  f"again, give another path, or delete the file")
        if plain["kernel"] != self.kernel:
            self.notes = (f"continued from a checkpoint of another kernel ({plain['kernel']}; here "
                          f"{self.kernel}): the last bits may differ from an unbroken fit's",)
        shape = self.identity["k"], self.identity["d"]
        if "candidates" in plain:
            self.candidates = [_candidate(each, *shape) for each in _list(plain["candidates"])]
            _check(bool(self.candidates), "there is no candidate")
        if "ascent" in plain:
            self.ascent = _ascent(plain["ascent"], *shape)
        if "compression" in plain:
            self.compression = _compression(plain["compression"])
        self.is_complete = plain["is_complete"] is True
        _check(not self.is_complete or self.candidates is not None, "complete without a candidate")


def _plain_climb(climb: Climb) -> dict[str, Any]:
    return {
        "mixture": smallest(climb.mixture), "loglik": climb.loglik.hex(),
        "objective": climb.objective.hex(), "gradient": climb.gradient.hex(),
        "iterations": climb.iterations, "outcome": climb.outcome.value,
        "trace": climb.trace.tolist(), "neglected": climb.neglected.hex(),
        "relocated": climb.relocated,
    }


def _plain_compression(compression: Compression) -> dict[str, Any]:
    return {"points": compression.points, "width": compression.width.hex(),
            "passes": compression.passes, "nats": compression.nats.hex(),
            "reason": compression.reason}


def _compression(plain: Any) -> Compression:
    _check(isinstance(plain, dict) and isinstance(plain["reason"], str),
           "\"compression\" is no object with a reason")
    width, nats = float.fromhex(plain["width"]), float.fromhex(plain["nats"])
    _check(np.isfinite(width) and width >= 0, "bins of no width")
    return Compression(_whole(plain["points"], 0), width, _whole(plain["passes"], 0), nats,
                       plain["reason"])


def _plain_candidate(candidate: Candidate) -> dict[str, Any]:
    # Worth may be infinite, which is no number of JSON.
    return {"climb": _plain_climb(candidate.climb), "worth": float(candidate.worth).hex(),
            "starts": candidate.starts}


def _candidate(plain: Any, k: int, d: int) -> Candidate:
    return Candidate(_climb(plain["climb"], k, d), float.fromhex(plain["worth"]),
                     _whole(plain["starts"], 1))


def _climb(plain: Any, k: int, d: int) -> Climb:
    iterations, trace = _whole(plain["iterations"], 0), np.zeros(0)
    if plain["trace"]:
        trace = numbers(plain["trace"], "trace", 1)
    _check(len(trace) in (0, iterations + 1), "a trace is not as long as its climb")
    return Climb(
        _mixture(plain["mixture"], k, d), float.fromhex(plain["loglik"]),
        float.fromhex(plain["objective"]), float.fromhex(plain["gradient"]), iterations,
        Outcome(plain["outcome"]), trace, float.fromhex(plain.get("neglected", "0x0p+0")),
        _whole(plain.get("relocated", 0), 0),
    )


def _ascent(plain: Any, k: int, d: int) -> Ascent:
    starts = tuple(_mixture(each, k, d) for each in _list(plain["starts"]))
    counts = tuple(_whole(count, 1) for count in _list(plain["counts"]))
    climbs = tuple(_climb(each, k, d) for each in _list(plain["climbs"]))
    _check(len(starts) == len(counts) >= max(len(climbs), 1), "climbs without a start")
    return Ascent(starts, counts, climbs)


def _mixture(plain: Any, k: int, d: int) -> Mixture:
    _check(isinstance(plain, dict), "a mixture is no object")
    mixture = Mixture.from_dict(plain)
    _check((mixture.n_components, mixture.n_features) == (k, d), "a mixture of another shape")
    return mixture


def _list(plain: Any) -> list[Any]:
    _check(isinstance(plain, list), "a list is none")
    given: list[Any] = plain
    return given


def _whole(number: Any, least: int) -> int:
    _check(isinstance(number, int) and not isinstance(number, bool) and number >= least,
           f"{number!r} where a number from {least} is expected")
    whole: int = number
    return whole


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
