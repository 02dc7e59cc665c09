"""Who is let in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from emix.studio.app import application
from emix.studio.security import Gate

HOST = "http://127.0.0.1:8765"


@pytest.fixture
def gate(folder: Path) -> Gate:
    return Gate(application(folder), 8765)


@pytest.fixture
def stranger(gate: Gate) -> Iterator[TestClient]:
    with TestClient(gate, base_url=HOST, follow_redirects=False) as client:
        yield client


def token(gate: Gate) -> str:
    return parse_qs(urlsplit(gate.address).query)["token"][0]


def enter(gate: Gate, client: TestClient) -> Any:
    return client.get("/", params={"token": token(gate)})


def test_without_the_token_nothing_is_told(stranger: TestClient) -> None:
    for path in ("/", "/main.js", "/api/begin", "/?token=guess", "/?token="):
        response = stranger.get(path)
        assert response.status_code == 403 and "emix studio" in response.text
    posted = stranger.post("/api/data", json={"name": "iris"}, headers={"origin": HOST})
    assert posted.status_code == 403


def test_the_token_opens_once_and_leaves_a_strict_cookie(
    gate: Gate, stranger: TestClient
) -> None:
    address = gate.address
    response = stranger.get(address)
    assert response.status_code == 303 and response.headers["location"] == "/"
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "8765" in cookie
    assert token_is_absent(response, address)
    assert stranger.get("/").status_code == 200
    stranger.cookies.clear()
    assert stranger.get(address).status_code == 403


def token_is_absent(response: Any, address: str) -> bool:
    return parse_qs(urlsplit(address).query)["token"][0] not in str(response.headers)


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8765.evil.example",
    "[::1]:8765", "0.0.0.0:8765", "",
])
def test_a_foreign_host_is_refused_even_with_the_cookie(
    gate: Gate, stranger: TestClient, host: str
) -> None:
    enter(gate, stranger)
    assert stranger.get("/api/begin").status_code == 200
    assert stranger.get("/api/begin", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", [
    "http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1:9999",
    "http://127.0.0.1:8765.evil.example", "http://localhost:8765",
])
def test_a_foreign_origin_is_refused_even_with_the_cookie(
    gate: Gate, stranger: TestClient, origin: str
) -> None:
    enter(gate, stranger)
    asked = {"json": {"name": "teaching"}, "headers": {"origin": origin}}
    assert stranger.post("/api/data", **asked).status_code == 403
    assert stranger.get("/api/begin", headers={"origin": origin}).status_code == 403


def test_a_change_must_say_where_it_comes_from(gate: Gate, stranger: TestClient) -> None:
    enter(gate, stranger)
    assert stranger.post("/api/data", json={"name": "teaching"}).status_code == 403
    own = stranger.post("/api/data", json={"name": "teaching"}, headers={"origin": HOST})
    assert own.status_code == 200


def test_a_wrong_or_foreign_cookie_is_none(gate: Gate, stranger: TestClient) -> None:
    for value in ("", "guess", "é"):
        headers = [(b"cookie", f"{gate.cookie}={value}".encode())]
        assert stranger.get("/api/begin", headers=headers).status_code == 403
    other = Gate(gate.app, 8765)
    assert enter(other, TestClient(other, base_url=HOST)).status_code in (200, 303)
    assert stranger.get("/api/begin").status_code == 403


def test_every_answer_forbids_what_the_page_does_not_need(
    gate: Gate, stranger: TestClient
) -> None:
    refused = stranger.get("/")
    enter(gate, stranger)
    for response in (refused, stranger.get("/"), stranger.get("/api/begin"),
                     stranger.get("/nothing")):
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
