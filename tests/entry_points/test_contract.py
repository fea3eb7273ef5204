"""The running API against its own OpenAPI document: schemathesis sends what it allows and what it forbids."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.accounts.access import create_key
from models.database import transaction
from models.provider import SCOPES, provider_by_slug
from tests.support.client import ApiClient

pytestmark = pytest.mark.xdist_group("stack")

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
    options += ["--header", f"Authorization: Bearer {key}", "--seed", "20270717", "--warnings", "off", "--no-color"]
    done = subprocess.run([*program, *options], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-20_000:]
