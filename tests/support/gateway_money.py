"""What a provider's people do at the sandbox gateway by hand."""

from __future__ import annotations

from engine.accounts.providers import required_provider
from models.database import transaction
from models.provider import connection_of
from tests.support import loopback


def refund_at_the_gateway(provider: str, checkout: str, amount: int, key: str = "by hand") -> None:
    """The provider's people send a part back there, without asking us."""
    with transaction() as session:
        connection = connection_of(session, required_provider(session, provider).id, "gateway")
        assert connection is not None
        login = {"Authorization": f"Bearer {connection.api_key[0]}", "Idempotency-Key": key}
        url = f"{connection.base_url}/v1/payments/{checkout.rpartition('/')[2]}/refunds"
    loopback.post(url, json={"amount": amount}, headers=login).raise_for_status()
