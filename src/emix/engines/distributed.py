"""Work on a Dask cluster, any worker of which may be lost at any time. The one place that imports
distributed.

Every step sends one small task to each part, the parameters among its arguments: nothing is
scattered, so nothing can be lost that is not made again from the graph of the collection. What
comes back is put in the order of the parts.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emix.engines.dask import CLUSTERS, SHARE, dask, delayed
from emix.errors import ClusterError, ParameterError

if TYPE_CHECKING:
    from emix.engines.dask import Make

# Without a worker, or an answer of the scheduler, for so long the cluster is taken for lost;
# dask.config.set({"emix.patience": "5 minutes"}) waits longer, for a cluster that starts slowly.
PATIENCE = "45s"
# Seconds between two looks at the cluster while there is nothing to hear of the work.
BEAT = 1.0
# Seconds for which it does not matter how many workers there were.
OLD = 5.0
# How often a part is begun anew in one pass: after workers were lost around it, which says nothing
# of the part, and after it could not be read.
MOST_LOSSES, MOST_READS = 20, 3


def client_here() -> Any:
    """The client whose cluster is to do the work, or None: there can be none where nobody has
    imported distributed.

    Raises `ParameterError` for a client that cannot be waited for.
    """
    package = sys.modules.get("distributed")
    if package is None or dask().config.get("scheduler", None) not in (None, *CLUSTERS):
        return None
    try:
        client = package.Client.current()
    except ValueError:
        return None
    if client.asynchronous:
        raise ParameterError("the Dask client here is asynchronous; fit with one made by Client() "
                             "without asynchronous=True")
    return client


class Cluster:
    """Work on parts that lie on the workers of a cluster; see `Engine`.

    held : futures of the caller's that the parts are made from
    """

    def __init__(self, client: Any, make: Make, n_parts: int, held: Sequence[Any] = ()) -> None:
        self._client, self._make, self._n_parts, self._held = client, make, n_parts, held
        self._kept: list[Any] | None = None
        self._known: tuple[float, list[Any]] = (-OLD, [])

    @classmethod
    def of(cls, client: Any, make: Make, n_parts: int, collections: Sequence[Any]) -> Cluster:
        """Parts of collections, which may have been persisted."""
        held = sys.modules["distributed"].futures_of(list(collections))
        return cls(client, make, n_parts, held)

    @property
    def slots(self) -> int:
        threads: int = sum(worker["nthreads"] for worker in self._workers())
        return max(threads, 1)

    def keep(self, n_bytes: int) -> None:
        if self._kept is not None:
            return
        limits = [worker["memory_limit"] for worker in self._workers()]
        # 0: a worker without a limit.
        room = sum(limits) if all(limits) else float("inf")
        if limits and n_bytes <= SHARE * room:
            self._kept = self._client.compute([self._make(part) for part in range(self._n_parts)])

    def each(
        self, work: Callable[..., Any], arguments: Mapping[int, Sequence[Any]]
    ) -> list[Any]:
        found: dict[int, Any] = {}
        losses: Counter[int] = Counter()
        while left := {part: given for part, given in arguments.items() if part not in found}:
            futures = self._sent(work, left)
            found |= self._settled(futures)
            for part in left.keys() - found.keys():
                losses[part] += 1
                self._refuse(part, futures[part], losses[part])
                self._forget(part, futures[part])
        return [found[part] for part in arguments]

    def _sent(
        self, work: Callable[..., Any], arguments: Mapping[int, Sequence[Any]]
    ) -> dict[int, Any]:
        """A future for each part that is named."""
        if self._kept is None:
            tasks = [delayed(work, self._make(part), *given) for part, given in arguments.items()]
            return dict(zip(arguments, self._client.compute(tasks), strict=True))
        for part in arguments:
            if self._kept[part] is None:
                self._kept[part] = self._client.compute(self._make(part))
        parts = [self._kept[part] for part in arguments]
        given = zip(*arguments.values(), strict=True)
        futures = self._client.map(work, parts, *map(list, given), key="emix", pure=False)
        return dict(zip(arguments, futures, strict=True))

    def _settled(self, futures: Mapping[int, Any]) -> dict[int, Any]:
        """What has come of futures, once something has come of each of them; without the failed.

        Raises `ClusterError` once the cluster has been gone for as long as patience lasts.
        """
        patience = _patience()
        work: asyncio.Future[dict[int, Any]] | None = None

        async def beat() -> tuple[bool, int | None]:
            nonlocal work
            if work is None:
                # Waited for in pieces, and never cancelled: what is gathered is not begun anew.
                work = asyncio.ensure_future(self._client.gather(
                    dict(futures), errors="skip", asynchronous=True))
                # An error that nobody is left to hear of is no news to the log.
                work.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait({work}, timeout=min(BEAT, patience))
            return (True, None) if work.done() else (False, await self._n_workers())

        seen = time.monotonic()
        while True:
            is_done, n_workers = self._client.sync(beat)
            if is_done:
                assert work is not None
                if isinstance(work.exception(), OSError):
                    # The scheduler went away while it told.
                    return {}
                return {part: value for part, value in work.result().items() if value is not None}
            if n_workers:
                seen = time.monotonic()
            elif time.monotonic() - seen > patience:
                raise _lost(n_workers, patience)

    async def _n_workers(self) -> int | None:
        """How many workers there are; None where the scheduler does not say."""
        try:
            found = await asyncio.wait_for(self._client.nthreads(asynchronous=True), BEAT)
        except (OSError, TimeoutError):
            return None
        return len(found)

    def _workers(self) -> list[Any]:
        """The workers as of some seconds ago; none where the scheduler does not say."""
        now = time.monotonic()
        if now - self._known[0] > OLD:
            try:
                info = self._client.scheduler_info(n_workers=-1)
            except (OSError, TimeoutError):
                info = {"workers": {}}
            self._known = (now, list(info["workers"].values()))
        return self._known[1]

    def _refuse(self, part: int, future: Any, times: int) -> None:
        """Raise what a part has failed for, unless it may be begun anew."""
        errors = sys.modules["distributed"]
        if future.status == "error":
            reason: BaseException = future.exception()
        else:
            self._await_scheduler()
            reason = errors.client.FutureCancelledError(future.key, "lost")
        if isinstance(reason, OSError) and times < MOST_READS:
            return
        if not isinstance(reason, errors.KilledWorker | errors.CancelledError):
            raise reason
        if times >= MOST_LOSSES:
            raise ClusterError(
                f"part {part} of the data was begun {times} times and lost each time ({reason}); "
                f"it may be larger than a worker's memory: divide the data into smaller parts; or "
                f"it cannot be made again, as scattered data cannot: read it on the workers"
            ) from reason

    def _forget(self, part: int, future: Any) -> None:
        """Let go of what has failed, so that it can be made again."""
        future.release()
        if self._kept is not None and self._kept[part].status not in ("pending", "finished"):
            self._kept[part].release()
            self._kept[part] = None
        # What is let go of is told after what is sent meanwhile, unless the client has its turn.
        self._client.sync(asyncio.sleep, 0)
        failed = [each for each in self._held if each.status == "error"]
        if failed:
            # The caller's cannot be let go of; some that they are made of are nobody's.
            with suppress(KeyError):
                self._client.retry(failed)

    def _await_scheduler(self) -> None:
        """Wait for a scheduler that has been lost to be back; raises `ClusterError`."""
        patience, began = _patience(), time.monotonic()
        n_workers = None
        while time.monotonic() - began <= patience and self._client.status != "closed":
            n_workers = self._client.sync(self._n_workers)
            if n_workers:
                return
            time.sleep(min(BEAT, patience) / 10)
        raise _lost(n_workers, time.monotonic() - began)


def _patience() -> float:
    seconds: float = dask().utils.parse_timedelta(dask().config.get("emix.patience", PATIENCE))
    return seconds


def _lost(n_workers: int | None, seconds: float) -> ClusterError:
    what = "its scheduler has not answered" if n_workers is None else "it has had no worker"
    return ClusterError(f"the Dask cluster is lost: {what} for {seconds:.0f} s")
