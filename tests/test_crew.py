"""Tasks shared out among threads: each after what it needs, each once, and an end to all."""

from __future__ import annotations

import threading
import time

import pytest

from emix.crew import share_out

WORKERS = [0, 1, 2, 5]


@pytest.mark.parametrize("workers", WORKERS)
def test_each_task_is_done_once_and_after_what_it_needs(workers):
    tasks = list(range(40))
    needs = {task: [task // 2, task // 3] if task else [] for task in tasks}
    done: list[int] = []

    def work(task: int) -> None:
        assert all(need in done for need in needs[task] if need != task)
        time.sleep(0.0005 * (task % 3))
        done.append(task)

    share_out(tasks, lambda task: [n for n in needs[task] if n != task], work, workers)
    assert sorted(done) == tasks


def test_tasks_run_at_the_same_time():
    both = threading.Barrier(2, timeout=20)
    share_out(["a", "b"], lambda _: (), lambda _: both.wait(), 2)


@pytest.mark.parametrize("workers", WORKERS)
def test_news_come_in_the_calling_thread_and_count(workers):
    here, news = threading.get_ident(), []

    def told(task: int, done: int) -> None:
        assert threading.get_ident() == here
        news.append((task, done))

    share_out(range(12), lambda _: (), lambda _: None, workers, told)
    assert sorted(task for task, _ in news) == list(range(12))
    assert [done for _, done in news] == list(range(1, 13))


@pytest.mark.parametrize("workers", WORKERS)
def test_what_a_task_raises_is_raised_and_ends_the_rest(workers):
    begun = []

    def work(task: int) -> None:
        begun.append(task)
        if task == 3:
            raise ValueError("three")
        time.sleep(0.001)

    with pytest.raises(ValueError, match="three"):
        share_out(range(500), lambda _: (), work, workers)
    assert len(begun) < 100


@pytest.mark.parametrize("workers", WORKERS)
def test_ctrl_c_ends_the_rest(workers):
    begun = []

    def work(task: int) -> None:
        begun.append(task)
        time.sleep(0.001)

    def told(task: int, done: int) -> None:
        if done >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        share_out(range(2000), lambda _: (), work, workers, told)
    assert len(begun) < 1000
    assert not any(t.name.endswith("(_serve)") and t.is_alive() for t in threading.enumerate())


def test_what_is_not_among_the_tasks_is_not_waited_for():
    done = []
    share_out([2, 3], lambda task: [task - 1], done.append, 2)
    assert done == [2, 3]


def test_nothing_to_do():
    share_out([], lambda _: (), lambda _: None, 4)
    share_out([], lambda _: (), lambda _: None, 0)
