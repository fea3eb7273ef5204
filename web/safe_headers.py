"""What every answer of web and receiver says to browsers: no guessing of types, and no way back to plain HTTP."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from settings import settings

# A year. Of this name alone: what else the provider has below it is not ours to say.
HSTS = "max-age=31536000"


def safe_headers() -> dict[str, str]:
    by_https = settings().public_url.startswith("https://")
    return {"X-Content-Type-Options": "nosniff"} | ({"Strict-Transport-Security": HSTS} if by_https else {})


class SafeHeaders:
    """Around everything else, so that an unexpected error's answer has them, too. Nothing inside says them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in safe_headers().items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers]}
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)
