"""One decision of a staff member: who, why, and under the key of the form that was filled in, so that it happens once
however often somebody clicks. The engine's functions are those of the API's routes and of the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from pydantic import TypeAdapter, ValidationError

from engine.jobs.idempotency import KeyedRequest, earlier_answer, once
from models.audit import Attribution
from tasks.story import enqueue
from web.api.fields import Words
from web.staff.visit import SignedForm, StaffTransaction, StaffVisit, transaction_for

_WORDS: TypeAdapter[str] = TypeAdapter(Words)


class BadForm(Exception):
    """What was written into a form is not as it should be; says what to write."""


@dataclass(frozen=True, slots=True)
class StaffDecision:
    """`fields` are the form's own, without token, key and reason."""

    visit: StaffVisit
    attribution: Attribution
    request: KeyedRequest
    fields: dict[str, str]

    def once(self, act: Callable[[StaffTransaction, Attribution], list[str]]) -> None:
        """Does it in one transaction, and enqueues the rows that `act` returns; the second time only those."""
        with transaction_for(self.visit) as tx:
            answer, _ = once(tx.session, tx.provider.id, self.request, lambda: {"rows": act(tx, self.attribution)})
        for row_id in answer["rows"]:
            enqueue(row_id)

    def was_done(self) -> bool:
        """For what takes more than one transaction."""
        with transaction_for(self.visit) as tx:
            return earlier_answer(tx.session, tx.provider.id, self.request) is not None


async def _decision(request: Request, visit: SignedForm) -> StaffDecision:
    """Raises BadForm for one without a reason."""
    form = await request.form()
    fields = {name: value.replace("\r\n", "\n").strip() for name, value in form.items() if isinstance(value, str)}
    fields.pop("csrf", None)
    key, reason = fields.pop("key", ""), fields.get("reason", "")
    if not key or len(key) > 100:
        raise BadForm("This form has lost its key. Go back, reload the page, try again.")
    try:
        words = _WORDS.validate_python(reason)
    except ValidationError as error:
        what = error.errors()[0]["msg"] if reason else "it is empty"
        raise BadForm(f"Write why, in up to 500 characters: it is kept beside your name. ({what})") from error
    asked = KeyedRequest.of(f"staff:{key}", visit.actor, request.url.path, fields)
    del fields["reason"]
    return StaffDecision(visit, visit.because(words), asked, fields)


Decided = Annotated[StaffDecision, Depends(_decision)]
