"""Rows in every state, for the tests of what is next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.steps.next_cases import CASES
from tests.steps.next_rows import Rows, rows_of


@pytest.fixture
def rows(servers: Stack) -> Iterator[Rows]:
    """A quiet row for each case, and a noisy one."""
    with rows_of(servers) as made:
        for case in CASES:
            made.make(case)
            if case.has_noise:
                made.make(case, noisy=True)
        made.write()
        yield made
