"""A studio without a browser: its application, asked as its own page asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the studio needs the extra `studio`")
pytest.importorskip("httpx2", reason="Starlette's test client needs httpx2")

from starlette.testclient import TestClient

from emix.studio.app import application


class Page:
    """What the page does: opens data, asks for changes of its run, keeps what came last."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.run: dict[str, Any] = {}

    def open(self, name: str) -> dict[str, Any]:
        return self._opened(self.client.post("/api/data", json={"name": name}))

    def drop(self, name: str, content: bytes) -> dict[str, Any]:
        return self._opened(self.client.post("/api/upload", params={"name": name},
                                             content=content))

    def _opened(self, response: Any) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        self.run = response.json()
        return self.run

    def ask(self, path: str, status: int = 200, **asked: Any) -> Any:
        response = self.client.post(f"/api/{self.run['id']}/{path}", json=asked)
        assert response.status_code == status, response.text
        return response.json()

    def act(self, act: str, **asked: Any) -> Any:
        return self.ask("act", act=act, **asked)["state"]

    def job(self, path: str, **asked: Any) -> tuple[list[Any], Any]:
        """What was told on the way, and the last line."""
        text = self.client.post(f"/api/{self.run['id']}/{path}", json=asked).text
        *told, last = map(json.loads, text.splitlines())
        return told, last

    def file(self, name: str) -> str:
        return self.client.get(f"/api/{self.run['id']}/file/{name}").text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "studio"
    made.mkdir()
    return made


@pytest.fixture
def page(folder: Path) -> Iterator[Page]:
    with TestClient(application(folder, None, 1 << 20)) as client:
        yield Page(client)


@pytest.fixture
def waiting(page: Page) -> Page:
    """On the waiting times of Old Faithful."""
    page.open("faithful")
    page.run |= page.ask("choose", columns=["waiting"])
    return page
