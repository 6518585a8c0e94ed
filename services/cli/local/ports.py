"""Free ports of this machine, reserved between processes that look for some at once."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path

# Below Linux's range for outgoing connections, so that no client's socket takes a port found free.
PORTS = range(20_000, 32_000)
RESERVED_BY_OTHERS = (errno.EACCES, errno.EAGAIN)

_reserved: set[int] = set()
"""Ports that this process has reserved, or a process that it was forked from."""


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports of 127.0.0.1 on which no process listens now.

    They stay reserved for this process as long as it runs: until its children listen there, a
    second stack that starts at the same time gets others. This holds between processes of one user.

    Raises:
        OSError: fewer ports are free, or the file of reservations cannot be written.
    """
    shuffled = random.sample(PORTS, len(PORTS))
    free = (p for p in shuffled if p not in _reserved and not _is_taken(p) and _reserve(p))
    found = list(islice(free, count))
    if len(found) < count:
        raise OSError(f"fewer than {count} ports of 127.0.0.1 are free")
    return found


def taken_ports(ports: Iterable[int]) -> list[int]:
    """Return those of the given ports of 127.0.0.1 on which a process listens now."""
    return [port for port in ports if _is_taken(port)]


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # Servers set this, too; otherwise a port with a closing connection would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _reserve(port: int) -> bool:
    """Lock the byte of a port in the file of reservations; return False if another process did.

    The system lifts the locks of a process that ends, however it ends.
    """
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError as error:
        if error.errno not in RESERVED_BY_OTHERS:
            raise
        return False
    _reserved.add(port)
    return True


@cache
def _reservations() -> int:
    """Return the open file of reservations; closing it would lift the locks of this process."""
    path = Path(tempfile.gettempdir(), f"kieng-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
