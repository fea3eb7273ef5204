"""Rows that the sweep has given up: operators see them, and enqueue them again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path

from engine.operators.dead_letter_retry import retry_dead_letter as enqueue_again
from engine.operators.dead_letters import dead_letters
from planshift_client import shapes
from tasks.story import enqueue
from web.api.auth import ApiTransaction, OpsKey, transaction_for
from web.api.bodies import DecisionBody
from web.api.once import OneOperation

router = APIRouter(prefix="/v1/dead-letters", tags=["operators"])
RowId = Annotated[str, Path(max_length=64, pattern=r"^[a-z]{3}_[0-9a-z]+$", description="The row's id.")]


@router.get("")
def list_dead_letters(caller: OpsKey) -> shapes.AllOf[shapes.DeadLetter]:
    """Rows of every kind that wait for a person after their last attempt, with the last error."""
    with transaction_for(caller) as tx:
        letters = dead_letters(tx.session, tx.provider.id)
        return shapes.AllOf(items=[shapes.DeadLetter(**asdict(letter)) for letter in letters])


@router.post("/{row_id}/retry", status_code=202)
def retry_dead_letter(row_id: RowId, body: DecisionBody, operation: OneOperation) -> shapes.RetriedRow:
    """Enqueues one of them again, once what was in its way is mended; a refused payment as a new one."""

    def act(tx: ApiTransaction) -> shapes.RetriedRow:
        enqueued = enqueue_again(tx.session, tx.now, row_id, body.attribution, tx.provider.id)
        return shapes.RetriedRow(id=row_id, enqueued=enqueued)

    retried = operation.once(shapes.RetriedRow, act)
    enqueue(retried.enqueued)
    return retried
