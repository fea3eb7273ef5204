"""The two sample catalogues, and short ways to write a service."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.catalog import Catalog
from domain.catalog_file import parse_catalog

CATALOGS = Path(__file__).parents[2] / "catalogs"


def load(name: str) -> Catalog:
    path = CATALOGS / f"{name}.toml"
    return parse_catalog(path.read_text(encoding="utf-8"), path.name)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own time zone decides nothing: it is an odd one here."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def dns() -> Catalog:
    return load("dns")


@pytest.fixture(scope="session")
def hosting() -> Catalog:
    return load("hosting")
