"""Who calls, as far as it is counted."""

from __future__ import annotations

import ipaddress

from starlette.types import Scope


def address_of(scope: Scope) -> str:
    """Who calls; of IPv6 the network of one household or server, which has more addresses than anybody can count."""
    text = (scope.get("client") or ("unknown",))[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else text
