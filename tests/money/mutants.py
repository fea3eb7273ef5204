"""A receiver with a bug, to prove that the storm can fail: `python -m tests.money.mutants PORT`."""

from __future__ import annotations

import sys
import time
from threading import Thread

import uvicorn

from web.webhooks.accounts import Headers
from web.webhooks.app import Receiver, create_standalone_receiver

# A commit takes a while on a busy disk.
COMMIT_SECONDS = 0.3

_write_down = Receiver.write_down


def _answer_before_commit(self: Receiver, gateway: str, account: str, headers: Headers, body: bytes) -> str:
    self._accounts.verified(gateway, account, headers, body)

    def later() -> None:
        time.sleep(COMMIT_SECONDS)
        _write_down(self, gateway, account, headers, body)

    Thread(target=later, daemon=True).start()
    return "evt_not_yet"


if __name__ == "__main__":
    Receiver.write_down = _answer_before_commit  # type: ignore[method-assign]
    uvicorn.run(create_standalone_receiver(), host="127.0.0.1", port=int(sys.argv[1]), log_config=None)
