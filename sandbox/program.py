"""What the sandbox programs share: options, state in SQLite, checked JSON in, one way to say no."""

import argparse
import sqlite3
from pathlib import Path
from typing import NoReturn, TypeVar

import uvicorn
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class StrictBody(BaseModel):
    """A request body: exactly the fields it names, each of the very type it says."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


B = TypeVar("B", bound=StrictBody)


def options(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True, help="listen on this port of 127.0.0.1")
    parser.add_argument("--folder", type=Path, required=True, help="keep the state here")
    return parser


def serve(app: ASGIApp, port: int) -> None:
    """Every answer says that its type is not to be guessed, as a gateway's checkout page should."""

    async def safely(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            await send(message)

        await app(scope, receive, send_safely)

    uvicorn.run(safely, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)


def open_database(folder: Path, schema: str) -> sqlite3.Connection:
    """What is written in one `with database:` block is written together or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "state.sqlite")
    database.row_factory = sqlite3.Row
    database.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {schema}")
    return database


def refuse(status: int, detail: str) -> NoReturn:
    raise HTTPException(status, detail)


def say_no(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for `refuse`."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


def checked(raw: bytes, shape: type[B]) -> B:
    try:
        return shape.model_validate_json(raw)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors())
        refuse(422, "; ".join(wrong))


async def body_of(request: Request, shape: type[B]) -> B:
    return checked(await request.body(), shape)
