"""Closes the sockets that kafka-python leaves to the garbage collector.

It leaves those that it connected in vain, and those that it still connects when their client is
closed (kafka-python 3.0). Their warning would fail whichever test the collector happens to run in.
"""

from __future__ import annotations

from typing import Any

from kafka.net.inet import KafkaNetSocket


def close_unconnected() -> None:
    """From now on, close each socket of Kafka clients in this process that is not connected."""
    connect = KafkaNetSocket.sock_connect

    async def sock_connect(self: Any, net: Any, sock: Any, *given: Any, **options: Any) -> Any:
        try:
            return await connect(self, net, sock, *given, **options)
        except BaseException:  # also that the coroutine is closed
            sock.close()
            raise

    KafkaNetSocket.sock_connect = sock_connect
