"""Rows that the sweep has given up: operators see them, and enqueue them again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path

from engine.operators.dead_letters import dead_letters, retry_dead_letter
from tasks.story import enqueue
from web.api.auth import OpsKey, transaction_for
from web.api.bodies import DecisionBody

router = APIRouter(prefix="/v1/dead-letters", tags=["operators"])
RowId = Annotated[str, Path(max_length=64, pattern=r"^[a-z]{3}_[0-9a-z]+$")]


@router.get("")
def list_dead_letters(caller: OpsKey) -> dict[str, Any]:
    """Rows of every kind that wait for a person after their last attempt, with the last error."""
    with transaction_for(caller) as tx:
        return {"items": [asdict(letter) for letter in dead_letters(tx.session, tx.provider.id)]}


@router.post("/{row_id}/retry", status_code=202)
def retry_row(row_id: RowId, body: DecisionBody, caller: OpsKey) -> dict[str, Any]:
    """Enqueues one of them again, once what was in its way is mended; a refused payment as a new one."""
    with transaction_for(caller) as tx:
        enqueued = retry_dead_letter(tx.session, tx.now, row_id, body.attribution, tx.provider.id)
    enqueue(enqueued)
    return {"id": row_id, "enqueued": enqueued}
