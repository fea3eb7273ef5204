"""localstripe on the loopback address only, keeping nothing on disk; the argument is the port.

Its list of events knows no `types`, which Stripe's has.
"""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web
from localstripe import resources, server

if __name__ == "__main__":
    store: Any = resources.store
    type(store).dump_to_disk = lambda _store: None
    list_all = resources.Event._api_list_all.__func__
    resources.Event._api_list_all = classmethod(lambda cls, url, types=None, **more: list_all(cls, url, **more))
    web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
