"""Opens the gRPC channels of all commands, with TLS if the stack or the settings demand it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import grpc

from services.cli.client.stack import Stack
from services.cli.errors import USAGE, Failure

UNENCRYPTED = ("127.0.0.1:", "localhost:", "[::1]:")
"""Prefixes of addresses on this machine, which a stack without TLS may call in plain text."""


def open_channel(
    stack: Stack, address: str, options: Sequence[tuple[str, Any]] = ()
) -> grpc.Channel:
    """Return a channel to the service at ``address``, which connects at the first call.

    The server's certificate must be signed by the authority in `KIENG_TLS_AUTHORITY_FILE`, or else
    by that of the stack. The caller closes the channel. ``options`` are those of grpcio.

    Raises:
        Failure: a certificate file cannot be used, or the call would be unencrypted although the
            service is not on this machine.
    """
    is_set = any(name.startswith(("KIENG_TLS_", "KIENG_CONFIG_")) for name in os.environ)
    if not is_set and not stack.authority and address.startswith(UNENCRYPTED):
        return grpc.insecure_channel(address, options)
    # Settings and certificates are imported only for calls that may need them.
    from services.kernel.config import KernelSettings, load
    from services.kernel.tls import Connection, TlsTrouble

    settings = load(KernelSettings)
    if settings.tls_authority_file is None and stack.authority:
        own = {"tls_authority_file": Path(stack.authority)}
        settings = settings.model_copy(update=own)
    try:
        connection = Connection(address, settings, lambda channel: channel, options)
        return cast(grpc.Channel, connection.current())
    except TlsTrouble as trouble:
        raise Failure(str(trouble), USAGE) from trouble
