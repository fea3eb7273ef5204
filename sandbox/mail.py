"""A mail server that delivers to a folder: SMTP in, `GET /mails` out, one .eml file a mail."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.program import options, refuse, say_no, serve


class MailFolder:
    """Files named by the nanosecond of arrival, so that their order is the order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """`refuse-550@…` is refused with 550, and so on with any code."""
        if asked := re.match(r"refuse-([45]\d\d)@", address):
            return f"{asked[1]} As the address wants it"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content
        path = self._folder / f"{time.time_ns()}.eml"
        draft = path.with_suffix(".draft")
        draft.write_bytes(content if isinstance(content, bytes) else (content or "").encode())
        draft.rename(path)
        return "250 Kept"

    def newest_first(self) -> list[dict[str, Any]]:
        return [_shown(path) for path in sorted(self._folder.glob("*.eml"), reverse=True)]

    def attachment(self, name: str, number: int) -> EmailMessage | None:
        """The part of that number, from 0."""
        path = self._folder / f"{name}.eml"
        parts = list(_read(path).iter_attachments()) if path.exists() else []
        return parts[number] if number < len(parts) else None


def _read(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


@cache  # a mail that has come does not change, and a reader asks for all of them, often
def _shown(path: Path) -> dict[str, Any]:
    message = _read(path)
    text = message.get_body(("plain", "html"))
    return {
        "to": [address.addr_spec for address in message["to"].addresses] if message["to"] else [],
        "from": str(message["from"]),
        "subject": str(message["subject"]),
        "message_id": str(message["message-id"]),
        "text": text.get_content().replace("\r\n", "\n") if text else "",
        "attachments": [part.get_filename() for part in message.iter_attachments()],
        "file": path.name,
    }


def application(folder: MailFolder, smtp_port: int) -> Starlette:
    @asynccontextmanager
    async def take_mail(_app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(folder, hostname="sandbox"), "127.0.0.1", smtp_port)
        yield
        server.close()

    async def mails(request: Request) -> Response:
        to = request.query_params.get("to")
        return JSONResponse([mail for mail in folder.newest_first() if to is None or to in mail["to"]])

    async def attachment(request: Request) -> Response:
        part = folder.attachment(request.path_params["name"], request.path_params["number"])
        if part is None:
            refuse(404, "There is no such attachment.")
        headers = {"Content-Disposition": f'inline; filename="{part.get_filename()}"'}
        return Response(part.get_content(), media_type=part.get_content_type(), headers=headers)

    routes = [Route("/mails", mails), Route(r"/mails/{name:int}.eml/{number:int}", attachment)]
    return Starlette(routes=routes, lifespan=take_mail, exception_handlers={HTTPException: say_no})


def main() -> None:
    parser = options("A mail server that keeps what it gets.")
    parser.add_argument("--smtp-port", type=int, required=True, help="take mail on this port of 127.0.0.1")
    given = parser.parse_args()
    serve(application(MailFolder(given.folder), given.smtp_port), given.port)


if __name__ == "__main__":
    main()
