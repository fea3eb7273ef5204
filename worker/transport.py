"""kombu's Redis transport with four mends, and its transport of RabbitMQ with one, which stands at the end.

Two are for workers that would live on, or end, and take no message more.

An acknowledgement that the broker did not take gives its place back. kombu counts a message as in hand until its
acknowledgement is written; one that fails (the broker is away for longer than the socket's time-out) is logged and
never tried again, so with prefetch 1 the worker takes nothing any more. The broker still lists the message as
unacknowledged and delivers it again after the visibility time-out, which harms nobody.

What is on a queue and is no message is taken off and logged once; kombu lets it end the worker.

The third: what a message says of its queue is not believed. The fourth: one client for all messages of a channel, where
kombu makes one for each: half of what publishing costs.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, pyamqp, redis, virtual

from worker.broker import ANSWER_SECONDS

# What parsing raises; a broker that is away raises other errors, which the worker knows how to wait out.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)

log = logging.getLogger(__name__)


class QoS(redis.QoS):
    """Counts the messages in hand."""

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            self._free_slot(delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue=requeue)
        except Exception:
            self._free_slot(delivery_tag)
            raise

    def _free_slot(self, delivery_tag: str) -> None:
        virtual.QoS.ack(self, delivery_tag)


class Channel(redis.Channel):
    """Reads on after something that is no message."""

    QoS = QoS
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """A client holds no connection, its pool does: it may serve as long as that is the channel's."""
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[misc]
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[misc]
        return self._kept

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except UNREADABLE as error:
            log.error("something on a queue is no message and was taken off: %s", type(error).__name__)
            return True


class Transport(redis.Transport):
    """Knows where a message was: in the message itself its sender writes whatever it likes, and one that is delivered
    again would go to the queue that it names."""

    Channel = Channel

    def _deliver(self, message: dict[str, Any], queue: str | None) -> None:
        message["properties"]["delivery_info"] = {"exchange": queue, "routing_key": queue}
        super()._deliver(message, queue)


class SentinelChannel(Channel, redis.SentinelChannel):
    """The same, on the server that the Sentinels name."""


class SentinelTransport(Transport):
    default_port = redis.SentinelTransport.default_port
    Channel = SentinelChannel


class ConfirmedChannel(pyamqp.Channel):
    """Waits for the broker's confirmation of a message no longer than for anything else; kombu waits for ever on a
    connection that has fallen silent, and with it web, beat and the worker's main loop, which sends events."""

    def basic_publish_confirm(self, *args: Any, **values: Any) -> Any:
        return super().basic_publish_confirm(*args, **(values | {"confirm_timeout": ANSWER_SECONDS}))


class ConfirmedConnection(pyamqp.Connection):
    Channel = ConfirmedChannel


class ConfirmedTransport(pyamqp.Transport):
    Connection = ConfirmedConnection


class ConfirmedSSLTransport(pyamqp.SSLTransport):
    Connection = ConfirmedConnection


_TRANSPORTS = {
    "redis": Transport,
    "rediss": Transport,
    "sentinel": SentinelTransport,
    "amqp": ConfirmedTransport,
    "amqps": ConfirmedSSLTransport,
}


def register() -> None:
    """Broker URLs with these schemes lead here from now on."""
    for scheme, transport in _TRANSPORTS.items():
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{transport.__name__}"
