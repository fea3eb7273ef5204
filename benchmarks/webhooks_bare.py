"""What the webhook receiver is measured against: an app that writes the body with one committed insert and answers."""

from __future__ import annotations

import os
import threading

import psycopg
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_local = threading.local()


def _insert(body: bytes) -> None:
    connection = getattr(_local, "connection", None)
    if connection is None:
        url = os.environ["PLANSHIFT_DATABASE_URL"].replace("+psycopg", "")
        connection = _local.connection = psycopg.connect(url, autocommit=True)
    connection.execute("INSERT INTO bare (body) VALUES (%s)", (body,))


async def receive(request: Request) -> JSONResponse:
    await run_sync(_insert, await request.body())
    return JSONResponse({"received": True})


app = Starlette(routes=[Route("/{path:path}", receive, methods=["POST"])])
