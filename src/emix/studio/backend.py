"""The one place that imports Starlette and uvicorn, when the studio is opened."""

from __future__ import annotations

from emix.errors import MissingExtraError

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import (
        FileResponse,
        JSONResponse,
        PlainTextResponse,
        RedirectResponse,
        Response,
        StreamingResponse,
    )
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
except ImportError as reason:
    raise MissingExtraError("Starlette and uvicorn", "studio", "the studio") from reason

__all__ = [
    "ASGIApp",
    "ClientDisconnect",
    "FileResponse",
    "JSONResponse",
    "Message",
    "Mount",
    "PlainTextResponse",
    "Receive",
    "RedirectResponse",
    "Request",
    "Response",
    "Route",
    "Scope",
    "Send",
    "Starlette",
    "StaticFiles",
    "StreamingResponse",
    "run_in_threadpool",
    "uvicorn",
]
