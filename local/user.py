"""Who runs a server that refuses root, and where its files may lie.

PostgreSQL does not run as root. As root we run it as ``nobody``, who cannot enter a private home directory; files
that must be there anyway are then kept under SHELTER. Permissions of folders that are not ours are never changed.
"""

import os
import pwd
import tempfile
from dataclasses import dataclass
from pathlib import Path

SHELTER = Path("/var/lib/planshift")


class NoUnprivilegedUser(Exception):
    """This machine has no user ``nobody``; run as an ordinary user instead of root."""

    def __str__(self) -> str:
        return self.__doc__ or ""


@dataclass(frozen=True, slots=True)
class ServerUser:
    uid: int
    gid: int


def unprivileged() -> ServerUser | None:
    """The account for servers that refuse root; None when we are not root and run them ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise NoUnprivilegedUser from None
    return ServerUser(entry.pw_uid, entry.pw_gid)


def is_reachable(path: Path) -> bool:
    """Whether any user may come to `path`: it and every folder above it let others pass."""
    resolved = path.resolve()
    return all(step.stat().st_mode & 0o001 for step in (resolved, *resolved.parents))


def private_folder(path: Path, account: ServerUser | None) -> Path:
    """Make the folder at `path`, or find it again: 0700 and owned by `account`.

    Where `account` could not come to `path`, the folder lies in the shelter and `path` is a link to it.
    """
    if path.exists():
        return path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a link whose folder is gone
    if account and not is_reachable(path.parent):
        SHELTER.mkdir(mode=0o755, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{path.parent.name}-", dir=SHELTER))
        path.symlink_to(folder)
    else:
        folder = path
        folder.mkdir(mode=0o700)
    if account:
        os.chown(folder, account.uid, account.gid)
    return folder.resolve()
