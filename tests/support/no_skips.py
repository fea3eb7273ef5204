"""A plugin of pytest: a test that is skipped, or expected to fail, has failed. Nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Generator

import pytest

WHY = "Nothing is skipped here and nothing is expected to fail: {}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", WHY.format(report.longrepr)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", WHY.format(report.longrepr)
    return report
