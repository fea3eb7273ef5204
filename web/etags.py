"""What was read before and has not changed is answered without its body: ETag and If-None-Match on JSON."""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class JsonETags:
    """For GETs of the API that succeed; documents bring an ETag of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        start: Message | None = None
        body = b""

        async def send_with_etag(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_json(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    for one in _tagged(start, body, known):
                        await send(one)

        await self._app(scope, receive, send_with_etag)


def _is_json(start: Message) -> bool:
    return start["status"] == 200 and Headers(raw=start["headers"]).get("content-type") == "application/json"


def _tagged(start: Message, body: bytes, known: str) -> tuple[Message, Message]:
    """The whole answer, or 304 for whoever has it. Weak: the same JSON may be sent compressed or not."""
    headers = MutableHeaders(raw=list(start["headers"]))
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers["ETag"] = f"W/{etag}"
    headers["Cache-Control"] = "private, no-cache"
    headers.add_vary_header("Authorization")
    if known.strip() == "*" or etag in known:
        for name in ("Content-Length", "Content-Type"):
            del headers[name]
        return {**start, "status": 304, "headers": headers.raw}, {"type": "http.response.body", "body": b""}
    return {**start, "headers": headers.raw}, {"type": "http.response.body", "body": body}
