"""Requests and answers as JSON, within bounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from emix.errors import EmixError
from emix.studio.backend import JSONResponse, Request, Response
from emix.studio.registry import Kept, Refusal
from emix.wholefile import finite

# Bytes of a request that is no upload.
MOST_ASKED = 1 << 20


async def asked_of(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_ASKED:
            raise Refusal("a request this large is no request of the studio's page", 413)
    try:
        asked = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise Refusal("a request must be one JSON object", 400)
    return asked


def as_json(plain: dict[str, Any]) -> Response:
    return JSONResponse(finite(plain))


def sensible(answer: Callable[[Kept, dict[str, Any]], Any], kept: Kept, asked: Any) -> Any:
    """What is answered; raises `Refusal` for a request that lacks something or makes no sense."""
    try:
        return answer(kept, asked)
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        if isinstance(reason, EmixError):
            raise
        raise Refusal(f"a request that makes no sense: {reason!r}", 400) from None
