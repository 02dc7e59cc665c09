"""What makes a fit the one it is: its data to the bit, its model, its search.

Two fits of one identity take the same steps, so that one may go on where the other was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emix.mixture import Mixture
from emix.mixture.plaindata import own_form
from emix.version import __version__

if TYPE_CHECKING:
    from emix.arrays import Block
    from emix.climbing.climb import Stop
    from emix.model import Model
    from emix.sources.protocol import Source

# Of a digest, as many bytes as make two parameters differ for certain.
BYTES = 16
# Hashes of a row, and odd numbers that place it, of the form 8 m + 5: their powers take longest to
# come back to 1.
LANES, MODULUS = 2, 1 << 64
BASES = (0xD1342543DE82EF95, 0xAF251AF3B0F025B5)
GOLDEN = 0x9E3779B97F4A7C15
# Rows that NumPy works on at once.
ROWS = 1 << 14


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of rows in their order, a monoid: of n rows, each hashed to h, Σ h Bⁿ⁻¹⁻ⁱ modulo
    2^64, for several hashes and B. That of two blocks follows from both of theirs, whatever the
    rows are divided into, so that the same rows have one digest in memory, in files or anywhere.
    """

    count: int = 0
    sums: tuple[int, ...] = (0,) * LANES

    def __add__(self, other: Digest) -> Digest:
        sums = tuple((a * pow(base, other.count, MODULUS) + b) % MODULUS
                     for a, b, base in zip(self.sums, other.sums, BASES, strict=True))
        return Digest(self.count + other.count, sums)

    @classmethod
    def of(cls, block: Block) -> Digest:
        return sum((cls._of_few(block.rows(start, start + ROWS))
                    for start in range(0, block.n_rows, ROWS)), start=cls())

    @classmethod
    def _of_few(cls, rows: Block) -> Digest:
        given = rows.sample_weight
        numbers = [*rows.points.T] if given is None else [*rows.points.T, given]
        # A weight is no column more.
        first = np.uint64(rows.n_features)
        bits = [np.ascontiguousarray(each, np.float64).view(np.uint64) for each in numbers]
        sums = []
        for lane, powers in enumerate(_powers()):
            mixed = np.full(rows.n_rows, first + np.uint64(lane << 32))
            for column in bits:
                mixed = _mixed(mixed, column)
            sums.append(int((mixed * powers[-rows.n_rows:]).sum(dtype=np.uint64)))
        return cls(rows.n_rows, tuple(sums))


@cache
def _powers() -> list[NDArray[np.uint64]]:
    """B^(ROWS − 1) to B⁰ of each base, (ROWS,)."""
    with np.errstate(over="ignore"):
        return [np.concatenate([np.cumprod(np.full(ROWS - 1, base, np.uint64))[::-1],
                                np.ones(1, np.uint64)]) for base in BASES]


def _mixed(state: NDArray[np.uint64], more: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each state (n,) with more bits (n,): Steele, Lea & Flood's finaliser (2014,
    doi:10.1145/2714064.2660195)."""
    z = (state + np.uint64(GOLDEN)) ^ more
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def identity_of(
    source: Source, names: tuple[str, ...], model: Model, start: object, n_starts: int | None,
    stop: Stop, seed: int, neglect: float = 0.0,
) -> dict[str, Any]:
    """All that decides the bits of a fit but the kernel, as plain data."""
    held, prior = model.held, model.prior
    return {
        "emix": __version__, "data": digest_of_rows(source), "d": source.n_features,
        "columns": list(names), "k": model.n_components, "covariance": model.structure.name,
        "held": digest_of([held.weights, held.means, held.covariances, held.learned_covariances]),
        "prior": digest_of([prior.means, prior.concentration, prior.conjugate]),
        "start": start if isinstance(start, str) else digest_of(start), "n_starts": n_starts,
        "seed": seed, "tol": stop.tol, "max_iter": stop.max_iter,
        "neglect": neglect,
    }


def digest_of_rows(source: Source) -> str:
    """Of all rows and their weights, to the bit."""
    found = source.reduce(Digest.of, Digest())
    return "-".join([str(found.count), *(f"{each:016x}" for each in found.sums)])


def digest_of(value: Any) -> str:
    """Of a parameter: None, numbers, text, arrays, and values that are made of these."""
    return _digest(*_parts(value)).hex()


def _parts(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return _array(value)
    if isinstance(value, Mixture):
        return [b"mixture", *_array(value.weights), *_array(value.means),
                *(part for array in own_form(value.covariance).values() for part in _array(array))]
    if is_dataclass(value):
        of = [getattr(value, field.name) for field in fields(value)]
        return [type(value).__name__.encode(), *(part for each in of for part in _parts(each))]
    if isinstance(value, list | tuple | np.ndarray):
        return [b"several", *(part for each in value for part in _parts(each))]
    # float(1) and 1 are one value to a fit.
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return [repr(float(value) if number else value).encode()]


def _array(array: np.ndarray[Any, Any]) -> list[Any]:
    whole = np.ascontiguousarray(array)
    # The bytes where they lie: a copy of all data would be dear.
    return [f"{whole.dtype.str}{whole.shape}".encode(), whole.reshape(-1).view(np.uint8).data]


def _digest(*parts: Any) -> bytes:
    # Late: only a checkpoint needs it.
    from hashlib import blake2b

    made = blake2b(digest_size=BYTES)
    for part in parts:
        # The length before each part: or two of them could trade bytes unseen.
        made.update(len(part).to_bytes(8, "little"))
        made.update(part)
    return made.digest()


# Parts of an identity that are digests, and how they are called.
DIGESTS = {"data": "the data", "held": "what is held", "prior": "the prior", "start": "the start"}


def difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What differs between two identities, in words; empty where nothing does."""
    wrong = [key for key in dict.fromkeys((*here, *there)) if there.get(key) != here.get(key)
             or type(there.get(key)) is not type(here.get(key))]
    if "k" in wrong or "d" in wrong:
        # Then these differ anyway.
        wrong = [key for key in wrong if key not in ("held", "prior")]
    return "; ".join(
        f"{DIGESTS[key]} differs" if key in DIGESTS else
        f"{key} is {there.get(key)!r} there, {here.get(key)!r} here" for key in wrong
    )
