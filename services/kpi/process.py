"""The one protocol of subprocesses that do long work.

A parent starts `python -m MODULE` with a `Child` and writes one request to its standard input; the
module ends with `serve(work)`. The child writes messages to its standard output:

    message := line *( attachment )
    line    := {"message": FIELDS, "attached": [LENGTH, ...]}   a step, or a result
             | {"refused": {"status": ..., "message": ..., "reason": ...}}
             | {"failed": TEXT}
             | {"ended": true}

A request has the form of a message. A child that ends without one of the last three has died. It
has a lower priority than its parent, reads its settings, and ends when the parent does: its input
ends then, however the parent died.
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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol

import structlog

from services.kernel.config import KernelSettings, load
from services.kernel.errors import Exhausted, Refusal, Unavailable, WrongState
from services.kpi.config import Settings, environment

log = structlog.get_logger()

NICENESS = 10
STOP_SECONDS = 5.0
WANTED_SECONDS = 0.25
"""Between two questions whether a silent child is still wanted."""


class ChildFailed(Exception):
    """A child could not do its work, or died; says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request, a step or a result.

    Args:
        fields: what JSON can say.
        attached: bytes that go with it.
    """

    fields: Mapping[str, Any]
    attached: tuple[bytes, ...] = ()

    def write(self, out: IO[bytes]) -> None:
        """Write the message and flush it."""
        lengths = [len(content) for content in self.attached]
        _write_line(out, {"message": self.fields, "attached": lengths}, *self.attached)


class Send(Protocol):
    """Sends a message to the parent of a child."""

    def __call__(self, fields: Mapping[str, Any], *attached: bytes) -> None:
        """Send what JSON can say, and bytes that go with it."""


class Child:
    """A child and what it says, which is read while it runs: a full pipe would hold it for ever.

    Args:
        module: runs `serve`.
        settings: those of the parent; the child gets the same.
        request: what it has to do.
    """

    def __init__(self, module: str, settings: KernelSettings, request: Message) -> None:
        self.request = request
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(settings),
        )
        self._said: queue.SimpleQueue[Message | Exception | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="child-output", daemon=True)
        self._reader.start()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it died already, which its output tells
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
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def messages(self, timeout: float | None = None) -> Iterator[Message | None]:
        """Yield what the child says until it has ended well.

        Args:
            timeout: yield None whenever the child said nothing for so many seconds.

        Raises:
            Refusal: the child refused the request.
            ChildFailed: it failed, or it died.
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
        """Return the fields of the last message; wait for it.

        Raises:
            Refusal: the child refused the request.
            ChildFailed: it failed, or it died.
        """
        # A process that it started may hold the pipe longer than it lives.
        said = [message for message in self.messages(STOP_SECONDS) if message is not None]
        return said[-1].fields if said else {}

    def end(self) -> None:
        """Wait until it has ended, and kill it when that takes long."""
        self._close(STOP_SECONDS)

    def kill(self) -> None:
        """End it at once."""
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
        # Bounded: a process that it started may hold the pipe a little longer.
        self._reader.join(STOP_SECONDS)


def run(
    module: str, settings: KernelSettings, request: Message, is_wanted: Callable[[], bool]
) -> Generator[Message, None, None]:
    """Run a child and yield what it says; it is killed when the caller stops, or is not wanted.

    Args:
        module: runs `serve`.
        settings: those of the parent; the child gets the same.
        request: what the child has to do.
        is_wanted: whether anybody still waits for it.

    Raises:
        Refusal: the child refused the request.
        Unavailable: it failed, or it died.
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
        child.kill()


class OneAtATime:
    """Admits one piece of work of a kind per process. Thread-safe.

    Args:
        what: the kind, in words.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._busy = threading.Lock()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold the place while the body runs.

        Raises:
            Exhausted: another one holds it; repeat later.
        """
        if not self._busy.acquire(blocking=False):
            text = f"another {self._what} runs in this process; repeat when it is done"
            raise Exhausted(text)
        try:
            yield
        finally:
            self._busy.release()


def serve(work: Callable[[Settings, Message, Send], None]) -> int:
    """Do what standard input asks for: the main function of a child; return its exit code.

    Args:
        work: does it, and sends messages.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    os.nice(max(0, NICENESS - os.nice(0)))  # a subprocess of a subprocess is as low as that
    out = sys.stdout.buffer
    # Standard output is for messages alone.
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
    _write_line(out, {"ended": True})
    return 0


def _write_line(out: IO[bytes], document: Mapping[str, Any], *attached: bytes) -> None:
    out.write(json.dumps(document).encode() + b"\n")
    for content in attached:
        out.write(content)
    out.flush()


def _said(stream: IO[bytes]) -> Iterator[Message | Exception | None]:
    """Yield messages; an exception or None is the last word, and a stream that ends has none."""
    for line in stream:
        try:
            document = json.loads(line)
        except ValueError:
            return  # it died while it wrote
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
    # The parent writes nothing after its request: the pipe ends when the parent does.
    os.read(0, 1)
    os._exit(1)
