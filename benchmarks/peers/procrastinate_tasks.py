"""Tasks of Procrastinate, whose queue is a table of PostgreSQL; each defers the next."""

from __future__ import annotations

from procrastinate import App, PsycopgConnector
from sqlalchemy.engine import make_url

from benchmarks.peers.ready import say_ready
from benchmarks.steps import STEPS, run_step
from settings import settings

PROCESSES = 2


def _conninfo() -> str:
    url = make_url(settings().require_database_url()).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


app = App(connector=PsycopgConnector(conninfo=_conninfo()))


@app.task(name="step")
def step(number: int, change_id: str) -> None:
    run_step(STEPS[number], change_id)
    if number + 1 < len(STEPS):
        step.defer(number=number + 1, change_id=change_id)


def prepare() -> None:
    """Its tables, beside ours."""
    with app.open():
        app.schema_manager.apply_schema()


def enqueue(ids: list[str]) -> None:
    with app.open():
        for change_id in ids:
            step.defer(number=0, change_id=change_id)


if __name__ == "__main__":
    say_ready()
    app.run_worker(concurrency=2)
