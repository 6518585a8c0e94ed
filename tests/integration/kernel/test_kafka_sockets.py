"""Clients of the tests leave no socket to the garbage collector, which would warn in any test."""

from __future__ import annotations

import gc
import logging
import socket
import warnings
from collections.abc import Callable
from contextlib import suppress

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.net.inet import create_connection
from kafka.net.selector import NetworkSelector

HOST = "127.0.0.1"


def reach_nobody() -> None:
    """A client that is refused at each try."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with suppress(KafkaError):
        KafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", bootstrap_timeout_ms=300)


def close_while_connecting() -> None:
    """A client that is closed just when it connects."""
    with socket.create_server((HOST, 0)) as listener:
        selector = NetworkSelector()
        selector.call_soon(lambda: create_connection(selector, *listener.getsockname()))
        selector._poll_once(0)
        selector.close()


@pytest.mark.parametrize("end", [reach_nobody, close_while_connecting])
def test_a_client_that_is_never_connected_leaves_no_socket(
    end: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest keeps what is logged, errors with their frames included.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        end()
        gc.collect()
    assert not [str(each.message) for each in seen]
