"""A real PgBouncer in transaction mode before a test's PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from local.ports import LOOPBACK, free_port
from local.process import Command, Process, listens
from local.user import private_folder, unprivileged

# Fewer servers than clients: a client's transactions go to now one, now the other.
SERVERS = 2
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def pooler(folder: Path, database_url: str) -> Iterator[str]:
    """The address of the same database through the pooler."""
    assert PROGRAM, "there is no pgbouncer: tools/bootstrap.sh tests installs it"
    account, port = unprivileged(), free_port()
    url = make_url(database_url)
    place = private_folder(folder / "pooler", account)
    _write(place, url, port)
    for file in place.iterdir():
        if account:
            os.chown(file, account.uid, account.gid)
    command = Command(
        name="pgbouncer",
        argv=[PROGRAM, str(place / "pgbouncer.ini")],
        log=folder / "pgbouncer.log",
        ready=listens(port),
        account=account,
    )
    process = Process(command)
    process.begin()
    try:
        process.wait_ready()
        yield url.set(port=port).render_as_string(hide_password=False)
    finally:
        process.stop()


def _write(place: Path, url: URL, port: int) -> None:
    (place / "users.txt").write_text(f'"{url.username}" "{url.password}"\n', encoding="utf-8")
    lines = (
        "[databases]",
        f"{url.database} = host={url.host} port={url.port}",
        "[pgbouncer]",
        f"listen_addr = {LOOPBACK}",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = scram-sha-256",
        f"auth_file = {place / 'users.txt'}",
        "pool_mode = transaction",
        f"default_pool_size = {SERVERS}",
    )
    (place / "pgbouncer.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
