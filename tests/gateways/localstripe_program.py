"""localstripe on the loopback address only, keeping nothing on disk; the argument is the port."""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web
from localstripe import resources, server

if __name__ == "__main__":
    store: Any = resources.store
    type(store).dump_to_disk = lambda _store: None
    web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
