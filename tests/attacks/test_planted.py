"""What says that a weakness is not there sees one that is planted; `make attack` looks at those that need the stack."""

from __future__ import annotations

import pytest

from tests.attacks.planted import SEEN_BY, is_seen
from tests.attacks.planted_site.sitecustomize import WEAKNESSES


def test_each_weakness_has_its_test() -> None:
    assert SEEN_BY.keys() == WEAKNESSES.keys()


@pytest.mark.parametrize("name", ["silence", "neighbours", "containers"])
def test_a_planted_weakness_is_seen(name: str) -> None:
    assert is_seen(name)
