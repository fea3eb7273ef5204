"""What the webhook receiver is measured against: an app that writes the body with one committed insert and answers."""

from __future__ import annotations

import os

import psycopg
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

# Threads come and go, their connections are kept.
_idle: list[psycopg.Connection] = []


def _insert(body: bytes) -> None:
    try:
        connection = _idle.pop()
    except IndexError:
        url = os.environ["PLANSHIFT_DATABASE_URL"].replace("+psycopg", "")
        connection = psycopg.connect(url, autocommit=True)
    connection.execute("INSERT INTO bare (body) VALUES (%s)", (body,))
    _idle.append(connection)


async def receive(request: Request) -> JSONResponse:
    await run_sync(_insert, await request.body())
    return JSONResponse({"received": True})


app = Starlette(routes=[Route("/{path:path}", receive, methods=["POST"])])
