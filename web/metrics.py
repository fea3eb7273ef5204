"""Who may read /metrics: they name tenants, and say how the whole installation is."""

from __future__ import annotations

from hmac import compare_digest

from settings import settings

KEY_MISSING = "Send the installation's own key, PLANSHIFT_METRICS_KEY: Authorization: Bearer KEY."


def may_read(authorization: str | None) -> bool:
    key = settings().metrics_key
    known = key.get_secret_value() if key else ""  # an empty one is none, as docker-compose.yml hands it on
    return bool(known) and compare_digest(f"Bearer {known}".encode(), (authorization or "").encode())
