"""How the commands reach a broker: as the services do, by the settings in the environment."""

from __future__ import annotations

from typing import Any

from kafka import KafkaAdminClient

from services.kernel.config import KernelSettings, load


def options(bootstrap: str) -> dict[str, Any]:
    """Return the options of any client of kafka-python; `KIENG_KAFKA_...` say how to log in.

    Raises:
        KafkaConnectionError: no broker listens there.
    """
    return load(KernelSettings).model_copy(update={"kafka_bootstrap": bootstrap}).kafka_options()


def admin(bootstrap: str) -> KafkaAdminClient:
    """Return a client for topics and groups; close it after use.

    Raises:
        KafkaError: the broker does not answer, or refuses the login.
    """
    return KafkaAdminClient(**options(bootstrap))
