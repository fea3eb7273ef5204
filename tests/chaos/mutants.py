"""A test of the tests: for each guarantee a bug is planted in a copy of the code, and its tests must fail.

python -m tests.chaos.mutants
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.folders import temporary_folder
from tests.chaos.copies import change, copy_of_the_code

TESTS_FAILED = 1


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands in `file` once and becomes `new`; `guard` is the test that must fail then."""

    bug: str
    file: str
    old: str
    new: str
    guard: str


MUTANTS = (
    Mutant(
        "commit before check: an invoice is settled that is not covered",
        "engine/settle.py",
        "if held < invoice.total:",
        "if False:",
        "tests/steps/test_money.py::test_a_part_does_not_settle_and_the_rest_does",
    ),
    Mutant(
        "a step that does not check the status",
        "engine/quote.py",
        "if change.status != Status.REQUESTED:",
        "if False:",
        "tests/steps/test_every_step_twice.py::test_an_upgrade_step_by_step_each_one_twice",
    ),
    Mutant(
        "publish before commit",
        "web/api/changes.py",
        "            following = None if repeated else next_work(tx.session, change.id)\n",
        "            publish_next(next_work(tx.session, change.id))\n            following = None\n",
        "tests/chaos/test_rules.py::test_nothing_is_enqueued_and_nobody_is_called_inside_a_transaction",
    ),
    Mutant(
        "an external call inside a transaction",
        "tasks/run.py",
        "        outcome = step.perform(call)\n        with _opened(step.opens, row, row_id) as (session, now):\n",
        "        with _opened(step.opens, row, row_id) as (session, now):\n            outcome = step.perform(call)\n",
        "tests/chaos/test_rules.py::test_nothing_is_enqueued_and_nobody_is_called_inside_a_transaction",
    ),
    Mutant(
        "no lease",
        "engine/jobs/external_call.py",
        "    if row.lease_until is not None and row.lease_runs:\n",
        "    if False:\n",
        "tests/steps/test_apply.py::test_two_workers_at_once_take_one_lease",
    ),
    Mutant(
        "no fencing of the host's answer",
        "engine/apply.py",
        " or change.fence != call.fence",
        "",
        "tests/chaos/test_fencing.py::test_a_late_no_does_not_stop_the_worker_that_took_over",
    ),
    Mutant(
        "no fencing of the gateway's answer",
        "engine/payments/checkout.py",
        "if attempt.fence != call.fence:",
        "if False:",
        "tests/chaos/test_fencing.py::test_a_late_answer_of_a_gateway_is_not_written",
    ),
    Mutant(
        "no fencing of a mail",
        "engine/notifications/mail.py",
        "if message.fence != call.fence:",
        "if False:",
        "tests/chaos/test_fencing.py::test_a_late_word_of_the_mail_server_is_not_written",
    ),
    Mutant(
        "an order back with the generation of the order that it takes back",
        "engine/operators/recovery.py",
        "    service.generation += 1\n",
        "",
        "tests/steps/test_recovery.py::test_a_call_that_wakes_up_after_the_compensation_is_refused_by_the_host",
    ),
    Mutant(
        "the host is ordered again without being read",
        "engine/apply.py",
        "read_first=change.apply_attempts > 1",
        "read_first=False",
        "tests/steps/test_apply.py::test_an_answer_that_got_lost_is_read_before_it_is_repeated",
    ),
    Mutant(
        "a row that is enqueued for ever",
        "engine/jobs/sweep.py",
        "else_=tried + 1)",
        "else_=tried)",
        "tests/steps/test_dead_letters.py::test_what_always_fails_is_given_up_and_finished_after_the_mend",
    ),
    Mutant(
        "an error that is not recorded",
        "tasks/run.py",
        "            _note(row, row_id, error)\n",
        "            pass\n",
        "tests/steps/test_dead_letters.py::test_what_always_fails_is_given_up_and_finished_after_the_mend",
    ),
    Mutant(
        "garbage on a queue ends the worker",
        "worker/transport.py",
        "        except UNREADABLE as error:\n",
        "        except ZeroDivisionError as error:\n",
        "tests/worker/test_poison.py::test_garbage_is_taken_off_and_the_worker_goes_on",
    ),
    Mutant(
        "a worker whose acknowledgement failed takes no message any more",
        "worker/transport.py",
        "        virtual.QoS.ack(self, delivery_tag)\n",
        "        pass\n",
        "tests/worker/test_transport.py::test_what_the_broker_did_not_take_gives_its_place_back",
    ),
    Mutant(
        "a host's clock that is set back silences beat",
        "worker/beat.py",
        "        if ahead:\n",
        "        if False:\n",
        "tests/worker/test_beat.py::test_a_clock_that_is_set_back_an_hour_does_not_silence_beat",
    ),
    Mutant(
        "acknowledged early",
        "worker/app.py",
        "task_acks_late=True",
        "task_acks_late=False",
        "tests/worker/test_settings.py::test_late_acknowledgement_a_dead_workers_message_comes_back",
    ),
    Mutant(
        "a task that kills its process is redelivered without end",
        "worker/app.py",
        "task_retry_on_worker_lost=True",
        "task_retry_on_worker_lost=False",
        "tests/worker/test_settings.py::test_a_task_that_kills_its_process_is_tried_again_a_bounded_number_of_times",
    ),
)


def survivors() -> list[str]:
    """The bugs that no test noticed. Raises AssertionError if the guards fail without any bug."""
    with temporary_folder("mutants") as folder:
        copy = folder / "copy"
        copy_of_the_code(copy)
        guards = sorted({mutant.guard for mutant in MUTANTS})
        sound = _run(copy, guards)
        assert sound.returncode == 0, f"the guards fail without a bug:\n{sound.stdout[-3000:]}"
        return [mutant.bug for mutant in MUTANTS if not _is_caught(copy, mutant)]


def _is_caught(copy: Path, mutant: Mutant) -> bool:
    file = copy / mutant.file
    sound = file.read_text(encoding="utf-8")
    change(file, mutant.old, mutant.new)
    try:
        return _run(copy, [mutant.guard]).returncode == TESTS_FAILED
    finally:
        file.write_text(sound, encoding="utf-8")


def _run(copy: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests]
    environment = dict(os.environ) | {"PYTHONPATH": str(copy)}
    return subprocess.run(command, cwd=copy, env=environment, check=False, capture_output=True, text=True)


if __name__ == "__main__":
    alive = survivors()
    print("\n".join(f"nobody noticed: {bug}" for bug in alive) or f"all {len(MUTANTS)} planted bugs were caught")
    sys.exit(1 if alive else 0)
