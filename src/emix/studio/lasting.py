"""Requests that last: lines of JSON, progress first, then what came of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from emix.errors import EmixError
from emix.studio.answers import sensible
from emix.studio.backend import run_in_threadpool
from emix.studio.registry import Kept, Refusal, Studio
from emix.wholefile import finite

Job = Callable[..., dict[str, Any]]


async def lines(
    studio: Studio, job: Job, kept: Kept, asked: dict[str, Any]
) -> AsyncIterator[str]:
    """What a job tells and gives; it is stopped when nobody listens any more."""
    loop, stopped = asyncio.get_running_loop(), threading.Event()
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def tell(progress: dict[str, Any]) -> None:
        if stopped.is_set() or studio.ending.is_set():
            # What Ctrl-C does: the search ends with the best so far.
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(told.put_nowait, {"progress": progress})

    def work() -> dict[str, Any]:
        try:
            return {"done": sensible(lambda kept, asked: job(kept.session, tell, **asked),
                                     kept, asked)}
        except (EmixError, Refusal) as error:
            return {"error": studio.words(error)}
        except KeyboardInterrupt:
            return {"error": "stopped before anything was found"}

    doing = asyncio.ensure_future(run_in_threadpool(work))
    try:
        while not doing.done():
            waiting = asyncio.ensure_future(told.get())
            await asyncio.wait([doing, waiting], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                yield _line(waiting.result())
            waiting.cancel()
        yield _line(await doing)
    finally:
        stopped.set()


def _line(plain: dict[str, Any]) -> str:
    return json.dumps(finite(plain), allow_nan=False) + "\n"
