"""A PostgreSQL server that archives its WAL, a base backup of it, and a new server restored from both, in the way
that docs/backups.md describes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psycopg

from local.postgres import Postgres
from local.user import private_folder, unprivileged
from tests.chaos.environment import wait_for

BACKUP_RIGHTS = """
GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean) TO planshift;
GRANT EXECUTE ON FUNCTION pg_backup_stop(boolean) TO planshift;
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO planshift;
"""


class Archived:
    """`folder/archive` gets each full WAL segment; `folder/base` the backup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        account = unprivileged()
        self.archive = private_folder(folder / "archive", account)
        self.server = Postgres(folder / "old", fsync=False)
        self.server.start()
        self.server.stop()
        self._data = (folder / "old" / "data").resolve()
        self.server._run(
            "postgres", "--single", "-D", str(self._data), "planshift", given=_one_line_each(BACKUP_RIGHTS)
        )
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"archive_mode = on\narchive_command = 'cp %p {self.archive}/%f'\n")
        self.server.start()

    def back_up(self) -> None:
        """The low-level API of a base backup: begin, copy the files as they are, end."""
        with psycopg.connect(self.server.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("SELECT pg_backup_start('base', true)")
            base = self._folder / "base"
            skipped = shutil.ignore_patterns("pg_wal", "postmaster.*")
            shutil.copytree(self._data, base, ignore=skipped, ignore_dangling_symlinks=True)
            row = connection.execute("SELECT labelfile FROM pg_backup_stop(true)").fetchone()
            assert row is not None
            (base / "backup_label").write_text(row[0])

    def archive_all(self) -> None:
        """What was written until now is safe in the archive."""
        with psycopg.connect(self.server.url.replace("+psycopg", ""), autocommit=True) as connection:
            row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        assert row is not None
        wait_for(lambda: (self.archive / row[0]).exists() or None, f"{row[0]} to be archived", 30)

    def restore(self, with_tail: bool) -> Postgres:
        """A new server from base and archive; `with_tail`: and from what the old disk had not archived yet."""
        account = unprivileged()
        new = Postgres(self._folder / "new", fsync=False)
        data = (self._folder / "new" / "data").resolve()
        shutil.copytree(self._folder / "base", data, dirs_exist_ok=True)
        (data / "pg_wal").mkdir(exist_ok=True)
        if with_tail:
            for segment in (self._data / "pg_wal").iterdir():
                if segment.is_file():
                    shutil.copy2(segment, data / "pg_wal" / segment.name)
        (self._folder / "new" / "password").write_text((self._folder / "old" / "password").read_text())
        new._password = (self._folder / "old" / "password").read_text()
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"restore_command = 'cp {self.archive}/%f %p'\narchive_mode = off\n")
        (data / "recovery.signal").touch()
        if account is not None:
            for place, folders, files in os.walk(data):
                for name in (".", *folders, *files):
                    os.chown(Path(place, name), account.uid, account.gid)
        data.chmod(0o700)
        new.start()
        wait_for(lambda: _takes_writes(new), "the recovery to end", 30)
        return new


def _takes_writes(server: Postgres) -> bool | None:
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT NOT pg_is_in_recovery()").fetchone()
    return (row is not None and row[0]) or None


def _one_line_each(statements: str) -> str:
    return "".join(f"{line}\n" for line in statements.strip().splitlines())
