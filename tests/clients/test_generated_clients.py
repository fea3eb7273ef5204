"""Clients that other people's generators make of the OpenAPI document: they compile, and upgrade a service."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.client import ApiClient
from tests.support.pages import ROOT
from web.app import create_api

HERE = ROOT / "tests" / "clients"
GENERATORS = ROOT / "var" / "generators"  # made by tools/generators.sh
NODE_MODULES = GENERATORS / "typescript" / "node_modules"


def run(*command: str | Path, folder: Path) -> str:
    """What it prints. Fails with all that it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("openapi") / "openapi.json"
    file.write_text(json.dumps(create_api().openapi(), indent=1), encoding="utf-8")
    return file


def given(dns: ApiClient) -> list[str]:
    return [dns.ready["api"], dns.ready["keys"][dns.provider]["frontend"], "zone"]


def test_a_linter_finds_nothing_in_the_document(document: Path) -> None:
    rules = HERE / "typescript" / ".spectral.yaml"
    program = NODE_MODULES / ".bin" / "spectral"
    run(program, "lint", "--ruleset", rules, "--fail-severity", "hint", document, folder=document.parent)


def test_a_client_in_typescript(document: Path, dns: ApiClient, tmp_path: Path) -> None:
    for name in ("upgrade.ts", "tsconfig.json", "package.json"):
        shutil.copy(HERE / "typescript" / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    run(NODE_MODULES / ".bin" / "openapi-typescript", document, "--output", "schema.d.ts", folder=tmp_path)
    run(NODE_MODULES / ".bin" / "tsc", folder=tmp_path)
    told = json.loads(run("node", "made/upgrade.js", *given(dns), folder=tmp_path))
    assert told == {"status": "applied", "due": 1331}
    assert dns.hosted("zone")["plan"] == "business"


def test_a_client_in_python(document: Path, dns: ApiClient, tmp_path: Path) -> None:
    python = GENERATORS / "python" / "bin"
    made = ["--path", str(document), "--meta", "none", "--output-path", "planshift_generated"]
    run(python / "openapi-python-client", "generate", *made, folder=tmp_path)  # it has no name for the answer of a PDF
    shutil.copy(HERE / "generated_upgrade.py", tmp_path)
    checks = ["--strict", "--follow-imports=silent", "--python-executable", str(python / "python")]
    run(sys.executable, "-m", "mypy", *checks, "generated_upgrade.py", folder=tmp_path)
    told = json.loads(run(python / "python", "generated_upgrade.py", *given(dns), folder=tmp_path))
    assert told == {"status": "applied", "due": 1331}
    assert dns.hosted("zone")["plan"] == "business"
