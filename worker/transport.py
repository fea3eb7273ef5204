"""kombu's Redis transport with one mend: an acknowledgement that the broker did not take gives its place back.

kombu counts a message as in hand until its acknowledgement is written. One that fails (the broker is away for longer
than the socket's time-out) is logged and never tried again, so its place is taken for ever: with prefetch 1, a worker
that is connected, alive, and takes no message any more. The broker still lists the message as unacknowledged and
delivers it again after the visibility time-out, which harms nobody.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES, redis, virtual


class QoS(redis.QoS):
    """Counts the messages in hand."""

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            self._give_place_back(delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue=requeue)
        except Exception:
            self._give_place_back(delivery_tag)
            raise

    def _give_place_back(self, delivery_tag: str) -> None:
        virtual.QoS.ack(self, delivery_tag)


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel


def register() -> None:
    """Broker URLs with the schemes redis and rediss lead here from now on."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
