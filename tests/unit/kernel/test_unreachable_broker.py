"""What a client that cannot reach its broker leaves behind fails no later test."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError

from services.cli.local.ports import free_ports


@pytest.mark.parametrize("client", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_sockets_that_the_library_forgets_are_collected_in_silence(
    client: Callable[..., Any],
) -> None:
    """Fails without the filters of pyproject.toml, under "error", for unclosed sockets."""
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    with (
        pytest.raises(KafkaTimeoutError),
        closing(client(bootstrap_servers=nowhere, bootstrap_timeout_ms=200)),
    ):
        pass
    gc.collect()
