"""Tasks of which some wait for others, shared out among threads.

The native kernel works without Python's lock, so that while one thread is in it another can be in
Python. What a task finds must depend on nothing but the tasks it waits for: then the number of
threads, and who is done first, change nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


def share_out(
    tasks: Sequence[T], needs: Callable[[T], Iterable[T]], work: Callable[[T], None],
    workers: int = 0, told: Callable[[T, int], None] | None = None,
) -> None:
    """Does `work` on each task, once what it needs of the other tasks is done.

    Tasks come in an order in which none needs a later one, and earlier ones are taken first. `told`
    hears, in the calling thread, of each task that is done and how many are. An exception, Ctrl-C
    included, lets each worker end the task it is at, and is raised. Without workers the calling
    thread does it all, and a task hears of Ctrl-C itself.
    """
    if workers == 0:
        for done, task in enumerate(tasks, start=1):
            work(task)
            if told is not None:
                told(task, done)
        return
    if tasks:
        _Crew(tasks, needs, work).run(min(workers, len(tasks)), told)


class _Crew(Generic[T]):
    """Threads, and what they know of each other's tasks; all of it under one lock."""

    def __init__(
        self, tasks: Sequence[T], needs: Callable[[T], Iterable[T]], work: Callable[[T], None]
    ) -> None:
        self.work, self.tasks = work, list(tasks)
        known = {task: number for number, task in enumerate(self.tasks)}
        self.waits = [{known[n] for n in needs(task) if n in known} for task in self.tasks]
        self.undone = list(range(len(self.tasks)))
        self.done: list[int] = []
        self.failure: BaseException | None = None
        self.is_over = False
        self.changed = threading.Condition()
        # For who waits for all of it, and need not wake for each.
        self.ended = threading.Event()

    def run(self, workers: int, told: Callable[[T, int], None] | None) -> None:
        threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            if told is None:
                self.ended.wait()
            else:
                self._watch(told)
        finally:
            with self.changed:
                self.is_over = True
                self.changed.notify_all()
            for thread in threads:
                thread.join()
        if self.failure is not None:
            raise self.failure

    def _watch(self, told: Callable[[T, int], None]) -> None:
        heard = 0
        while heard < len(self.tasks) and self.failure is None:
            with self.changed:
                while len(self.done) == heard and self.failure is None:
                    self.changed.wait()
                new = self.done[heard:]
            for number in new:
                heard += 1
                told(self.tasks[number], heard)

    def _serve(self) -> None:
        while True:
            number = self._next()
            if number is None:
                return
            try:
                self.work(self.tasks[number])
            except BaseException as failure:
                self._end(number, failure)
                return
            self._end(number, None)

    def _next(self) -> int | None:
        """The first task that waits for nothing; None when there will be no more."""
        with self.changed:
            while not self.is_over and self.undone:
                for number in self.undone:
                    if not self.waits[number]:
                        self.undone.remove(number)
                        return number
                self.changed.wait()
            return None

    def _end(self, number: int, failure: BaseException | None) -> None:
        with self.changed:
            if failure is not None:
                self.failure, self.is_over = failure, True
            else:
                self.done.append(number)
                for waits in self.waits:
                    waits.discard(number)
            self.changed.notify_all()
            if self.failure is not None or len(self.done) == len(self.tasks):
                self.ended.set()
