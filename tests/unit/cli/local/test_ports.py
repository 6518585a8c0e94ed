from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from services.cli.local import ports
from services.cli.local.ports import free_ports, taken_ports

ANOTHER = """
import sys
from services.cli.local import ports
ports.PORTS = [int(each) for each in sys.argv[1:]]
print(ports.free_ports(1))
"""


def another_process(*numbers: int) -> subprocess.CompletedProcess[str]:
    """Let another process look for a free port among these."""
    argv = (sys.executable, "-c", ANOTHER, *map(str, numbers))
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_free_ports_are_different_and_no_process_listens_there() -> None:
    found = free_ports(5)
    assert len(set(found)) == 5
    assert taken_ports(found) == []
    with ExitStack() as stack:
        for port in found:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        assert taken_ports(found) == found


def test_a_port_is_given_to_one_process_only_until_that_one_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (mine,) = free_ports(1)
    assert "fewer than 1 ports" in another_process(mine).stderr
    unknown = (port for port in ports.PORTS if port not in ports._reserved)
    spare = next(port for port in unknown if not taken_ports([port]))
    monkeypatch.setattr(ports, "PORTS", [spare])
    assert another_process(spare).stdout == f"[{spare}]\n"
    assert free_ports(1) == [spare]
    with pytest.raises(OSError, match="fewer than 1 ports"):
        free_ports(1)


def test_a_reservation_that_cannot_be_written_stops_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    monkeypatch.setattr(ports, "_reservations", lambda: reading)
    with pytest.raises(OSError, match="Bad file descriptor"):
        free_ports(1)
