"""The first page: what waits for a person, oldest first; and the search for whatever a person has in hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from engine.jobs.external_call import machine_time
from engine.operators.finding import FOUND_MAX, find
from engine.operators.waiting import waiting_for_a_person
from web.staff.pages import page, path_of, see
from web.staff.visit import COOKIE_PATH, Signed, transaction_for

router = APIRouter()


@router.get("/")
def show_waiting(visit: Signed) -> Response:
    """What nobody but a person moves."""
    with transaction_for(visit) as tx:
        waiting = waiting_for_a_person(tx.session, tx.provider.id)
        now = machine_time(tx.session)
        return page(
            tx,
            "waiting.html",
            waiting=[(one, path_of(one.shown) or f"{COOKIE_PATH}/", now - one.since) for one in waiting],
        )


@router.get("/search")
def search(visit: Signed, q: Annotated[str, Query(max_length=500)] = "") -> Response:
    """All that a number or a name may mean; the page itself where it means one thing."""
    text = q.replace("\0", "").strip()
    with transaction_for(visit) as tx:
        found = find(tx.session, tx.provider.id, text)
        paths = [path for row in found.rows if (path := path_of(row.id))]
        if len(paths) == 1:
            return see(paths[0].removeprefix(COOKIE_PATH))
        return page(tx, "search.html", query=text, found=found, most=FOUND_MAX)
