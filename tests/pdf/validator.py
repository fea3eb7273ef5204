"""pikepdf's PDF/A validator in a process of its own: `python -m tests.pdf.validator FILE...` prints a JSON list.

While it reads a content stream, the validator takes every warning of Python for one about the document. Among tests,
the garbage collector may just then report a socket that somebody left open; here is nobody else.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pikepdf import pdfa

Report = dict[str, Any]


def reports(paths: Sequence[Path]) -> list[Report]:
    """All that is said of each file, by one process: pikepdf's Report field by field and its verdict; a finding is
    [rule, where, message, kind]. Raises CalledProcessError."""
    run = subprocess.run([sys.executable, "-m", __name__, *paths], check=True, stdout=subprocess.PIPE)
    made: list[Report] = json.loads(run.stdout)
    return made


def _report(path: str) -> Report:
    report = pdfa.validate_written(path, "3b")
    return asdict(report) | {"verdict": report.verdict}


if __name__ == "__main__":
    print(json.dumps([_report(path) for path in sys.argv[1:]]))
