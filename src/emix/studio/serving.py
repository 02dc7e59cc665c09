"""A port on this machine, the address to open, and an end with Ctrl-C that leaves nothing."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from emix.errors import ParameterError
from emix.studio.app import MOST_UPLOADED, application
from emix.studio.backend import uvicorn
from emix.studio.security import Gate

# Seconds that a request may still take once Ctrl-C was pressed.
GRACE = 1


def serve(
    source: str | None, port: int, told: Callable[[str], None], most_uploaded: int = MOST_UPLOADED
) -> None:
    """Serve the studio on 127.0.0.1 until Ctrl-C; `told` is called with the address, once it can be
    opened. Port 0 takes one that is free. Raises `ParameterError` for one that is taken."""
    with _listening(port) as listening, \
            tempfile.TemporaryDirectory(prefix="emix-studio-") as folder:
        app = application(Path(folder), source, most_uploaded)
        gate = Gate(app, listening.getsockname()[1])
        config = uvicorn.Config(
            gate, log_level="error", access_log=False, server_header=False, lifespan="off",
            ws="none", timeout_graceful_shutdown=GRACE, limit_concurrency=64,
        )
        told(gate.address)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            # uvicorn has shut down, and says once more what ended it.
            pass
        finally:
            app.state.studio.ending.set()


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
    except OSError as reason:
        listening.close()
        raise ParameterError(f"port {port} of 127.0.0.1 cannot be used: {reason.strerror}; leave "
                             f"--port out for one that is free") from None
    return listening
