"""A selection needs no native kernel; what it costs without is why the others are skipped there."""

import emix


def test_two_structures_and_two_numbers_of_components() -> None:
    waiting = emix.datasets.load("faithful")["waiting"]
    choice = emix.select(waiting, [1, 2], covariances=["E", "V"])
    assert (choice.best.k, choice.best.covariance) == (2, "E")
    assert all(row.failure is None for row in choice.table)


def test_two_columns() -> None:
    choice = emix.select(emix.datasets.load("faithful"), [1, 2], covariances=["EEE"])
    assert choice.best.k == 2
    assert abs(choice.best.loglik + 1140.18676) < 1e-4
