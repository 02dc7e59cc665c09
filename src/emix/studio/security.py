"""Who is let in: this machine's own browser, with the address that was printed, and nobody else.

A page from elsewhere that the same browser shows can send requests here too. It is kept out three
times over: by the Host that it must name (a foreign name that resolves to 127.0.0.1 is refused),
by the Origin that browsers add, and by a cookie that they do not send along from another site.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs, urlencode

from emix.studio.backend import (
    ASGIApp,
    Message,
    PlainTextResponse,
    Receive,
    RedirectResponse,
    Response,
    Scope,
    Send,
)

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
SAFE_METHODS = frozenset(("GET", "HEAD"))


class Gate:
    """What stands before the application: checks each request, and dresses each response."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self.app, self.port = app, port
        self.hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))
        # Cookies do not know of ports: two studios must not overwrite each other's.
        self.cookie = f"emix-studio-{port}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._secret = secrets.token_urlsafe(32)

    @property
    def address(self) -> str:
        """Where the studio is, with the token that opens it once."""
        assert self._token is not None
        return f"http://127.0.0.1:{self.port}/?{urlencode({'token': self._token})}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        answer = self._answer(scope) if scope["type"] == "http" else _refused("only HTTP is spoken")
        await (self.app if answer is None else answer)(scope, receive, dressed)

    def _answer(self, scope: Scope) -> Response | None:
        """A refusal, or the cookie for the token, or None for a request that may pass."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return _refused(f"this is 127.0.0.1:{self.port}, not the host that was asked for", 421)
        origins = headers.get("origin", [])
        if origins and origins != [f"http://{hosts[0]}"]:
            return _refused("requests from other pages are refused")
        if not origins and scope["method"] not in SAFE_METHODS:
            return _refused("a request that changes something must say where it comes from")
        if self._has_cookie(headers.get("cookie", [])):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and self._spend(given):
            response = RedirectResponse("/", 303)
            response.set_cookie(self.cookie, self._secret, httponly=True, samesite="strict")
            return response
        return _refused("open the address that `emix studio` printed; it works once, in one "
                        "browser. Stop the studio with Ctrl-C and start it again for a new one")

    def _has_cookie(self, lines: list[str]) -> bool:
        pairs = (pair.strip().partition("=") for line in lines for pair in line.split(";"))
        return any(name == self.cookie and _same(value, self._secret) for name, _, value in pairs)

    def _spend(self, given: str) -> bool:
        if self._token is None or not _same(given, self._token):
            return False
        self._token = None
        return True


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(), secret.encode())


def _refused(why: str, status: int = 403) -> Response:
    return PlainTextResponse(f"emix studio: {why}\n", status)
