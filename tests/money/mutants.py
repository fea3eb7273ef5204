"""A receiver with a bug, to prove that the storm can fail: `python -m tests.money.mutants PORT`."""

from __future__ import annotations

import sys
import time
from threading import Thread

import uvicorn

from engine.payments.inbox_store import ReceivedWebhook
from web.webhooks import writer
from web.webhooks.app import create_standalone_receiver

# A commit takes a while on a busy disk.
COMMIT_SECONDS = 0.3

_write_down = writer.write_down


def _answer_before_commit(webhooks: list[ReceivedWebhook]) -> list[str | None]:
    def later() -> None:
        time.sleep(COMMIT_SECONDS)
        _write_down(webhooks)

    Thread(target=later, daemon=True).start()
    return ["evt_not_yet"] * len(webhooks)


if __name__ == "__main__":
    writer.write_down = _answer_before_commit
    uvicorn.run(create_standalone_receiver(), host="127.0.0.1", port=int(sys.argv[1]), log_config=None)
