"""The editable install runs this checkout, whatever folder a command is started from."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", ["settings", "cli.main", "engine.settle"])
def test_a_module_comes_from_the_checkout(module: str, tmp_path: Path) -> None:
    code = f"import importlib; print(importlib.import_module({module!r}).__file__)"
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()) == ROOT / (module.replace(".", "/") + ".py")
