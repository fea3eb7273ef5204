"""python -m tests.attacks.planted: is each weakness that is planted seen by the test that says it is not there?

With names, only those. Ends with 1 where one is not seen.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = Path(__file__).parent / "planted_site"

# The weaknesses of planted_site/sitecustomize.py, and what sees each.
SEEN_BY = {
    "silence": "tests/pdf/test_what_is_accepted_prints.py::test_what_is_refused_names_its_field_and_character",
    "neighbours": "tests/gateways/test_bounded_calls.py::test_300_mb_that_were_small_on_the_way",
    "money": "tests/money/test_arriving_credit.py::test_money_on_its_way_is_not_paid_a_second_time",
    "edges": "tests/entry_points/test_celery_entry_point.py"
    "::test_a_message_that_is_more_than_a_request_is_refused_and_kept",
    "secrets": "tests/staff/test_sign_in.py::test_who_signs_out_is_out",
    "containers": "tests/deploy/test_compose.py::test_a_service_can_take_no_more_than_its_share",
}
FAILED = 1  # pytest's word for: tests ran, and some of them failed


def is_seen(name: str) -> bool:
    """Whether its test fails where the weakness is planted."""
    program = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", SEEN_BY[name]]
    planted = {"PLANTED": name, "PYTHONPATH": os.pathsep.join([str(SITE), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(program, cwd=ROOT, env=os.environ | planted, capture_output=True, text=True, check=False)
    if done.returncode != FAILED:
        print(done.stdout[-3_000:], done.stderr[-3_000:], sep="\n")
    return done.returncode == FAILED


def main() -> int:
    seen = {name: is_seen(name) for name in sys.argv[1:] or SEEN_BY}
    for name, it_is in seen.items():
        print(f"{name:<12} {'seen' if it_is else 'NOT SEEN'} by {SEEN_BY[name]}")
    return int(not all(seen.values()))


if __name__ == "__main__":
    sys.exit(main())
