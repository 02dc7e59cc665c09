"""Requests: what is opened, dropped, refused, kept and let go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import emix
from emix.studio.app import application
from emix.studio.registry import MOST_SESSIONS
from emix.studio.uploading import file_name


def test_every_bundled_data_set_opens_and_steps(page: Any) -> None:
    begin = page.client.get("/api/begin").json()
    assert [each["name"] for each in begin["datasets"]] == list(emix.datasets.names())
    for each in begin["datasets"]:
        opened = page.open(each["name"])
        assert [column["name"] for column in opened["columns"]] == each["columns"]
        assert page.act("iterate")["iteration"] == 1


def test_source_is_open_from_the_beginning(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "heights.csv"
    file.write_text("name,height\na,170\nb,180\nc,160\nd,190\n")
    with TestClient(application(folder, str(file))) as client:
        run = client.get("/api/begin").json()["run"]
    assert run["columns"] == [{"name": "name", "numbers": False},
                              {"name": "height", "numbers": True}]
    assert run["scene"]["names"] == ["height"]


def test_a_source_that_cannot_be_read_is_said_on_the_page(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("x\n1\noops\n3\n4\n")
    with TestClient(application(folder, str(file))) as client:
        begin = client.get("/api/begin").json()
    assert begin["run"] is None and len(begin["datasets"]) > 3
    assert begin["refused"].startswith(f"{file}:3:1: column 'x': 'oops' is not a number")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("content", "message"), [
    (b"waiting\n79\n54\nabc\n62\n", "bad.csv:4:1: column 'waiting': 'abc' is not a number"),
    (b"a,b\n1,2\n3\n", "bad.csv:3:2: expected 2 cells, found 1"),
    (b"a\n1\n\n2\n", "bad.csv:3:1: the line is blank"),
    (b"", "bad.csv:1:1: the file is empty"),
    (b"a,b\nx,y\nz,u\n", "bad.csv:2:1: column 'a': 'x' is not a number"),
    (b"a\n1\n\xff\n", "bad.csv:3:1: byte 0xff"),
    (b"PK\x03\x04zip", "bad.csv:1:1: this is an Excel workbook or a zip archive"),
])
def test_a_wrong_file_is_named_with_line_and_column(
    page: Any, folder: Path, content: bytes, message: str
) -> None:
    response = page.client.post("/api/upload", params={"name": "bad.csv"}, content=content)
    assert response.status_code == 422
    assert response.json()["error"].startswith(message)
    # Nothing of it is kept, and no path of this machine is told.
    assert list(folder.iterdir()) == [] and str(folder) not in response.text


def test_parquet_is_dropped_as_text_is(page: Any, folder: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    waiting = emix.datasets.load("faithful")["waiting"]
    file = folder.parent / "f.parquet"
    parquet.write_table(arrow.table({"who": ["x"] * 272, "waiting": waiting}), file)
    page.drop("f.parquet", file.read_bytes())
    assert page.run["scene"]["values"] == waiting.tolist()
    assert page.act("iterate", count=2)["iteration"] == 2
    response = page.client.post("/api/upload", params={"name": "g.parquet"}, content=b"PAR1")
    assert response.status_code == 422
    assert response.json()["error"].startswith("g.parquet: cannot be read as Parquet")


def test_a_wrong_cell_of_another_column_is_named_when_that_is_chosen(page: Any) -> None:
    page.drop("two.csv", b"a,b\n1,2\n3,x\n4,5\n5,6\n")
    before = page.run["state"]
    error = page.ask("choose", 422, columns=["b"])["error"]
    assert error.startswith("two.csv:3:2: column 'b': 'x' is not a number")
    assert page.act("reset")["mixture"] == before["mixture"]


def test_a_file_is_refused_at_the_limit(page: Any, folder: Path) -> None:
    content = b"x\n" + b"1\n" * (1 << 19)
    declared = page.client.post("/api/upload", params={"name": "large.csv"}, content=content)

    def pieces() -> Any:
        for _ in range(64):
            yield b"1\n" * (1 << 14)

    streamed = page.client.post("/api/upload", params={"name": "large.csv"}, content=pieces())
    for response in (declared, streamed):
        assert response.status_code == 413
        assert response.json()["error"].startswith("large.csv is larger than the studio takes")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("given", "kept"), [
    ("a.csv", "a.csv"), ("../../etc/passwd", "passwd"), ("C:\\data\\b.csv", "b.csv"),
    ("..", "data.csv"), ("", "data.csv"), ("a\x00\n.csv", "a.csv"), ("x" * 300, "x" * 100),
])
def test_names_of_files_are_names_alone(given: str, kept: str) -> None:
    assert file_name(given) == kept


def test_what_is_written_stays_in_the_folder(page: Any, folder: Path) -> None:
    page.drop("../../../escape.csv", b"x\n1\n2\n4\n")
    page.file("model.json")
    written = sorted(p.name for p in folder.rglob("*") if p.is_file())
    assert written == ["escape.csv", "sent-model.json"]
    assert not any(folder.parent.glob("escape.csv"))


def test_runs_are_few_and_the_oldest_goes(page: Any, folder: Path) -> None:
    page.drop("first.csv", b"x\n1\n2\n4\n")
    first = page.run["id"]
    for _ in range(MOST_SESSIONS):
        page.open("teaching")
    gone = page.client.post(f"/api/{first}/act", json={"act": "expect"})
    assert gone.status_code == 404 and "no longer kept" in gone.json()["error"]
    assert not (folder / first).exists()


@pytest.mark.parametrize(("path", "content"), [
    ("act", b"{"), ("act", b"[]"), ("act", b"{}"), ("act", b'{"act": "fly"}'),
    ("act", b'{"act": "iterate", "count": "many"}'), ("under", b'{"place": []}'),
    ("under", b'{"place": [1e999]}'), ("place", b'{"means": [[null]]}'),
    ("place", b'{"means": "here"}'), ("choose", b'{"columns": ["nothing"]}'),
    ("choose", b'{"columns": []}'), ("configure", b'{"k": 0}'), ("configure", b'{"colour": 1}'),
    ("configure", b'{"covariance": "XYZ"}'), ("configure", b'{"kind": "lucky"}'),
    ("hold", b"{}"), ("look", b'{"optimum": 0}'), ("act", b"[" * 100_000),
    ("act", b" " * ((1 << 20) + 1)),
])
def test_requests_without_sense_get_a_message(waiting: Any, path: str, content: bytes) -> None:
    response = waiting.client.post(f"/api/{waiting.run['id']}/{path}", content=content)
    assert 400 <= response.status_code < 500
    assert len(response.json()["error"]) > 10
    assert waiting.act("iterate")["iteration"] == 1


def test_the_page_is_served_and_nothing_beside_it(page: Any) -> None:
    assert "<title>emix studio</title>" in page.client.get("/").text
    for path in ("/main.js", "/style.css", "/views/picture.js", "/icon.svg"):
        assert page.client.get(path).status_code == 200
    for path in ("/../app.py", "/%2e%2e/app.py", "/views/../../app.py", "/nothing"):
        assert page.client.get(path).status_code == 404
