"""Searches, choices and certificates are those of the library."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import emix
from emix.studio import jobs
from emix.studio.opening import Opened
from emix.studio.session import Session


@pytest.fixture
def column() -> Any:
    return emix.datasets.load("faithful")["waiting"]


def test_a_search_is_a_fit_with_its_optima(waiting: Any) -> None:
    waiting.ask("configure", k=3, covariance="E")
    _, last = waiting.job("search")
    column = emix.datasets.load("faithful")["waiting"]
    fit = emix.fit(column, 3, covariance="E")
    plain = last["done"]["fit"]
    assert (plain["loglik"], plain["bic"], plain["df"]) == (fit.loglik, fit.bic, fit.df)
    assert [each["loglik"] for each in plain["optima"]] == [o.loglik for o in fit.optima]
    assert [each["starts"] for each in plain["optima"]] == [o.starts for o in fit.optima]


def test_a_choice_is_that_of_select(waiting: Any, column: Any) -> None:
    told, last = waiting.job("select", most=3, every_structure=True)
    choice = emix.select(column, range(1, 4), covariances="all")
    assert [row["bic"] for row in last["done"]["table"]] == [row.bic for row in choice.table]
    assert last["done"]["best"] == {"covariance": choice.best.covariance, "k": choice.best.k}
    assert sum(row["best"] for row in last["done"]["table"]) == 1
    assert told and all(set(line) == {"progress"} for line in told)


def test_a_certificate_is_of_the_search(waiting: Any, column: Any) -> None:
    waiting.ask("configure", covariance="E")
    _, last = waiting.job("certify")
    faithful = emix.datasets.load("faithful")
    fit = emix.fit(faithful, 2, covariance="E", columns=["waiting"])
    expected = emix.certify(column, fit)
    assert last["done"]["gap"] == expected.gap
    assert last["done"]["report"] == expected.report()


def test_a_certificate_in_several_columns_is_refused_in_words(page: Any) -> None:
    page.open("faithful")
    page.ask("choose", columns=["eruptions", "waiting"])
    assert "one column" in page.job("certify")[1]["error"]


def test_kmeans_beside_the_mixture(waiting: Any, column: Any) -> None:
    waiting.act("iterate", count=500)
    plain = waiting.ask("kmeans")
    found = emix.fit(column, 2).compare_kmeans(column)
    assert plain["cuts"] == found.cuts.tolist()
    assert [row[0] for row in plain["centres"]] == found.centres.tolist()
    assert (plain["live"] and "4 of 272" in plain["words"]) or "points" in plain["words"]


def test_kmeans_keeps_the_components_own_numbers(waiting: Any) -> None:
    waiting.ask("place", means=[[85.0], [50.0]])
    assert waiting.ask("kmeans")["order"] == [1, 0]


def test_kmeans_in_several_columns(page: Any) -> None:
    page.open("iris")
    page.ask("choose", columns=["Petal_Length", "Petal_Width"])
    plain = page.ask("kmeans")
    assert len(plain["centres"]) == 2 and sum(plain["shares"]) == pytest.approx(1)


def test_a_job_is_stopped_by_whoever_listens() -> None:
    """What `tell` raises when the page hangs up ends a choice with the best so far."""
    session, calls = Session(Opened.bundled("iris")), []

    def tell(progress: Any) -> None:
        calls.append(progress)
        if len(calls) == 3:
            raise KeyboardInterrupt

    plain = jobs.select(session, tell, 4, True)
    assert not plain["complete"] and len(calls) == 3


def test_a_fit_of_columns_that_were_left_is_not_kept() -> None:
    session = Session(Opened.bundled("faithful"))

    def tell(_: Any) -> None:
        pass

    jobs.search(session, tell)
    kept = session.found
    session.choose(["waiting"])
    assert session.found is None
    assert kept is not None and not session.keep(kept)


def test_jobs_from_many_threads_warn_nobody(recwarn: pytest.WarningsRecorder) -> None:
    """Filters of warnings are the process's own: two searches must leave them as they were."""
    import warnings

    before = list(warnings.filters)
    session = Session(Opened.bundled("galaxies"))
    session.configure(k=3)
    threads = [threading.Thread(target=jobs.search, args=(session, lambda _: None))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before and not recwarn.list
