"""Learning from a stream: rows are seen once, batch by batch, and then are gone.

Stepwise EM (Cappé & Moulines 2009, doi:10.1111/j.1467-9868.2009.00698.x; in batches Liang & Klein
2009, https://aclanthology.org/N09-1069): a running average of the statistics of batches, and
after each batch the M-step of that average. docs/scale.md compares it with batch EM.

>>> import emix
>>> waiting = emix.datasets.load("faithful")["waiting"]
>>> online = OnlineFit(2, covariance="E", first_rows=100)
>>> for batch in (waiting[:120], waiting[120:200], waiting[200:]):
...     update = online.update(batch)
>>> online.mixture.means[:, 0].round(0).tolist(), online.seen
([55.0, 80.0], 272.0)
"""

from __future__ import annotations

from emix.online.online_fit import OnlineFit
from emix.online.schedule import Constant, Decay, Memory, Schedule
from emix.online.stream import Update

__all__ = ["Constant", "Decay", "Memory", "OnlineFit", "Schedule", "Update"]
