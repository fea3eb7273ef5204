"""A folder for documents whose disk can be full: an fsspec file system, `faulty:///folder`.

While the file `full` stands in the folder, a document is written down to its middle, under its name, and then there
is no space left; `refused` counts how often.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileOpener, LocalFileSystem

_SCHEME = "faulty://"


class FaultyDisk(LocalFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Local files, with a commit that may fail half-way."""

    protocol = "faulty"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(str(path).removeprefix(_SCHEME)))

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> _FaultyFile:
        return _FaultyFile(path, mode, fs=self, **kwargs)


class _FaultyFile(LocalFileOpener):  # type: ignore[misc]
    def commit(self) -> None:
        """Into place, like a copy from one disk to another that is full."""
        folder = Path(self.path).parent.parent  # a document stands in a folder of the first digits of its name
        if not (folder / "full").exists():
            super().commit()
            return
        self.f.close()
        written = Path(self.temp).read_bytes()
        Path(self.temp).unlink()
        Path(self.path).write_bytes(written[: len(written) // 2])
        with (folder / "refused").open("a") as refused:
            refused.write(f"{self.path}\n")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)


fsspec.register_implementation("faulty", FaultyDisk)
