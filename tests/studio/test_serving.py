"""`emix studio` as a program: the address, the port, Ctrl-C, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import emix
from emix.cli import main
from emix.studio.serving import serve


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Any]:
    """Started for real, in a folder for temporary files that can be looked into."""
    here = str(Path(emix.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": here, "TMPDIR": str(tmp_path)}
    started = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "emix.cli", "studio", "teaching", "--no-open"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    started.address = started.stdout.readline().strip()  # type: ignore[attr-defined]
    yield started
    started.kill()
    started.communicate()


def test_ctrl_c_ends_it_and_leaves_nothing(running: Any, tmp_path: Path) -> None:
    assert running.address.startswith("http://127.0.0.1:")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(),
                                         urllib.request.ProxyHandler({}))
    page = opener.open(running.address, timeout=20).read().decode()
    assert "<title>emix studio</title>" in page
    folders = list(tmp_path.glob("emix-studio-*"))
    assert len(folders) == 1
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert running.returncode == 0 and out == ""
    assert "stopped" in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_it_listens_on_this_machine_alone(running: Any) -> None:
    port = int(running.address.split(":")[2].split("/")[0])
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/", timeout=20)
    listening = Path("/proc/net/tcp")
    if listening.exists():
        # Addresses there are hexadecimal, in the machine's own order; 0A is "listening".
        rows = [line.split() for line in listening.read_text().splitlines()[1:]]
        of_port = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
        assert of_port == [f"0100007F:{port:04X}"]


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(emix.ParameterError, match=f"port {port} of 127.0.0.1 cannot be used"):
            serve(None, port, lambda _: None)


def test_a_source_that_is_not_there_is_said_before_anything_is_served() -> None:
    result = CliRunner().invoke(main, ["studio", "faithfull"])
    assert result.exit_code == 3 and "did you mean faithful" in result.output


def test_without_the_extra_it_is_named() -> None:
    script = ("import sys; sys.modules['starlette'] = None; sys.modules['uvicorn'] = None; "
              "from emix.cli import main; main(['studio', 'teaching'])")
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                            check=False)
    assert result.returncode != 0
    assert "pip install 'emix[studio]'" in result.stderr and "Traceback" not in result.stderr


def test_emix_and_its_command_line_import_no_server() -> None:
    script = "import sys, emix, emix.cli; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True,
                            text=True).stdout.split()
    assert not {"starlette", "uvicorn", "emix.studio", "asyncio"} & set(loaded)
