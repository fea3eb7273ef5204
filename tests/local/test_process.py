"""A child is watched, stopped, and cannot outlive its supervisor."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.process import Command, NotReady, Process, ProcessDied, logs
from local.supervisor import Stop, Supervisor, stop_on_signals

STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
OBEDIENT = "import time; print('up', flush=True); time.sleep(60)"


def python(folder: Path, name: str, program: str, **how: float) -> Process:
    argv = [sys.executable, "-c", program]
    return Process(Command(name=name, argv=argv, log=folder / f"{name}.log", ready=logs("up"), **how))  # type: ignore[arg-type]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_stops_on_request(tmp_path: Path) -> None:
    process = python(tmp_path, "child", OBEDIENT)
    process.begin()
    process.wait_ready()
    pid = process.pid
    process.stop()
    assert not is_running(pid)


def test_a_child_that_does_not_obey_is_killed(tmp_path: Path) -> None:
    process = python(tmp_path, "child", STUBBORN, stop_seconds=0.2)
    process.begin()
    process.wait_ready()
    pid = process.pid
    process.stop()
    assert not is_running(pid)


def test_a_child_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    process = python(tmp_path, "worker", "import sys; print('no broker at all'); sys.exit(3)")
    process.begin()
    with pytest.raises(ProcessDied, match=r"worker ended with code 3(?s:.)*no broker at all"):
        process.wait_ready()


def test_a_child_that_is_not_ready_in_time_is_reported(tmp_path: Path) -> None:
    process = python(tmp_path, "worker", "import time; print('still loading', flush=True); time.sleep(60)")
    process.begin()
    try:
        assert eventually(lambda: "still loading" in process.output())
        with pytest.raises(NotReady, match=r"worker was not ready after 0\.1 s(?s:.)*still loading"):
            process.wait_ready(0.1)
    finally:
        process.kill()


def test_output_begins_at_the_latest_start(tmp_path: Path) -> None:
    process = python(tmp_path, "child", OBEDIENT)
    for _ in range(2):
        process.begin()
        process.wait_ready()
        process.kill()
    assert process.output() == "up\n"
    assert process.command.log.read_text() == "up\nup\n"


def test_supervisor_reports_the_one_that_died(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        for name in ("steady", "fragile"):
            supervisor.begin(python(tmp_path, name, OBEDIENT))
        supervisor.wait_ready()
        os.kill(supervisor.process("fragile").pid, signal.SIGKILL)
        with pytest.raises(ProcessDied, match="fragile was killed by SIGKILL"):
            supervisor.watch(Stop())
        steady = supervisor.process("steady").pid
        assert is_running(steady)
    assert not is_running(steady)


def test_supervisor_stops_the_last_wave_first(tmp_path: Path) -> None:
    says = "import signal,sys,time; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); print('up', flush=True)\n"
    says += f"try: time.sleep(60)\nfinally: open({str(tmp_path / 'order')!r}, 'a').write(NAME)"
    with Supervisor() as supervisor:
        for name in ("server ", "worker "):
            supervisor.begin(python(tmp_path, name.strip(), says.replace("NAME", repr(name))))
            supervisor.wait_ready()
    assert (tmp_path / "order").read_text() == "worker server "


def test_a_signal_sets_the_stop_event() -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)


def test_a_signal_may_come_in_the_midst_of_the_wait_for_it() -> None:
    """At each line of it, one after the other: whoever waits for a lock then, waits for themselves."""
    program = """
import signal, sys
from local.supervisor import stop_on_signals

def has_line(number):
    lines = 0
    def trace(_frame, event, _value):
        nonlocal lines
        if event == "line":
            if lines == number:
                signal.raise_signal(signal.SIGTERM)
            lines += 1
        return trace
    with stop_on_signals() as stop:
        sys.settrace(trace)
        stop.wait(0.01)
        sys.settrace(None)
        assert stop.is_set() == (lines > number)
    return lines > number

count = 0
while has_line(count):
    count += 1
print(count)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert int(done.stdout) > 1


def test_nothing_outlives_a_killed_supervisor() -> None:
    program = """
import sys, time
from local.folders import temporary_folder
from local.process import Command, Process
from local.postgres import Postgres
from local.valkey import Valkey
throw_away = temporary_folder("killed")
folder = throw_away.__enter__()
child = Process(Command(name="child", argv=[sys.executable, "-c", "import time; time.sleep(60)"], log=folder / "log"))
postgres, valkey = Postgres(folder / "postgres", fsync=False), Valkey(folder / "valkey")
for one in (child, postgres, valkey): one.begin()
for one in (child, postgres.process, valkey.process): one.wait_ready()
print(child.pid, postgres.process.pid, valkey.process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        pids = [int(pid) for pid in supervisor.stdout.readline().split()]
        assert len(pids) == 3
        assert all(is_running(pid) for pid in pids)
        supervisor.kill()
    assert eventually(lambda: not any(is_running(pid) for pid in pids))
