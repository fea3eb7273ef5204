"""The host is told that a service has ended: at least once, with a generation that keeps older orders out.

The host answers a repeated key with its first answer, so nothing is read before the call is repeated. A definite no is
a person's matter: a dead letter, which is tried again when the host was put right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import EndingStatus
from engine.accounts.providers import connected_host
from engine.jobs.external_call import ExternalStep, retry_at, take_lease
from models.customer import lock_and_clock
from models.ending import lock_ending
from models.moves import move
from provisioners.protocol import EndOrder, Host, ProvisionerRefused, ProvisionerUnknown
from provisioners.registry import PROVISIONERS


@dataclass(frozen=True, slots=True)
class EndCall:
    """One order to the host."""

    ending_id: str
    fence: int
    provisioner: str
    host: Host
    order: EndOrder


@dataclass(frozen=True, slots=True)
class EndOutcome:
    """What went wrong, if anything; `refused` is a definite no."""

    error: str | None = None
    refused: bool = False


def begin_order(session: Session, now: datetime, ending_id: str) -> EndCall | EndingStatus:
    """The order to send; a provider whose host takes no orders has nobody to be told."""
    ending = lock_ending(session, ending_id)
    if ending.status != EndingStatus.ENDING:
        return EndingStatus(ending.status)
    connected = connected_host(session, ending.provider_id)
    if connected is None:
        move(session, ending, "confirm", EndingStatus.ENDED, now)
        return EndingStatus.ENDED
    fence = take_lease(ending)
    if fence is None:
        return EndingStatus.ENDING
    assert ending.generation is not None, "an ending is given its generation when the service ends"
    order = EndOrder(ending.service.ref, ending.generation, f"{ending.id}:end")
    return EndCall(ending.id, fence, *connected, order)


def perform_order(call: EndCall) -> EndOutcome:
    """One call, repeated within its time by the provisioner."""
    provisioner = PROVISIONERS[call.provisioner]
    try:
        provisioner.end(call.host, call.order)
    except ProvisionerUnknown as error:
        return EndOutcome(str(error))
    except ProvisionerRefused as error:
        return EndOutcome(str(error), refused=True)
    return EndOutcome()


def finish_order(session: Session, now: datetime, call: EndCall, outcome: EndOutcome) -> EndingStatus:
    """ending → ended, or tried again later; nothing, if somebody else has taken over."""
    ending = lock_ending(session, call.ending_id)
    if ending.status != EndingStatus.ENDING or ending.fence != call.fence:
        return EndingStatus(ending.status)
    ending.lease_until = None
    if outcome.error is None:
        move(session, ending, "confirm", EndingStatus.ENDED, now)
        return EndingStatus.ENDED
    ending.last_error = outcome.error
    if outcome.refused:
        ending.next_attempt_at = None
    else:
        # The lease is kept for the pause between two tries, so that an early message finds it taken.
        ending.lease_until = ending.next_attempt_at = retry_at(session, ending.attempts)
    session.flush()
    return EndingStatus.ENDING


order_host = ExternalStep(begin_order, perform_order, finish_order, EndCall, opens=lock_and_clock)
