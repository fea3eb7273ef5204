"""Throw-away folders of runs that begin and end at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.folders import temporary_folder


@pytest.fixture
def shared_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("local.folders._parent", lambda: tmp_path)
    return tmp_path


def test_runs_that_begin_and_end_together_do_not_meet(shared_parent: Path) -> None:
    def run(_: int) -> bool:
        with temporary_folder("race") as folder:
            (folder / "data").mkdir()
            return (folder / "lock").exists()

    with ThreadPoolExecutor(8) as runs:
        assert all(runs.map(run, range(400)))
    assert list(shared_parent.iterdir()) == []


def test_what_a_killed_run_left_is_removed_and_a_living_run_is_not(shared_parent: Path) -> None:
    abandoned = shared_parent / "planshift-run-old-1"
    (abandoned / "postgres").mkdir(parents=True)
    (abandoned / "lock").touch()
    with temporary_folder("first") as first, temporary_folder("second") as second:
        assert not abandoned.exists()
        assert first.is_dir()
        assert second.is_dir()
