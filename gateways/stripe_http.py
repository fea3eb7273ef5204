"""How Stripe's library makes its calls: as all others are made, with a deadline, a cap, and the connection's guard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from gateways.protocol import Account
from gateways.rest import answered
from outbound.http import HttpAnswer


class Http(stripe.HTTPClient):
    """For one call of the adapter; `answer` is what came last."""

    name = "planshift"

    def __init__(self, account: Account) -> None:
        super().__init__()
        self._account = account
        self.answer: HttpAnswer | None = None

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Raises GatewayError, GatewayRefused, which the library lets pass."""
        content = post_data.encode() if isinstance(post_data, str) else post_data or b""
        self.answer = answered("Stripe", self._account, method.upper(), url, headers or {}, content)
        return self.answer.text, self.answer.status, self.answer.headers

    def close(self) -> None:
        """Nothing stays open after a call."""
