"""The gateways that Planshift can talk to, by the name that stands in the webhook's address and in the connection."""

from gateways.manual import ManualGateway
from gateways.mollie import MollieGateway
from gateways.protocol import Gateway
from gateways.standard import StandardGateway
from gateways.stripe import StripeCheckout, StripeIntents

# The one whose payments operators record.
BY_HAND = "manual"

GATEWAYS: dict[str, Gateway] = {
    "standard": StandardGateway(),
    "stripe": StripeCheckout(),
    "stripe-intents": StripeIntents(),
    "mollie": MollieGateway(),
    BY_HAND: ManualGateway(),
}
