"""The folder a run keeps its things in: one run at a time, and a throw-away one is removed even after a crash."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.user import SHELTER, is_reachable

_PREFIX = "planshift-run-"
_NOT_LOCKED_YET = "planshift-new-"


class FolderInUse(Exception):
    """Another run works in this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use. Stop the other `planshift up` first, or start this one elsewhere.")


@contextmanager
def kept_folder(folder: Path) -> Iterator[Path]:
    """Make the folder, or find it again with what an earlier run left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        yield folder.resolve()


def is_in_use(folder: Path) -> bool:
    """Whether a run works in this kept folder now."""
    try:
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """A new folder, removed at the end. What runs that were killed left behind is removed first."""
    parent = _parent()
    _remove_abandoned(parent)
    made = Path(tempfile.mkdtemp(prefix=f"{_NOT_LOCKED_YET}{name}-", dir=parent))
    made.chmod(0o711)  # a server that runs as nobody may pass; its own folder inside is private
    with _lock(made):
        # Only a locked folder has a name under which others look for abandoned ones.
        folder = made.rename(parent / made.name.replace(_NOT_LOCKED_YET, _PREFIX))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _parent() -> Path:
    parent = Path(tempfile.gettempdir())
    if os.geteuid() != 0 or is_reachable(parent):
        return parent
    SHELTER.mkdir(mode=0o755, exist_ok=True)
    return SHELTER


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid() or not (folder / "lock").exists():
                continue
            with _lock(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except (FolderInUse, FileNotFoundError):  # a run is in it, or ended while we looked
            continue


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """The kernel lets go of it when the process ends, however it ends."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(folder) from None
        yield
