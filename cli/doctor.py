"""planshift doctor: whether this installation is fit for money, in sentences that say what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from cli.output import AsJson, print_json

# Signatures and leases tolerate more; a clock this far off is a machine without time synchronisation.
SKEW_MAX_SECONDS = 2.0
AUDIT_AGE_MAX = timedelta(hours=26)
DEEP_QUEUE = 1_000
ENTRY_SILENT_MAX_SECONDS = 60
_ASKED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`grade`: ok, warning (works, but look at it) or bad (money is at risk, or nothing moves)."""

    grade: str
    about: str
    sentence: str


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift doctor --json")(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Look at settings, database, broker, clocks, connections, queues and beat. Exit code 1 if something is bad."""
    diagnoses = [diagnosis for check in CHECKS for diagnosis in _safely(check)]
    if as_json:
        print_json([asdict(diagnosis) for diagnosis in diagnoses])
    else:
        for one in diagnoses:
            typer.echo(f"{one.grade:<8} {one.about:<12} {one.sentence}")
    if any(one.grade == "bad" for one in diagnoses):
        raise typer.Exit(1)


def _safely(check: Callable[[], Iterator[Diagnosis]]) -> Iterator[Diagnosis]:
    """A check that fails is a diagnosis too: a doctor does not stop at the first ill organ."""
    try:
        yield from check()
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        yield Diagnosis("bad", check.__name__, f"Could not be looked at: {first_line}")


