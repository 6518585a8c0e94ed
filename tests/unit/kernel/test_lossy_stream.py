"""Messages that a full disk does not take are lost, and nothing else happens."""

from __future__ import annotations

import io

import pytest

from services.kernel.lossy_stream import LossyStream


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_message_that_cannot_be_written_is_lost_and_no_more() -> None:
    stream = LossyStream(Full())
    assert stream.write("text") == 4
    stream.flush()
    assert not stream.isatty()


def test_what_there_is_room_for_is_written() -> None:
    roomy = io.StringIO()
    assert LossyStream(roomy).write("text") == 4
    assert roomy.getvalue() == "text"


def test_a_real_device_without_room_fails_nobody() -> None:
    full = open("/dev/full", "w", buffering=1)  # noqa: SIM115  every write fails: no space left
    LossyStream(full).write("lost\n")
    LossyStream(full).flush()
    with pytest.raises(OSError, match="No space left"):
        full.close()
