"""The running API against its own OpenAPI document: schemathesis sends what it allows and what it forbids, to each
route. What other tests are answered is held against it as well: tests/support/documented.py."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from engine.accounts.access import create_key
from models.database import transaction
from models.provider import SCOPES, provider_by_slug
from tests.support.client import ApiClient
from tests.support.documented import operation_of, operations

# Left out is whether what is right by its form is accepted: the catalogue may have no such plan, no font such a letter.
LEFT_OUT = "positive_data_acceptance"


def test_every_answer_is_one_that_the_document_names(frontend: Callable[..., ApiClient], tmp_path: Path) -> None:
    dns = frontend("dns")
    with transaction() as session:
        provider = provider_by_slug(session, dns.provider)
        assert provider is not None
        key = create_key(session, provider, list(SCOPES))[1]
    program = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{dns.ready['api']}/openapi.json"]
    options: list[str] = ["--phases", "examples,coverage,fuzzing", "--exclude-checks", LEFT_OUT, "--max-examples", "10"]
    options += ["--report", "har", "--report-har-path", "sent.har"]
    options += ["--header", f"Authorization: Bearer {key}", "--seed", "20270717", "--warnings", "off", "--no-color"]
    done = subprocess.run([*program, *options], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert reached(tmp_path / "sent.har") == operations()


def reached(har: Path) -> set[tuple[str, str]]:
    """The documented operations that were sent something and answered, with whatever they answered."""
    entries = json.loads(har.read_text(encoding="utf-8"))["log"]["entries"]
    asked = {(one["request"]["method"], urlsplit(one["request"]["url"]).path) for one in entries}
    found = {(method, operation_of(method, path)) for method, path in asked}
    return {(method, path) for method, path in found if path is not None}
