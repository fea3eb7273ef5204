"""The two sample providers, connected with the sandbox gateway and host: what `up`, `demo` and the tests start from."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import httpx

from domain.catalog import Catalog
from domain.catalog_file import parse_catalog
from engine.accounts.access import connect, create_key
from engine.accounts.catalogs import load_catalog
from engine.accounts.providers import required_provider
from local.stack import Addresses
from models.database import transaction
from models.provider import SCOPES

SAMPLES = Path(__file__).parent.parent / "catalogs"


def sample_catalogs() -> list[Catalog]:
    """dns and hosting."""
    files = [SAMPLES / "dns.toml", SAMPLES / "hosting.toml"]
    return [parse_catalog(file.read_text(encoding="utf-8"), str(file)) for file in files]


def set_up_provider(catalog: Catalog, addresses: Addresses) -> dict[str, str]:
    """Loads a catalogue as a sandbox provider, connects it, and returns new API keys by scope."""
    with transaction() as session:
        load_catalog(session, catalog, sandbox=True)
        provider = required_provider(session, catalog.provider)
        api_key, webhook_secret, host_secret = secrets.token_urlsafe(24), _signing_secret(), _signing_secret()
        connect(session, provider, "gateway", "standard", addresses.gateway, api_key, (webhook_secret,))
        connect(session, provider, "host", "http", addresses.host, "", (host_secret,))
        keys = {scope: create_key(session, provider, [scope])[1] for scope in SCOPES}
    account = catalog.provider
    webhook_url = f"{addresses.receiver}/webhooks/standard/{account}"
    gateway = {"api_key": api_key, "webhook_url": webhook_url, "webhook_secrets": [webhook_secret]}
    with httpx.Client(timeout=10, trust_env=False) as client:
        client.put(f"{addresses.gateway}/accounts/{account}", json=gateway).raise_for_status()
        client.put(f"{addresses.host}/accounts/{account}", json={"secrets": [host_secret]}).raise_for_status()
    return keys


def _signing_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