def database() -> Iterator[Diagnosis]:
    from sqlalchemy import text

    from engine.jobs.external_call import machine_time
    from models.database import transaction
    from models.roles import append_only_tables
    from models.schema_version import version_of, wanted_version

    with transaction() as session:
        there = version_of(session)
        skew = abs((datetime.now(UTC) - machine_time(session)).total_seconds())
        history = append_only_tables(session) if there else []
        rights = [t for t in history if session.scalar(text("SELECT has_table_privilege(:t, 'UPDATE')"), {"t": t})]
        durable = {name: session.scalar(text(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")}
    here = wanted_version()
    if there == here:
        yield Diagnosis("ok", "database", f"The schema is at version {here}.")
    else:
        yield Diagnosis("bad", "database", f"The schema is at {there}, the code at {here}. Run `planshift migrate`.")
    if rights:
        sentence = f"This role may rewrite {len(rights)} tables of history. Use one of `migrate --application-role`."
        yield Diagnosis("warning", "database", sentence)
    for name, value in durable.items():
        if value == "off":
            yield Diagnosis("bad", "database", f"{name} is off: a power loss may lose settled money. Switch it on.")
    grade = "ok" if skew < SKEW_MAX_SECONDS else "bad"
    advice = "" if grade == "ok" else " Synchronise this machine's clock (NTP)."
    yield Diagnosis(grade, "clock", f"This machine and the database differ by {skew:.1f} s.{advice}")


def broker() -> Iterator[Diagnosis]:
    from settings import is_rabbitmq, settings
    from worker.app import QUEUES
    from worker.depth import depths

    started = time.monotonic()
    waiting = {queue: depth.count for queue, depth in depths(list(QUEUES)).items()}
    yield Diagnosis("ok", "broker", f"It answers in {(time.monotonic() - started) * 1000:.0f} ms.")
    if not is_rabbitmq(settings().require_broker_url()):
        yield from _redis()
    elif settings().counters_url is None:
        sentence = "PLANSHIFT_COUNTERS_URL is not set: each process has rate limits and pauses of its own."
        yield Diagnosis("warning", "counters", sentence)
    deep = {queue: count for queue, count in waiting.items() if count > DEEP_QUEUE}
    if deep:
        yield Diagnosis("warning", "queues", f"Many messages wait: {deep}. Start more workers for these queues.")
    else:
        yield Diagnosis("ok", "queues", f"{sum(waiting.values())} messages wait.")


def _redis() -> Iterator[Diagnosis]:
    """Whether it keeps what it is given, and whether `planshift entry` lives."""
    from settings import settings
    from worker.broker import ANSWER_SECONDS, redis_client
    from worker.entry import last_sign

    waits = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
    with redis_client(settings().require_broker_url(), **waits) as client:
        info: dict[str, Any] = client.info()
        sign = last_sign(client)
    if info.get("maxmemory_policy") != "noeviction":
        sentence = f"maxmemory-policy is {info.get('maxmemory_policy')}: messages may be dropped. Set noeviction."
        yield Diagnosis("bad", "broker", sentence)
    if not info.get("aof_enabled"):
        yield Diagnosis("warning", "broker", "appendonly is off: a restart costs every message, and so some seconds.")
    if sign is not None and sign[0] > ENTRY_SILENT_MAX_SECONDS:
        sentence = f"`planshift entry` was last seen {sign[0]:.0f} s ago; what frontends send waits. Start it again."
        yield Diagnosis("bad", "entry", sentence)
    elif sign is not None:
        yield Diagnosis("ok", "entry", f"{sign[1]} messages of frontends wait to be carried over.")


def providers() -> Iterator[Diagnosis]:
    from sqlalchemy import select

    from models.database import transaction
    from models.provider import NoCatalog, Provider, catalog_of, connection_of

    with transaction() as session:
        rows = session.scalars(select(Provider).order_by(Provider.slug)).all()
        if not rows:
            yield Diagnosis("warning", "providers", "There is none. Load a catalogue: `planshift catalog load FILE`.")
        for row in rows:
            try:
                catalog_of(session, row)
            except NoCatalog as error:
                yield Diagnosis("bad", row.slug, str(error))
        connected = [(row.slug, kind, connection_of(session, row.id, kind)) for row in rows for kind in _CONNECTIONS]
    wrong = _wrong_with({connection.base_url for _, _, connection in connected if connection is not None})
    for slug, kind, connection in connected:
        if connection is None:
            yield Diagnosis("bad", slug, f"No {kind} is connected. Connect one with `planshift connect {kind}`.")
            continue
        if connection.kind == "gateway":
            yield from _currencies(slug, connection.adapter)
        if connection.list_error:
            sentence = f"Its list of events could not be read: {connection.list_error} It is read on from there."
            yield Diagnosis("warning", slug, sentence)
        if what := wrong[connection.base_url]:
            yield Diagnosis("bad", slug, f"The {kind} at {connection.base_url} {what}.")
    yield Diagnosis("ok", "providers", f"{len(rows)} providers were looked at.")


def _wrong_with(urls: set[str]) -> dict[str, str | None]:
    """By address. Several are asked at once: where the network is away, each takes its three seconds."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        return dict(zip(urls, pool.map(_answers, urls), strict=True))


def _answers(url: str) -> str | None:
    """What is wrong, if anything."""
    import httpx

    from outbound.guard import NoAnswer
    from outbound.http import request

    try:
        answer = request("", "GET", url, deadline_seconds=3)
    except (NoAnswer, httpx.InvalidURL) as error:
        return f"does not answer ({error})"
    return f"answers with {answer.status}" if answer.status >= 500 else None


def _audits(signs: list[tuple[str, Any]], now: datetime) -> Iterator[Diagnosis]:
    old = [name for name, sign in signs if sign is None or now - sign.at > AUDIT_AGE_MAX]
    if old:
        sentence = f"There was none to its end in the last day ({', '.join(old)}). Run `planshift audit`."
        yield Diagnosis("warning", "audit", sentence)
    for _, sign in signs:
        if sign is not None and (alert := sign.details.get("alert")):
            yield Diagnosis("bad", "audit", f"It found violations: {alert}")


def _currencies(slug: str, adapter: str) -> Iterator[Diagnosis]:
    """Whether the gateway takes what the catalogue sells in."""
    from engine.payments.payable import currency_problems
    from models.database import transaction
    from models.provider import NoCatalog, catalog_of, provider_by_slug

    with transaction() as session:
        provider = provider_by_slug(session, slug)
        try:
            problems = list(currency_problems(catalog_of(session, provider), adapter)) if provider else []
        except NoCatalog:
            return
    for problem in problems:
        yield Diagnosis("bad" if problem.impossible else "warning", slug, problem.sentence)


def mail() -> Iterator[Diagnosis]:
    from socket import create_connection

    from settings import settings

    host, port = settings().smtp_host, settings().smtp_port
    try:
        create_connection((host, port), timeout=3).close()
    except OSError as error:
        yield Diagnosis("warning", "mail", f"No mail server answers at {host}:{port} ({type(error).__name__}).")
    else:
        yield Diagnosis("ok", "mail", f"A mail server answers at {host}:{port}.")


def life() -> Iterator[Diagnosis]:
    from sqlalchemy import select

    from engine.jobs.external_call import machine_time
    from engine.operators.dead_letters import count_dead_letters
    from models.database import transaction
    from models.heartbeat import AUDITS, Heartbeat
    from tasks.watch import found

    wrong = found()
    with transaction() as session:
        now = machine_time(session)
        signs = {row.name: row for row in session.scalars(select(Heartbeat))}
        given_up = count_dead_letters(session)
    sweep = signs.get("sweep")
    if sweep is not None and all(one.kind != "sweep" for one in wrong):
        yield Diagnosis("ok", "beat", f"The last sweep was {(now - sweep.at).total_seconds():.0f} s ago.")
    for one in wrong:
        grade = "bad" if one.kind in ("sweep", "no_worker", "secret_key") else "warning"
        yield Diagnosis(grade, one.subject or one.kind, one.sentence)
    yield from _audits([(name, signs.get(name)) for name in AUDITS], now)
    if given_up:
        sentence = f"{given_up} rows were given up. See `planshift dead-letters list`."
        yield Diagnosis("warning", "dead letters", sentence)


_CONNECTIONS = ("gateway", "host")
CHECKS = (database, broker, providers, mail, life)
