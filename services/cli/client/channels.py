"""The one place where commands open channels: with TLS where the stack or the settings say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import grpc

from services.cli.client.stack import Stack
from services.cli.errors import USAGE, Failure
from services.kernel.config import KernelSettings, load
from services.kernel.tls import Connection, TlsTrouble


def open_channel(
    stack: Stack, address: str, options: Sequence[tuple[str, Any]] = ()
) -> grpc.Channel:
    """Return a channel to a service; close it after use. It connects with the first call.

    `KIENG_TLS_AUTHORITY_FILE` says whom to believe; without it, the authority of the stack.

    Raises:
        Failure: the files are unusable, or the call would be plain text beyond loopback.
    """
    settings = load(KernelSettings)
    if settings.tls_authority_file is None and stack.authority:
        own = {"tls_authority_file": Path(stack.authority)}
        settings = settings.model_copy(update=own)
    try:
        connection = Connection(address, settings, lambda channel: channel, options)
        return cast(grpc.Channel, connection.current())
    except TlsTrouble as trouble:
        raise Failure(str(trouble), USAGE) from trouble
