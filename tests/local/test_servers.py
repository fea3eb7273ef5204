"""The embedded servers keep what they were given, behind a password, also where root's folders are private."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from local import ports, user
from local.folders import FolderInUse, kept_folder, temporary_folder
from local.kept import kept_secret, write_private
from local.ports import PortTaken, require_free
from local.postgres import Postgres
from local.valkey import Valkey


@pytest.fixture
def folder() -> Iterator[Path]:
    """Reachable for the account that PostgreSQL runs as, which pytest's own is not."""
    with temporary_folder("test") as made:
        yield made


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def test_postgres_keeps_committed_rows_through_a_kill(folder: Path) -> None:
    with Postgres(folder) as server:
        with connect(server.url) as session:
            session.execute("CREATE TABLE kept (n integer)")
            session.execute("INSERT INTO kept VALUES (7)")
        server.kill()
        server.start()
        with connect(server.url) as session:
            assert session.execute("SELECT n FROM kept").fetchone() == (7,)
            assert session.execute("SHOW fsync").fetchone() == ("on",)


def test_postgres_finds_its_data_again_in_the_same_folder(folder: Path) -> None:
    with Postgres(folder) as server, connect(server.url) as session:
        session.execute("CREATE TABLE kept (n integer)")
    with Postgres(folder) as again, connect(again.url) as session:
        assert session.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_postgres_lets_nobody_in_without_the_password(folder: Path) -> None:
    with Postgres(folder, fsync=False) as server:
        for user, password in (("planshift", "wrong"), ("postgres", ""), ("nobody", "")):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(
                    host="127.0.0.1", port=server.port, user=user, password=password, dbname="planshift"
                ).close()


def test_postgres_data_is_private(folder: Path) -> None:
    with Postgres(folder, fsync=False):
        assert (folder / "data").stat().st_mode & 0o777 == 0o700
        assert (folder / "password").stat().st_mode & 0o777 == 0o600


def test_a_first_start_that_was_killed_on_its_way_is_made_good_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster without its owner and its database is none."""
    run = Postgres._run

    def until_initdb(server: Postgres, program: str, *arguments: str, given: str = "") -> None:
        if program != "initdb":
            raise KeyboardInterrupt
        run(server, program, *arguments, given=given)

    with monkeypatch.context() as killed:
        killed.setattr(Postgres, "_run", until_initdb)
        with pytest.raises(KeyboardInterrupt):
            Postgres(folder, fsync=False).start()
    with Postgres(folder, fsync=False) as again, connect(again.url) as session:
        assert session.execute("SELECT current_user").fetchone() == ("planshift",)
    assert sorted(path.name for path in folder.iterdir()) == ["data", "lock", "log", "password"]


def test_the_programs_that_create_a_cluster_are_out_of_a_terminals_reach(folder: Path) -> None:
    """Its Ctrl-C is for us."""
    server = Postgres(folder, fsync=False)
    server._binaries = Path("/bin")
    server._run("sh", "-c", 'read -r pid name state parent group rest < "/proc/$$/stat" && test "$group" = "$$"')


def test_valkey_keeps_messages_and_drops_none(folder: Path) -> None:
    with Valkey(folder) as server, redis.Redis.from_url(server.url) as client:
        client.lpush("queue", "message")
        client.waitaof(1, 0, 5000)  # on disk, not only in the server's buffer
        server.kill()
        server.start()
        assert client.lrange("queue", 0, -1) == [b"message"]
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_a_private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's nobody cannot reach it: wheels and data go to the shelter. No mode of a folder of others is relaxed."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with temporary_folder("shelter") as shelter:
        for module in ("local.user", "local.wheels", "local.folders"):
            monkeypatch.setattr(f"{module}.SHELTER", shelter)
        monkeypatch.setattr("local.wheels.is_reachable", lambda _path: False)
        monkeypatch.setattr("local.user.is_reachable", lambda path: home not in (path, *path.parents))
        for _ in range(2):
            with Postgres(home / "postgres", fsync=False) as server, connect(server.url) as session:
                assert session.execute("SELECT 1").fetchone() == (1,)
        data = (home / "postgres" / "data").resolve()
        assert data.parent == (shelter if os.geteuid() == 0 else home / "postgres")
        assert home.stat().st_mode & 0o777 == 0o700


def test_reachable_means_every_folder_lets_others_pass(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir(mode=0o755)
    tmp_path.chmod(0o700)
    assert not user.is_reachable(tmp_path / "inner")
    assert user.is_reachable(Path("/usr/bin"))


def test_a_taken_port_says_what_to_do() -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} is taken .* make up FLOWER_PORT=\d+ "):
            require_free(port, "--flower-port")


def test_free_ports_differ() -> None:
    assert len({ports.free_port() for _ in range(50)}) == 50


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    port = ports.kept_port(tmp_path / "gateway")
    assert ports.kept_port(tmp_path / "gateway") == port
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, port))
        moved = ports.kept_port(tmp_path / "gateway")
    assert moved != port
    assert ports.kept_port(tmp_path / "gateway") == moved


def test_what_an_end_in_midst_of_writing_left_empty_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.touch()
    secret = kept_secret(file)
    assert len(secret) > 40
    assert kept_secret(file) == secret
    file.write_text("")
    assert ports.kept_port(file) == int(file.read_text())


def test_what_is_kept_is_private_and_there_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(_descriptor: int) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "kept"
    with monkeypatch.context() as killed:
        killed.setattr(os, "fsync", end)
        with pytest.raises(KeyboardInterrupt):
            write_private(file, "old")
    assert not file.exists()
    write_private(file, "old")
    with monkeypatch.context() as killed:
        killed.setattr(os, "fsync", end)
        with pytest.raises(KeyboardInterrupt):
            write_private(file, "new")
    assert file.read_text() == "old"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_kept_folder_takes_one_run_at_a_time(tmp_path: Path) -> None:
    with kept_folder(tmp_path / "up"), pytest.raises(FolderInUse, match="Stop the other"), kept_folder(tmp_path / "up"):
        pass
    with kept_folder(tmp_path / "up"):
        assert (tmp_path / "up").is_dir()


def test_an_abandoned_temporary_folder_is_removed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.folders._parent", lambda: tmp_path)
    abandoned = tmp_path / "planshift-run-killed-abc"
    abandoned.mkdir()
    (abandoned / "lock").touch()
    with temporary_folder("first") as first:
        assert not abandoned.exists()
        with temporary_folder("second") as second:
            assert first.is_dir()
            assert second != first
    assert list(tmp_path.iterdir()) == []
