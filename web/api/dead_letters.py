"""What was rung for in vain and given up: operators see it, and ring again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path

from engine.operators.dead_letters import dead_letters, ring_again
from tasks.story import ring_for
from web.api.auth import OpsKey, opened
from web.api.bodies import DecisionBody

router = APIRouter(prefix="/v1/dead-letters", tags=["operators"])
RowId = Annotated[str, Path(max_length=64, pattern=r"^[a-z]{3}_[0-9a-z]+$")]


@router.get("")
def list_dead_letters(who: OpsKey) -> dict[str, Any]:
    """Rows of every kind that wait for a person after their last ring, with the last error."""
    with opened(who) as door:
        return {"items": [asdict(letter) for letter in dead_letters(door.session, door.provider.id)]}


@router.post("/{row_id}/ring", status_code=202)
def ring_dead_letter(row_id: RowId, body: DecisionBody, who: OpsKey) -> dict[str, Any]:
    """Rings for one of them again, once what was in its way is mended."""
    with opened(who) as door:
        ring_again(door.session, door.now, row_id, (body.who, body.why), door.provider.id)
    ring_for(row_id)
    return {"id": row_id}
