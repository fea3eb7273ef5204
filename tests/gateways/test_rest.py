"""What an answer says of the call: that it was done, a definite no, or nothing, so that the call is repeated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateways.protocol import Account, GatewayError, GatewayRefused, NotAtGateway
from gateways.registry import GATEWAYS
from tests.gateways.served import Routes, served

ADAPTERS = pytest.mark.parametrize(("adapter", "name"), [("standard", "The gateway"), ("mollie", "Mollie")])


class StatusInThePath(Routes):
    """Answers with the status that the path begins with, and always with the same words."""

    def do_GET(self) -> None:
        self.answer(int(self.path.split("/")[1]), {"words": 1})


class Busy(StatusInThePath):
    """The same, with an error as Stripe writes it and the pause that is asked for."""

    def do_GET(self) -> None:
        status = int(self.path.split("/")[1])
        self.answer(status, {"error": {"message": "words", "type": "api_error"}}, {"retry-after": "7"})


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served(StatusInThePath) as url:
        yield url


def fetch(adapter: str, url: str) -> None:
    GATEWAYS[adapter].fetch(Account("dns", url, "key", ()), "gw_1")


@ADAPTERS
@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503])
def test_these_say_nothing_of_the_outcome(server: str, adapter: str, name: str, status: int) -> None:
    with pytest.raises(GatewayError, match=rf"^{name} answered {status}\.$"):
        fetch(adapter, f"{server}/{status}")


@pytest.mark.parametrize("adapter", ["standard", "mollie", "stripe", "stripe-intents"])
def test_one_classification_for_all_adapters(adapter: str) -> None:
    with served(Busy) as url:
        for status in (408, 409, 425, 429, 500, 503):
            with pytest.raises(GatewayError) as unknown:
                fetch(adapter, f"{url}/{status}")
            assert unknown.value.retry_after == 7, "the pause that it asked for"
        for status in (400, 401, 402, 403, 404, 410, 422):
            with pytest.raises(GatewayRefused, match=f"refused with {status}.*words") as refused:
                fetch(adapter, f"{url}/{status}")
            assert isinstance(refused.value, NotAtGateway) is (status in (404, 410))


@ADAPTERS
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 410, 422])
def test_these_are_a_definite_no_with_the_gateways_words(server: str, adapter: str, name: str, status: int) -> None:
    with pytest.raises(GatewayRefused, match=rf'^{name} refused with {status}: {{"words": 1}}$'):
        fetch(adapter, f"{server}/{status}")


@ADAPTERS
def test_a_yes_that_makes_no_sense_is_no_outcome(server: str, adapter: str, name: str) -> None:
    with pytest.raises(GatewayError, match=rf"^{name}'s answer makes no sense: .*id"):
        fetch(adapter, f"{server}/200")


@ADAPTERS
def test_nobody_answers(adapter: str, name: str) -> None:
    with pytest.raises(GatewayError, match=rf"^{name} did not answer: ConnectError\.$"):
        fetch(adapter, "http://127.0.0.1:1")


@ADAPTERS
def test_an_address_that_is_none_is_a_definite_no(adapter: str, name: str) -> None:
    with pytest.raises(GatewayRefused, match=rf"^{name}'s address is not a URL: "):
        fetch(adapter, "http://[::1")
