"""The protocol between the KPI service and the subprocesses to which it gives long work.

The parent creates a `Child`, which starts `python -m MODULE` and writes one request to its standard
input; MODULE ends with `serve(work)`. The subprocess writes messages to its standard output:

    message := line *( attachment )
    line    := {"message": FIELDS, "attached": [LENGTH, ...]}   a step, or a result
             | {"refused": {"status": ..., "message": ..., "reason": ...}}
             | {"failed": TEXT}
             | {"ended": true}

A request has the form of a message. A subprocess that ends without one of the last three lines has
crashed. A subprocess has the same settings as its parent but, from its start, a lower priority. It
ends when its parent does, because its standard input is then closed, however the parent ended.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import structlog

from services.kernel.config import load
from services.kernel.errors import Refusal, Unavailable, WrongState
from services.kernel.front.charging import charge
from services.kpi.config import Settings, environment

log = structlog.get_logger()

STOP_SECONDS = 5.0
WANTED_SECONDS = 0.25
"""Seconds between two checks whether the caller still wants the result of a silent subprocess."""


class ChildFailed(Exception):
    """A subprocess failed or crashed; the message says how."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the subprocess protocol: a request, a step or a result.

    Args:
        fields: name -> JSON value.
        attached: binary attachments, in order.
    """

    fields: Mapping[str, Any]
    attached: tuple[bytes, ...] = ()

    def write(self, out: IO[bytes]) -> None:
        """Write the message and its attachments to a pipe and flush it."""
        lengths = [len(content) for content in self.attached]
        _write_line(out, {"message": self.fields, "attached": lengths}, *self.attached)


class Send(Protocol):
    """Function with which a subprocess sends a message to its parent."""

    def __call__(self, fields: Mapping[str, Any], *attached: bytes) -> None:
        """Send a message with these JSON fields and binary attachments to the parent."""


class Child:
    """A running subprocess of the KPI service, whose messages a thread reads as they arrive.

    It is started, and given its request, when the object is created.

    Args:
        module: name of the Python module to run; it ends with `serve`.
        settings: settings of the parent, which the subprocess gets too.
        request: what the subprocess is to do.
    """

    def __init__(self, module: str, settings: Settings, request: Message) -> None:
        self.request = request
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(settings),
        )
        # By the parent, because the start of a subprocess costs more than much of its work.
        os.setpriority(
            os.PRIO_PROCESS, self.process.pid, max(os.nice(0), settings.subprocess_niceness)
        )
        self._said: queue.SimpleQueue[Message | Exception | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="child-output", daemon=True)
        self._reader.start()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has crashed, which reading its output will show
            request.write(self.process.stdin)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for said in _said(output):
                self._said.put(said)
                if not isinstance(said, Message):
                    return
        self._said.put(self._death())

    def _death(self) -> ChildFailed:
        code = self.process.wait()
        return ChildFailed(f"process {self.process.pid} ended with code {code}")

    @property
    def is_running(self) -> bool:
        """Whether the subprocess is still running."""
        return self.process.poll() is None

    def messages(self, timeout: float | None = None) -> Iterator[Message | None]:
        """Yield the messages of the subprocess, in order, until it ends successfully.

        Args:
            timeout: yield None whenever no message has arrived for this many seconds; None to wait.

        Raises:
            Refusal: the subprocess refused the request.
            ChildFailed: the subprocess failed or crashed.
        """
        while True:
            try:
                said = self._said.get(timeout=timeout)
            except queue.Empty:
                if not self.is_running:
                    self._said.put(self._death())
                yield None
                continue
            if isinstance(said, Exception):
                raise said
            if said is None:
                return
            yield said

    def result(self) -> Mapping[str, Any]:
        """Wait for the subprocess to end; return the fields of its last message; empty if none.

        Raises:
            Refusal: the subprocess refused the request.
            ChildFailed: the subprocess failed or crashed.
        """
        # With a timeout, because a grandchild may keep the pipe open after a crash.
        said = [message for message in self.messages(STOP_SECONDS) if message is not None]
        return said[-1].fields if said else {}

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that the subprocess and its own ended subprocesses have used.

        Return 0 if it has crashed, because then nothing is known of it any more.
        """
        try:
            line = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):  # the latter if it just now ends
            return 0.0
        # The name, in brackets, may hold anything; of the fields behind it four are times.
        ticks = line.rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Wait for the subprocess to end; kill it if it takes longer than `STOP_SECONDS`."""
        self._close(STOP_SECONDS)

    def kill(self) -> None:
        """Kill the subprocess and wait until it is gone."""
        self.process.kill()
        self._close(None)

    def _close(self, seconds: float | None) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # With a timeout, because a grandchild may keep the pipe open a little longer.
        self._reader.join(STOP_SECONDS)


def run(
    module: str, settings: Settings, request: Message, is_wanted: Callable[[], bool]
) -> Generator[Message, None, None]:
    """Run a subprocess and yield its messages; kill it if the caller stops iterating or has left.

    Args:
        module: name of the Python module to run; it ends with `serve`.
        settings: settings of the parent, which the subprocess gets too.
        request: what the subprocess is to do.
        is_wanted: returns False once the caller no longer waits.

    Raises:
        Refusal: the subprocess refused the request.
        Unavailable: the subprocess failed or crashed.
    """
    child = Child(module, settings, request)
    try:
        for message in child.messages(WANTED_SECONDS):
            if not is_wanted():
                return
            if message is not None:
                yield message
    except ChildFailed as failed:
        log.error("a subprocess failed", module=module, reason=str(failed))
        text = "a subprocess died; repeat, and look into the log if it stays"
        raise Unavailable(text) from failed
    finally:
        charge(child.cpu_seconds())
        child.kill()


def serve(work: Callable[[Settings, Message, Send], None]) -> int:
    """Main function of a subprocess: do the work that the request on standard input asks for.

    Args:
        work: called once with settings, request and a function that sends messages; any error is
            reported to the parent.

    Returns:
        The exit code: 0 after success, 1 after an error.

    Raises:
        EOFError: standard input ended before a request came; reported as well.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    out = sys.stdout.buffer
    # Standard output is reserved for messages.
    sys.stdout = sys.stderr
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

    def send(fields: Mapping[str, Any], *attached: bytes) -> None:
        Message(fields, attached).write(out)

    try:
        request = next(_said(sys.stdin.buffer), None)
        if not isinstance(request, Message):
            raise EOFError("there is no request")
        threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
        work(load(Settings), request, send)
    except Refusal as refused:
        said = {"status": refused.status, "message": refused.message, "reason": refused.reason}
        _write_line(out, {"refused": said})
        return 1
    except Exception as error:
        _write_line(out, {"failed": f"{type(error).__name__}: {error}"})
        return 1
    finally:
        # From here on the process only ends; an exception would only fill the log.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _write_line(out, {"ended": True})
    return 0


def _write_line(out: IO[bytes], document: Mapping[str, Any], *attached: bytes) -> None:
    out.write(json.dumps(document).encode() + b"\n")
    for content in attached:
        out.write(content)
    out.flush()


def _said(stream: IO[bytes]) -> Iterator[Message | Exception | None]:
    """Yield the messages in a stream, and last an exception, or None after success.

    The last item is missing if the subprocess crashed.
    """
    for line in stream:
        try:
            document = json.loads(line)
        except ValueError:
            return  # the subprocess crashed while writing
        if "message" in document:
            attached = [stream.read(length) for length in document["attached"]]
            yield Message(document["message"], tuple(attached))
        elif "refused" in document:
            refused = document["refused"]
            kind = WrongState if refused["status"] == WrongState.status else Unavailable
            yield kind(refused["message"], reason=refused["reason"])
        else:
            yield ChildFailed(document["failed"]) if "failed" in document else None


def _end_with_parent() -> None:
    # The parent writes nothing after its request, so this returns only when it has ended.
    os.read(0, 1)
    os._exit(1)
