"""A command begins at once: what only another one needs is not imported."""

from __future__ import annotations

import json
import subprocess
import sys

from cli.main import GROUPS

IMPORT = "import json, sys, cli.main; print(json.dumps([name for name in sys.modules]))"


def test_help_imports_no_group_of_commands_and_none_of_what_they_stand_on() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, timeout=60)
    imported = set(json.loads(done.stdout))
    assert not imported & {module for module, _ in GROUPS.values()}
    packages = {name.partition(".")[0] for name in imported}
    assert not packages & {"sqlalchemy", "pydantic", "httpx", "celery", "domain", "engine", "models", "local", "web"}
