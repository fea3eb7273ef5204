"""Dead letters over HTTP: a provider's operators see their own, and retry them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from sqlalchemy import update

from engine.accounts.access import create_key
from local.stack import Stack
from models.database import transaction
from models.plan_change import PlanChange
from tests.support.play import Play
from web.app import create_api

ANA = {"actor": "ana", "reason": "mended"}


def key_of(play: Play, scope: str = "ops") -> dict[str, str]:
    with transaction() as session:
        return {"Authorization": f"Bearer {create_key(session, play.provider(session), [scope])[1]}"}


def call(method: str, path: str, headers: dict[str, str], body: dict[str, str] | None = None) -> httpx.Response:
    async def send() -> httpx.Response:
        app: Any = create_api()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            return await client.request(method, path, headers=headers, json=body)

    return asyncio.run(send())


def test_operators_see_a_dead_letter_and_retry_it(servers: Stack) -> None:
    play, other = Play.of(servers), Play.of(servers)
    change_id = play.request("start")
    with transaction() as session:
        given_up = {"next_attempt_at": None, "attempts": 150, "last_error": "RuntimeError: a bug of ours"}
        session.execute(update(PlanChange).where(PlanChange.id == change_id).values(given_up))
    letters, retry = "/v1/dead-letters", f"/v1/dead-letters/{change_id}/retry"

    assert call("GET", letters, key_of(play, "frontend")).status_code == 403
    assert call("GET", letters, key_of(other)).json() == {"items": []}
    [letter] = call("GET", letters, key_of(play)).json()["items"]
    assert letter == {
        "id": change_id,
        "kind": "change",
        "provider": play.slug,
        "what": f"requested: {play.slug}: basic → start (monthly)",
        "attempts": 150,
        "error": "RuntimeError: a bug of ours",
        "customer": None,
    }
    assert call("POST", retry, key_of(other), ANA).json()["code"] == "not_a_dead_letter"
    assert call("POST", retry, key_of(play), {"actor": "ana", "reason": " "}).status_code == 422
    assert call("POST", retry, key_of(play), ANA).status_code == 202
    change = play.change(change_id)
    assert (change.attempts, change.last_error, change.next_attempt_at is not None) == (0, None, True)
    assert call("POST", retry, key_of(play), ANA).status_code == 409
