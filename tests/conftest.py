"""Real servers for the tests: PostgreSQL, Valkey and the sandbox for steps, and the whole stack for stories.

Every test makes a provider of its own, so tests share servers and never rows.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis
from redis import Redis
from sqlalchemy import event, make_url, text
from sqlalchemy.orm import ORMExecuteState, Session

from cli.sandbox import sample_catalogs, set_up_provider
from cli.stack import start
from domain.catalog import Catalog
from local.folders import temporary_folder
from local.stack import Stack
from models.database import engine, transaction
from models.migrate import migrate
from settings import settings
from tests.support.client import AUGUST, JULY, ApiClient
from tests.support.ledger_page import unlisted_postings
from worker.app import QUEUES

pytest_plugins = ["tests.support.no_skips"]

# A slow machine is no failure, and a run tells the same twice; `--hypothesis-profile deep` searches on and longer.
# Where tests are to fail (tests/mutation), what is found is not made smaller.
hypothesis.register_profile("default", deadline=None, derandomize=True)
hypothesis.register_profile("deep", deadline=None, max_examples=3000)
hypothesis.register_profile("mutants", deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
hypothesis.load_profile("default")


class ReadByATouch(AssertionError):
    """A relationship was touched that no query had loaded."""


@event.listens_for(Session, "do_orm_execute")
def _no_read_by_a_touch(statement: ORMExecuteState) -> None:
    """What comes with its row (tests/steps/test_what_a_row_comes_with.py) is not there in a row that was inserted with
    its foreign keys alone: there, too, nothing is read unseen."""
    row = statement.lazy_loaded_from if statement.is_select else None
    if row is not None:
        raise ReadByATouch(f"{row.class_.__name__} was asked for what was not loaded: {statement.statement}")


SECRET_KEY = secrets.token_urlsafe(32)
METRICS_KEY = secrets.token_urlsafe(32)


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """These PLANSHIFT_ variables and no others, for the code under test in this process."""
    before = {name: value for name, value in os.environ.items() if name.startswith("PLANSHIFT_")}
    try:
        for name in before:
            del os.environ[name]
        os.environ.update({name: value for name, value in variables.items() if name.startswith("PLANSHIFT_")})
        settings.cache_clear()
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("PLANSHIFT_")]:
            del os.environ[name]
        os.environ.update(before)
        settings.cache_clear()


def catalog_named(slug: str, sample: str, **changes: Any) -> Catalog:
    """A sample provider's catalogue under another name."""
    catalog = next(catalog for catalog in sample_catalogs() if catalog.provider == sample)
    return Catalog.from_json(catalog.as_json() | {"provider": slug} | changes)


def new_slug(sample: str) -> str:
    return f"{sample}-{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def _servers() -> Iterator[tuple[Stack, dict[str, str]]]:
    with temporary_folder("steps") as folder, Stack(folder) as stack:
        variables = stack.environment() | {
            "PLANSHIFT_SECRET_KEY": SECRET_KEY,
            "PLANSHIFT_METRICS_KEY": METRICS_KEY,
            "PLANSHIFT_DOCUMENT_URL": str(folder / "documents"),
        }
        stack.start_servers()
        with environment(variables):
            migrate()
        yield stack, variables
        with environment(variables):
            _check_postings()


@pytest.fixture
def servers(_servers: tuple[Stack, dict[str, str]]) -> Iterator[Stack]:
    """PostgreSQL, Valkey, gateway, host and mail, and none of our own processes: the test plays them."""
    stack, variables = _servers
    with environment(variables):
        # Nobody takes from these queues: what other tests have sent would be a backlog that the sweep waits for.
        with Redis.from_url(settings().require_broker_url()) as broker:
            broker.delete(*QUEUES)
        yield stack


@pytest.fixture(scope="module")
def own_database(_servers: tuple[Stack, dict[str, str]]) -> Iterator[tuple[Stack, dict[str, str]]]:
    """The same servers with a database for this file alone, and the environment that leads to it: for commands that
    look at all there is."""
    stack, variables = _servers
    name = f"own_{secrets.token_hex(4)}"
    with environment(variables), engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(f"CREATE DATABASE {name}"))
    url = make_url(variables["PLANSHIFT_DATABASE_URL"]).set(database=name)
    with environment(variables | {"PLANSHIFT_DATABASE_URL": url.render_as_string(hide_password=False)}):
        migrate()
        yield stack, dict(os.environ)
        engine().dispose()


@dataclass(frozen=True, slots=True)
class Running:
    """The whole stack, and what `planshift up` would print of it."""

    stack: Stack
    ready: dict[str, Any]


@pytest.fixture(scope="session")
def _running() -> Iterator[tuple[Running, dict[str, str]]]:
    with temporary_folder("story") as folder, Stack(folder) as stack, environment({}):
        ready = start(stack, SECRET_KEY)
        variables = {name: value for name, value in os.environ.items() if name.startswith("PLANSHIFT_")}
        yield Running(stack, ready), variables
        with environment(variables):
            _check_postings()


def _check_postings() -> None:
    """Whatever the tests had posted stands on the ledger's page. Nobody asks this database again."""
    with transaction() as session:
        unlisted = unlisted_postings(session)
    engine().dispose()
    assert unlisted == []


@pytest.fixture
def running(_running: tuple[Running, dict[str, str]]) -> Iterator[Running]:
    """Everything that `planshift up` starts: web, receiver, workers, beat, Flower."""
    stack, variables = _running
    with environment(variables):
        yield stack


@pytest.fixture
def frontend(running: Running) -> Iterator[Callable[..., ApiClient]]:
    """`frontend("dns")` is a new provider with the sample's catalogue, and its API client."""
    clients = ExitStack()

    def make(sample: str, **changes: Any) -> ApiClient:
        slug = new_slug(sample)
        keys = set_up_provider(catalog_named(slug, sample, **changes), running.stack.addresses)
        return clients.enter_context(ApiClient(running.ready | {"keys": {slug: keys}}, slug))

    with clients:
        yield make


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    """Its customer `zone` has Basic, ¥500 a month, for July 2027; it is noon of the 17th in Tokyo."""
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    return dns
