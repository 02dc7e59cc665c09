"""What lasts is told of as it comes, and stopped when nobody listens any more."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from emix.studio import jobs
from emix.studio.app import application
from emix.studio.backend import uvicorn


class Endless:
    """A search that goes on until it is told to stop."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def __call__(self, session: Any, tell: Any) -> dict[str, Any]:
        try:
            for step in range(6000):
                tell({"words": f"step {step}"})
                time.sleep(0.01)
        except KeyboardInterrupt:
            self.stopped.set()
            raise
        return {}


def test_a_job_ends_when_the_page_hangs_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Endless()
    monkeypatch.setattr(jobs, "search", endless)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        base = f"http://127.0.0.1:{listening.getsockname()[1]}/api/"
        server = uvicorn.Server(uvicorn.Config(application(folder), log_level="error",
                                               lifespan="off", ws="none"))
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        serving.start()
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            run = json.load(opener.open(base + "data", b'{"name": "teaching"}', timeout=20))["id"]
            answer = opener.open(f"{base}{run}/search", b"{}", timeout=20)
            assert json.loads(answer.readline()) == {"progress": {"words": "step 0"}}
            assert not endless.stopped.is_set()
            answer.close()
            assert endless.stopped.wait(10)
        finally:
            server.should_exit = True
            serving.join()


def test_what_a_job_is_refused_for_is_its_last_line(waiting: Any) -> None:
    told, last = waiting.job("select", most=0, every_structure=False)
    assert told == [] and "ks" in last["error"]
    assert "makes no sense" in waiting.job("select", most="many", every_structure=True)[1]["error"]
