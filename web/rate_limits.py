"""Rate limits of the API: per key, per customer's token, and per address for whoever has neither."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict

from prometheus_client import Counter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from settings import Settings
from web.addresses import address_of
from web.api.problems import PROBLEMS, problem
from web.api.tokens import PREFIX
from web.counters import Count, Counters, Policy
from web.places import Places, TooMany

WINDOW_SECONDS = 10
WRONG_KEYS_WINDOW_SECONDS = 60
# A credential that was good before is known by its digest; what is forgotten is counted with its address once more.
_KNOWN_MAX = 10_000

LIMITED = Counter("planshift_rate_limited_total", "Requests of the API that were refused for their number", ["code"])
WRONG_KEYS = Counter("planshift_wrong_keys_total", "Requests of the API with a key or token that is not known")

log = logging.getLogger(__name__)


class RateLimits:
    """Every answer of the API says how much is left; what is too much is 429 before it costs anything.

    A key or token that this process has seen to be good is counted by itself. Everything else is counted with its
    address: who guesses keys never gets a count of their own for each guess.
    """

    def __init__(self, app: ASGIApp, own: Settings) -> None:
        self._app = app
        self._counters = Counters(own.shared_counters_url)
        self._places = Places()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._key = Policy("key", own.rate_key_max, WINDOW_SECONDS)
        self._token = Policy("token", own.rate_token_max, WINDOW_SECONDS)
        self._address = Policy("address", own.rate_address_max, WINDOW_SECONDS)
        self._wrong = Policy("wrong-keys", own.wrong_keys_max, WRONG_KEYS_WINDOW_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_counted(scope):
            await self._app(scope, receive, send)
            if scope["type"] == "lifespan":  # which is over with the process
                await self._counters.close()
            return
        credential = Headers(scope=scope).get("authorization", "").partition(" ")[2]
        digest, address = hashlib.sha256(credential.encode()).hexdigest()[:32], address_of(scope)
        known = digest in self._known
        policy = (self._token if credential.startswith(PREFIX) else self._key) if known else self._address
        who = digest if known else address
        count = await self._counters.hit(policy, who)
        counted = _with_headers(send, count)
        shows_one = not known and (credential or not scope["path"].startswith("/v1/"))
        wrong = await self._counters.hit(self._wrong, address, 0) if shows_one else None
        if count.over:
            await _refusal("rate_limited", count)(scope, receive, counted)
        elif wrong is not None and wrong.used >= self._wrong.quota:
            await _refusal("too_many_wrong_keys", wrong)(scope, receive, counted)
        else:
            await self._do(scope, receive, counted, who)
            await self._learn(scope, digest if credential else None, address)

    async def _do(self, scope: Scope, receive: Receive, send: Send, who: str) -> None:
        try:
            async with self._places.of(who):
                await self._app(scope, receive, send)
        except TooMany as error:
            LIMITED.labels("too_many_at_once").inc()
            answer = problem(429, "too_many_at_once", str(error), {"Retry-After": "1"})
            await answer(scope, receive, send)

    async def _learn(self, scope: Scope, digest: str | None, address: str) -> None:
        """From what web/api/auth.py or web/staff/entering.py found."""
        good: bool | None = scope.get("state", {}).get("credential_is_good")
        if good and digest is not None:
            self._known[digest] = None
            self._known.move_to_end(digest)
            if len(self._known) > _KNOWN_MAX:
                self._known.popitem(last=False)
        elif good is False:
            self._known.pop(digest or "", None)
            WRONG_KEYS.inc()
            wrong = await self._counters.hit(self._wrong, address)
            if wrong.used == self._wrong.quota:
                log.warning("%s has sent %s wrong keys in a minute: no more are looked at in it", address, wrong.used)


def _is_counted(scope: Scope) -> bool:
    """The API, and the form by which an operators' key opens the staff pages."""
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    return path.startswith("/v1/") or (path == "/staff/sign-in" and scope["method"] == "POST")


def _refusal(code: str, count: Count) -> Response:
    LIMITED.labels(code).inc()
    detail = f"{PROBLEMS[code][1]} Send the next one in {count.reset} s."
    more = {"violated-policies": [count.policy.name]}
    return problem(429, code, detail, {"Retry-After": str(count.reset)}, **more)


def _with_headers(send: Send, count: Count) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            headers["RateLimit-Policy"] = count.policy.header
            headers["RateLimit"] = count.header
            message = {**message, "headers": headers.raw}
        await send(message)

    return send_with_headers
