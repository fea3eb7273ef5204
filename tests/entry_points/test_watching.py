"""Many wait for plan changes to move, and the database is asked as often as if one did."""

from __future__ import annotations

import asyncio

from anyio.to_thread import run_sync

from domain.money import Money
from local.stack import Stack
from models.database import transaction
from models.versions import versions_of
from tests.support.cost import Cost, Meter
from tests.support.play import Play
from web.api.watching import LOOK_EVERY_SECONDS, Watch

WAITING = 50
SECONDS = 0.5


def test_all_who_wait_share_one_look(servers: Stack) -> None:
    paid, unpaid = Play.of(servers), Play.of(servers)
    ids = [paid.until_awaiting_payment("start"), unpaid.until_awaiting_payment("start")]
    with transaction() as session:
        versions = versions_of(session, ids)

    async def wait() -> tuple[list[bool], Cost, list[bool]]:
        watch = Watch()
        with Meter().counting() as cost:
            nothing = [watch.moved_on(change_id, versions[change_id], SECONDS) for change_id in ids * WAITING]
            still = await asyncio.gather(*nothing)
        asked = [asyncio.create_task(watch.moved_on(ids[0], versions[ids[0]], 30)) for _ in range(WAITING)]
        await run_sync(_pay, paid, ids[0])
        return still, cost, await asyncio.gather(*asked)

    still, cost, moved = asyncio.run(wait())
    assert not any(still)
    assert 1 <= cost.statements <= SECONDS / LOOK_EVERY_SECONDS + 1, cost.told()
    assert moved == [True] * WAITING


def _pay(play: Play, change_id: str) -> None:
    play.process(play.report(play.attempts(change_id)[-1].id, Money(373, "JPY")))
