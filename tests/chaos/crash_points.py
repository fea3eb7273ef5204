"""Every crash point: all stories at once, and the first process at each boundary dies there."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.environment import ChaosStack, chaos_stack
from tests.chaos.runs import RunResult, Workload, run_stories

ROOT = Path(__file__).parent.parent.parent

# What the stories do not pass, and where it is tried instead.
ELSEWHERE = {
    "tasks/plan_change.py:give_up": "nothing fails often enough for that: tests/steps/test_dead_letters.py",
    "tasks/requests.py:_kept_if_refused": "a malformed message: tests/entry_points/test_celery_entry_point.py",
    "web/api/dead_letters.py:retry_dead_letter": "what was given up: tests/entry_points/test_dead_letters_api.py",
    "web/api/manual_payments.py:match_payment": "unmatched money: tests/entry_points/test_manual_payments_api.py",
    "web/api/manual_payments.py:record_payment": "a bank transfer: tests/entry_points/test_manual_payments_api.py",
    "web/api/manual_payments.py:decide_failed_refund": "by a person: tests/entry_points/test_manual_payments_api.py",
    "web/api/manual_payments.py:report_failed_refund": "by hand: tests/entry_points/test_manual_payments_api.py",
    "web/api/manual_payments.py:replay_webhook": "a dead event: tests/entry_points/test_manual_payments_api.py",
    "web/api/ops.py:approve_plan_change": "decided by staff: tests/stories",
    "web/api/ops.py:reject_plan_change": "decided by staff: tests/stories",
    "web/api/customer_access.py:create_portal_session": "a link, nothing is written: tests/portal",
    "web/api/customer_access.py:create_customer_token": "the same for a browser: tests/entry_points",
    "web/api/ops.py:decide_returns": "decided by staff: tests/entry_points/test_bills.py",
    "web/portal/entering.py:leave": "a session ends, and nothing else: tests/portal/test_sign_in.py",
    "web/portal/choosing.py:make_quote": "the API's quote behind a form: tests/portal",
    "web/portal/choosing.py:submit": "the API's request behind a form: tests/portal",
    "web/portal/progress.py:cancel": "the API's cancel behind a form: tests/portal",
    "web/api/invoices.py:create_invoice_payment": "a renewal's second attempt: tests/portal/test_money_on_its_way.py",
    "web/portal/paying.py:pay_invoice_again": "the same behind a form: tests/portal/test_money_on_its_way.py",
    "web/portal/paying.py:pay_again": "the API's second attempt behind a form: tests/portal",
    "tasks/retention.py:delete_old": "nothing is as old in a day of chaos: tests/steps/test_retention.py",
    "tasks/watch.py:found": "looks, and writes nothing: tests/entry_points/test_doctor.py",
    "publish in tasks/renewals.py:run": "the kills leave its publish no turn: tests/steps/test_round_trips.py",
    "tasks/requests.py:_end": "by a Celery message: tests/entry_points/test_cancellations.py",
    "tasks/requests.py:request_cancellation_by_message": "the same: tests/entry_points/test_cancellations.py",
    "web/portal/ending.py:end": "the API's cancellation behind a form: tests/portal",
    "web/portal/ending.py:keep": "the same taken back: tests/portal",
    "web/staff/entering.py:sign_in": "a session begins, and nothing else: tests/staff/test_sign_in.py",
    "web/staff/entering.py:sign_out": "a session ends, and nothing else: tests/staff/test_sign_in.py",
    "tasks/payments.py:allocate_credit": "credit comes while something is open: tests/money/test_arriving_credit.py",
    "web/staff/decisions.py:compensate": "the API's behind a form: tests/staff/test_deciding.py",
    "web/staff/decisions.py:try_again": "the API's behind a form: tests/staff/test_deciding.py",
    "web/staff/decisions.py:resend": "a mail once more: tests/staff/test_deciding.py",
    "storage.stored": "for an operator's command after a restore: tests/steps/test_after_restore.py",
}
# What enqueues (tasks/story.py).
ENQUEUERS = {"enqueue", "enqueue_claimed", "enqueue_events", "enqueue_task", "publish_next"}
ENGINE_CALLS = re.compile(r"\b(gateway|provisioner|storage)\.(\w+)\(")


def crash_everywhere(workload: Workload, share: int = 100) -> RunResult:
    """On servers of its own. `share`: at how many of a hundred boundaries a process dies."""
    with chaos_stack(share) as chaos:
        chaos.arm()
        result = run_stories(chaos, workload, until_over)
        result.boundaries = chaos.seen()
    return result


def until_over(chaos: ChaosStack, over: threading.Event) -> int:
    over.wait()
    chaos.disarm()
    return sum(line.startswith("killed") for line in chaos.seen())


def uncovered(boundaries: list[str]) -> list[str]:
    """Functions that commit, publish or make an external call, and at which no process has died."""
    text = "\n".join(boundaries)
    commits = set(_functions_calling("tasks", {"transaction", "local_step", "external_step"}))
    commits |= set(_functions_calling("web", {"transaction_for", "transaction", "single_statement"}, writing=True))
    commits |= set(_functions_calling("web/webhooks", {"transaction", "single_statement"}))
    publishes = {name for folder in ("tasks", "web/webhooks") for name in _functions_calling(folder, ENQUEUERS)}
    missing = [f"commit in {name}" for name in sorted(commits) if not _died_at(text, "commit", name)]
    missing += [f"publish in {name}" for name in sorted(publishes) if not _died_at(text, "publish", name)]
    calls = {f"{kind}.{method}" for file in engine_files() for kind, method in _calls(file)}
    return missing + [f"call {call}" for call in sorted(calls - set(ELSEWHERE)) if f"call {call} " not in text]


def _died_at(text: str, kind: str, name: str) -> bool:
    if name in ELSEWHERE or f"{kind} in {name}" in ELSEWHERE:
        return True
    return bool(re.search(rf"{kind} .*in {re.escape(name)}$", text, re.MULTILINE))


def engine_files(root: Path = ROOT) -> list[Path]:
    """Every file of the engine, in its packages too."""
    return sorted((root / "engine").rglob("*.py"))


def _calls(file: Path) -> Iterator[tuple[str, str]]:
    yield from ENGINE_CALLS.findall(file.read_text(encoding="utf-8"))


def _functions_calling(folder: str, names: set[str], writing: bool = False) -> Iterator[str]:
    """`writing`: of the routes, only those that may change something."""
    for file in sorted((ROOT / folder).rglob("*.py")):
        relative = str(file.relative_to(ROOT))
        if relative in ("tasks/run.py", "tasks/story.py"):
            continue
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef) or (writing and not _is_writing_route(function)):
                continue
            called = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
            if called & names:
                yield f"{relative}:{function.name}"


def _is_writing_route(function: ast.FunctionDef) -> bool:
    decorators = " ".join(ast.unparse(decorator) for decorator in function.decorator_list)
    return any(f".{method}(" in decorators for method in ("post", "put", "patch", "delete"))
