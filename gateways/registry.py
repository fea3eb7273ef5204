"""The gateways that Planshift can talk to, by the name that stands in the webhook's address and in the connection."""

from gateways.manual import ManualGateway
from gateways.protocol import Gateway
from gateways.standard import StandardGateway

# The one whose payments operators record.
BY_HAND = "manual"

GATEWAYS: dict[str, Gateway] = {
    "standard": StandardGateway(),
    BY_HAND: ManualGateway(),
}
