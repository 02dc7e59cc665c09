"""What makes a fit the one it is: its data to the bit, its model, its search.

Two fits of one identity take the same steps, so that one may go on where the other was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.mixture import Mixture
from emix.mixture.plaindata import own_form
from emix.version import __version__

if TYPE_CHECKING:
    from emix.arrays import Block
    from emix.climbing.climb import Stop
    from emix.model import Model
    from emix.sources.protocol import Source

# Of the digest, as many bytes as make two files of data differ for certain.
BYTES = 16


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of rows, a monoid: that of two blocks is the digest of both of theirs. The source
    merges in a tree that its rows alone decide, so the same rows give the same digest."""

    value: bytes = b""

    def __add__(self, other: Digest) -> Digest:
        if not self.value or not other.value:
            return self if self.value else other
        return Digest(_digest(self.value, other.value))

    @classmethod
    def of(cls, block: Block) -> Digest:
        weight = block.sample_weight
        return cls(_digest(*_array(block.points), *(() if weight is None else _array(weight))))


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
    return source.reduce(Digest.of, Digest()).value.hex()


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
