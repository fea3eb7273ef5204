"""Following one plan change: read it, wait for it to move on, or have every move sent."""

from __future__ import annotations

import re
import time
from contextlib import AbstractContextManager
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Response

from domain.lifecycle import Status
from domain.next_steps import Phase, ends_canvas
from models.versions import versions_of
from planshift_client import shapes
from web.api.auth import AnyKeyOrToken, Caller, transaction_for
from web.api.changes import ChangeId, Expand, change_of
from web.api.streams import EventStream, Seen
from web.api.views import change_view
from web.api.watching import watch
from web.places import WAITING_OF_A_CUSTOMER_MAX, WAITING_OF_A_KEY_MAX, waiting_room

router = APIRouter(prefix="/v1/plan-changes", tags=["plan changes"])

LONGEST_WAIT_SECONDS = 30

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One event for each move: `id` is its number, `data` the plan change as JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "Everything was sent before, and nothing will follow: do not connect again."},
}


@router.get("/{change_id}")
async def get_plan_change(
    change_id: ChangeId,
    caller: AnyKeyOrToken,
    expand: Expand = None,
    prefer: Annotated[str | None, Header(max_length=100, description="`wait=20` waits up to 20 s.")] = None,
) -> shapes.PlanChange:
    """One plan change. `Prefer: wait=20` answers when it has moved on, or after that many seconds."""
    price = shapes.ExpandedPrice if expand else shapes.Price
    view, version = await run_sync(_read, caller, change_id, price)
    deadline = time.monotonic() + _seconds_to_wait(prefer)
    first = view.status
    if deadline <= time.monotonic() or not _may_move_soon(view, first):
        return view
    with _waiting(caller):
        while _may_move_soon(view, first) and await watch.moved_on(change_id, version, deadline - time.monotonic()):
            view, version = await run_sync(_read, caller, change_id, price)
    return view


@router.get("/{change_id}/events", response_class=Response, responses=_STREAM)
async def list_plan_change_events(
    change_id: ChangeId,
    caller: AnyKeyOrToken,
    last_event_id: Annotated[int, Header(description="The number of the last event that you have.")] = 0,
) -> Response:
    """Server-Sent Events: the plan change as it is, and again with every move. Ends when nothing will follow."""
    view, version = await run_sync(_read, caller, change_id, shapes.Price)
    if _is_over(view) and last_event_id == version:
        return Response(status_code=204)

    def read() -> Seen:
        view, version = _read(caller, change_id, shapes.Price)
        return Seen(version, view.model_dump_json(), _is_over(view))

    return EventStream(change_id, last_event_id, read, lambda: _waiting(caller))


def _waiting(caller: Caller) -> AbstractContextManager[None]:
    return waiting_room.of(caller.id, WAITING_OF_A_CUSTOMER_MAX if caller.customer_id else WAITING_OF_A_KEY_MAX)


def _read(caller: Caller, change_id: str, price: type[shapes.Price]) -> tuple[shapes.PlanChange, int]:
    """The change and its version. The version is read first: what moves in between is seen again, and never missed."""
    with transaction_for(caller) as tx:
        version = versions_of(tx.session, [change_id]).get(change_id, 0)
        return change_view(tx.session, change_of(tx, change_id), price), version


def _is_over(view: shapes.PlanChange) -> bool:
    return view.phase in (Phase.DONE, Phase.ENDED)


def _may_move_soon(view: shapes.PlanChange, first_status: str) -> bool:
    """Worth waiting for: our own steps, and, while nothing has moved yet, the customer's payment."""
    if view.phase == Phase.WAITING_FOR_US:
        return not ends_canvas(Status(view.status))
    return view.phase == Phase.WAITING_FOR_PAYMENT and view.status == first_status


def _seconds_to_wait(prefer: str | None) -> float:
    found = re.search(r"\bwait=(\d{1,4})\b", prefer or "")
    return min(int(found[1]), LONGEST_WAIT_SECONDS) if found else 0
