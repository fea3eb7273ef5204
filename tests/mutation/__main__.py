"""Mutation testing: is there a test that fails when the code is wrong in a small way?

python -m tests.mutation engine                      # a sample of 300 mutants of engine/
python -m tests.mutation domain --sample 0           # every mutant of domain/
python -m tests.mutation engine/settle.py --sample 0
python -m tests.mutation engine --again              # only those that survived the last run with the same arguments

Every survivor is read: a test is missing, or tests/mutation/survivors.md says why no test can tell.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.mutation.known import KnownTests
from tests.mutation.mutants import Mutant, mutants_of, sampled
from tests.mutation.runner import Outcome, Runner
from tests.support.pages import ROOT, text_of

FOLDER = ROOT / "var" / "mutation"
SURVIVORS = "tests/mutation/survivors.md"
# Those that run the code in their own process: a mutant lives in memory.
TESTS = {
    "domain": ["tests/domain"],
    "engine": [
        *("tests/steps", "tests/money", "tests/chaos/test_audit.py", "tests/chaos/test_fencing.py"),
        *("tests/entry_points", "tests/pdf/test_what_is_accepted_prints.py"),
        *(f"--ignore=tests/money/test_{name}.py" for name in ("fuzz", "storm", "webhook_receiver")),
    ],
}
# Where money and lifecycles are decided, a mutant is three times as likely to be drawn.
WEIGHTS = dict.fromkeys(
    (
        *("engine/ledger/", "engine/payments/", "engine/inbox/", "engine/operators/"),
        *(f"engine/{step}.py" for step in ("apply", "ending", "expiry", "late_payment", "offers", "quote", "renewal")),
        *("engine/request.py", "engine/reversal.py", "engine/settle.py", "engine/invoicing/invoice.py"),
    ),
    3,
)


@dataclass
class Report:
    """Prints what happens as it happens, and keeps the survivors for `--again`."""

    kept: Path
    of: int
    explained: set[str]
    outcomes: list[Outcome] = field(default_factory=list)

    def hear(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        where = f"{outcome.mutant.lines[0]}: {outcome.mutant.name}"
        what = f"killed by {outcome.by}" if outcome.by else f"SURVIVED {outcome.tests} tests"
        if not outcome.by and outcome.mutant.name in self.explained:
            what += ", explained"
        print(f"{len(self.outcomes)}/{self.of} {where}\n    {what}, {outcome.seconds:.1f} s", flush=True)
        self.kept.write_text(json.dumps([survivor.mutant.name for survivor in self.survivors()]))

    def survivors(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.by]

    def unexplained(self) -> list[Outcome]:
        return [outcome for outcome in self.survivors() if outcome.mutant.name not in self.explained]

    def close(self, began: float) -> None:
        total, survivors, unexplained = len(self.outcomes), self.survivors(), self.unexplained()
        for outcome in unexplained:
            print(f"survived {outcome.tests} tests: {outcome.mutant.name} (line {outcome.mutant.lines[0]})")
        score = 100 * (total - len(survivors)) / total if total else 100.0
        print(
            f"{total} mutants in {time.monotonic() - began:.0f} s: {total - len(survivors)} killed ({score:.1f} %), "
            f"{len(survivors) - len(unexplained)} explained, {len(unexplained)} to read"
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", default=["engine"], help="files or folders of domain/ or engine/")
    parser.add_argument("--sample", type=int, default=300, help="so many of the mutants; 0 for all (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws others (default: 1)")
    parser.add_argument("--tests", nargs="*", help="test files or folders instead of the usual ones")
    parser.add_argument("--again", action="store_true", help="only what survived the last run")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    options = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    mutants = _chosen(options.paths, options.sample, options.seed)
    drawn = f"{'-'.join(options.paths)}-{options.sample}-{options.seed}".replace("/", "_")
    kept = FOLDER / f"survivors-{drawn}.json"
    if options.again:
        survived = set(json.loads(kept.read_text()))
        mutants = [mutant for mutant in mutants if mutant.name in survived]
    if options.list:
        print(*(f"{mutant.lines[0]}: {mutant.name}" for mutant in mutants), sep="\n")
        return 0
    roots = sorted({path.split("/")[0] for path in options.paths})
    tests = options.tests or [test for root in roots for test in TESTS[root]]
    return _run(mutants, tests, roots, Report(kept, len(mutants), explained()))


def _chosen(paths: list[str], size: int, seed: int) -> list[Mutant]:
    mutants = [mutant for file in _files(paths) for mutant in mutants_of(file)]
    return sampled(mutants, size, seed, WEIGHTS) if size else mutants


def _files(paths: list[str]) -> list[str]:
    found = [[ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("*.py") for path in paths]
    return sorted(str(file.relative_to(ROOT)) for files in found for file in files)


def explained() -> set[str]:
    return set(re.findall(r"^- `(.+)`$", text_of(SURVIVORS), re.MULTILINE))


def _run(mutants: list[Mutant], tests: list[str], roots: list[str], report: Report) -> int:
    began = time.monotonic()
    runner = Runner(mutants, set(_files(roots)), KnownTests(FOLDER / f"tests-{'-'.join(roots)}.json"), report.hear)
    # A fork drops what its parent had open, and a mutant may drop anything: only what a test says counts.
    quiet = ("-W", "ignore::ResourceWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning")
    alike = ("-n", "0", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants")
    ended = pytest.main([*tests, "-q", "-s", *alike, *quiet], plugins=[runner])
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(ended)
    print(*(f"left out: {reason}" for reason in runner.left_out), sep="\n")
    report.close(began)
    return 1 if report.unexplained() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
