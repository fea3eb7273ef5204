"""The gateways that Planshift can talk to, by the name that stands in the webhook's address and in the connection."""

from gateways.protocol import Gateway
from gateways.standard import StandardGateway

GATEWAYS: dict[str, Gateway] = {
    "standard": StandardGateway(),
}
