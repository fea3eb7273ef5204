"""Plain HTTP to our own machine: past any proxy, and with patience, for all of a suite shares two cores."""

from __future__ import annotations

from functools import partial

import httpx

PATIENCE_SECONDS = 40

get = partial(httpx.get, trust_env=False, timeout=PATIENCE_SECONDS)
post = partial(httpx.post, trust_env=False, timeout=PATIENCE_SECONDS)
put = partial(httpx.put, trust_env=False, timeout=PATIENCE_SECONDS)
request = partial(httpx.request, trust_env=False, timeout=PATIENCE_SECONDS)
stream = partial(httpx.stream, trust_env=False, timeout=PATIENCE_SECONDS)
Client = partial(httpx.Client, trust_env=False, timeout=PATIENCE_SECONDS)
