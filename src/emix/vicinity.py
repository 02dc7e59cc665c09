"""Vicinities: which components are looked at for which rows, when there are many.

A row belongs to the component that led at it last, and each component keeps a list of those that
share its rows. Only the listed ones are scored, so that a step costs as much as lists are long,
however many components there are.

Lists are learned. What a list's rows hardly give anything to is dropped, as long as all that is
dropped stays within a bound; and what a survey of some rows, scored against all components, finds
missing is put in. This is a variational EM with truncated posteriors (Lücke & Eggert 2010,
https://jmlr.org/papers/v11/lucke10a; Hirschberger, Forster & Lücke 2022,
doi:10.1109/TPAMI.2021.3133763; Salwig, Kahlke, Hirschberger, Forster & Lücke 2025,
arXiv:2501.12299), with one list for all the rows of a component.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from emix.arrays import Floats

Leads = NDArray[np.int32]
Places = NDArray[np.int64]

# How often the level is doubled below which entries are dropped.
DOUBLINGS = 6
# What surveys find missing is put in as long as it is no more than this share of all entries.
MOST_TRIED = 0.1
# The bits of a number in single precision, without its sign.
SHARE_BITS = 31
# What goes with rows that leave a list is no more than this share of all entries.
MOST_TAKEN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Vicinity:
    """lead (n,): the component that each row belongs to. near: the components that are looked at
    for the rows of component c are near[begin[c]:begin[c + 1]], in order; begin (k + 1,)."""

    lead: Leads
    begin: Places
    near: Leads

    @classmethod
    def of_keys(cls, lead: Leads, keys: Places, k: int) -> Vicinity:
        """From sorted keys c k + j, for every component j in the list of c."""
        begin = np.searchsorted(keys, np.arange(k + 1, dtype=np.int64) * k)
        return cls(lead, begin.astype(np.int64), (keys % k).astype(np.int32))

    @property
    def n_components(self) -> int:
        return len(self.begin) - 1

    def near_of(self, component: int) -> Leads:
        """The list of one component."""
        return self.near[self.begin[component]:self.begin[component + 1]]

    @property
    def owner(self) -> Places:
        """The component whose list each entry of `near` belongs to."""
        owner: Places = np.repeat(np.arange(self.n_components), np.diff(self.begin))
        return owner

    @property
    def keys(self) -> Places:
        keys: Places = self.owner * self.n_components + self.near
        return keys


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """Rows scored against all components: the responsibilities that are not negligible, as entries
    (row, component, responsibility), row by row; `row` is a place among the rows asked for."""

    row: Leads
    component: Leads
    responsibility: Floats


def first_lists(surveyed: Surveyed, leads: Leads, lead: Leads, k: int) -> Vicinity:
    """Lists for rows that are led by `lead` (n,), from a survey of rows led by `leads` (m,)."""
    of, to = leads[surveyed.row].astype(np.int64), surveyed.component.astype(np.int64)
    every = np.arange(k, dtype=np.int64)
    # In both directions: what looks at another is looked at.
    keys = np.concatenate([of * k + to, to * k + of, every * (k + 1)])
    return Vicinity.of_keys(lead, _distinct(keys), k)


def missed(
    vicinity: Vicinity, surveyed: Surveyed, leads: Leads, weight: Floats, bound: float
) -> tuple[Places, Floats]:
    """Keys of what a survey of rows led by `leads` (m,), of weight (m,), found outside their lists;
    and how much of each row it is, (m,).

    Keys that are within `bound` of what the rows of a list weigh, together if all were like them,
    are none. Of more than a share of all entries only those that are missed most are told.
    """
    k = vicinity.n_components
    left_out: Floats = np.bincount(
        surveyed.row, surveyed.responsibility, len(leads)
    ).astype(np.float64)
    found = leads[surveyed.row].astype(np.int64) * k + surveyed.component
    keys = _distinct(found)
    lost = surveyed.responsibility * weight[surveyed.row]
    share: Floats = np.bincount(np.searchsorted(keys, found), lost, len(keys)).astype(np.float64)
    owner = keys // k
    rows = np.maximum(np.bincount(leads, weight, k)[owner], np.finfo(float).tiny)
    share = share / rows * (np.bincount(owner, minlength=k)[owner] / bound)
    most = max(int(MOST_TRIED * len(vicinity.near)), 4 * k)
    least = 1.0 if len(keys) <= most else max(np.partition(share, -most)[-most], 1.0)
    return keys[share > least], left_out


def renewed(vicinity: Vicinity, lead: Leads, share: Floats, bound: float) -> Vicinity:
    """Lists for the next step, from the share of each entry.

    The smallest entries of each list are dropped, of its rows' weight no more than `bound` in all.
    A list without rows stays, and so does each component in its own.
    """
    owner, first, k = vicinity.owner, vicinity.begin[:-1], vicinity.n_components
    totals = np.add.reduceat(share, first)
    # What is below a bound / length-th is within bounds together; mostly so is much more.
    level = bound * totals / np.diff(vicinity.begin)
    for _ in range(DOUBLINGS):
        below = np.where(share <= 2 * level[owner], share, 0.0)
        level = np.where(np.add.reduceat(below, first) <= bound * totals, 2 * level, level)
    kept = (share > level[owner]) | (totals == 0)[owner] | (vicinity.near == owner)
    return Vicinity.of_keys(lead, vicinity.keys[kept], k)


def taken_along(vicinity: Vicinity, lead: Leads, share: Floats) -> Places:
    """Keys for rows that another component leads now, `lead` (n,), than the one whose list they
    were scored by: that list's heaviest entries, from the share of each, for the list they go to.

    What a list lacks is lacked by rows that have just come to it: of those that lose most, nine in
    ten have changed lists within five steps, of all rows one in fourteen.
    """
    k, begin = vicinity.n_components, vicinity.begin[:, None]
    went = np.flatnonzero(lead != vicinity.lead)
    ways = _distinct(lead[went].astype(np.int64) * k + vicinity.lead[went])
    each = int(MOST_TAKEN * len(vicinity.near)) // max(len(ways), 1)
    places = begin[:-1] + np.arange(min(each, int(np.diff(vicinity.begin).max())))
    heaviest = _by_share(vicinity, share)[np.minimum(places, begin[1:] - 1)]
    keys: Places = (ways[:, None] // k * k + heaviest[ways % k]).ravel()
    return keys


def _by_share(vicinity: Vicinity, share: Floats) -> Leads:
    """The lists, each with its heaviest entries first, as far as a few digits tell.

    Owner, share and place go into one number each, for NumPy sorts numbers ten times as fast as it
    orders what goes with them.
    """
    lengths = np.diff(vicinity.begin)
    for_place = int(lengths.max()).bit_length()
    for_share = min(63 - for_place - vicinity.n_components.bit_length(), SHARE_BITS)
    with np.errstate(under="ignore", over="ignore"):
        # Of numbers that are not negative the bits are in their order.
        bits = share.astype(np.float32).view(np.int32).astype(np.int64) >> (SHARE_BITS - for_share)
    first = np.repeat(vicinity.begin[:-1], lengths)
    rank = (vicinity.owner << for_share) | ((1 << for_share) - 1 - bits)
    keys = (rank << for_place) | (np.arange(len(bits)) - first)
    keys.sort()
    ordered: Leads = vicinity.near[first + (keys & ((1 << for_place) - 1))]
    return ordered


def widened(vicinity: Vicinity, keys: Places) -> Vicinity:
    """With more entries in the lists."""
    keys = _distinct(np.concatenate([vicinity.keys, keys]))
    return Vicinity.of_keys(vicinity.lead, keys, vicinity.n_components)


def spread(vicinity: Vicinity, keys: Places, times: int, rng: np.random.Generator) -> Places:
    """Keys of what lists lacked, and of more that they may lack: the components that were missed
    may have to look back, and some neighbours, chosen by chance, of those that missed them may miss
    them too."""
    k = vicinity.n_components
    of, what = np.repeat(keys // k, times), np.repeat(keys % k, times)
    lengths = np.diff(vicinity.begin)[of]
    place = vicinity.begin[of] + (rng.random(len(of)) * lengths).astype(np.int64)
    beside = vicinity.near[place].astype(np.int64) * k + what
    return np.concatenate([keys, keys % k * k + keys // k, beside])


def _distinct(keys: Places) -> Places:
    """Sorted and each once. NumPy's own `unique` hashes, and takes a hundred times as long."""
    keys = np.sort(keys)
    fresh = np.ones(len(keys), np.bool_)
    fresh[1:] = keys[1:] != keys[:-1]
    return keys[fresh]
