"""How commands connect to a broker: with the settings of the services, from the environment."""

from __future__ import annotations

from typing import Any

from kafka import KafkaAdminClient

from services.kernel.config import KernelSettings, load


def options(bootstrap: str) -> dict[str, Any]:
    """Return the arguments for any client of kafka-python to connect to ``bootstrap``.

    Login and TLS come from the settings `KIENG_KAFKA_...`.

    Raises:
        KafkaConnectionError: no broker listens at this address.
    """
    return load(KernelSettings).model_copy(update={"kafka_bootstrap": bootstrap}).kafka_options()


def admin(bootstrap: str) -> KafkaAdminClient:
    """Return an admin client, which the caller closes after use.

    Raises:
        KafkaError: the broker does not answer, or refuses the login.
    """
    return KafkaAdminClient(**options(bootstrap))
