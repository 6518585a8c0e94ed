"""A way to a database that is cut at one command: before it comes there, or before its answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread

CHUNK_BYTES = 65536
CONNECT_SECONDS = 10.0


class CutWay:
    """A port that leads to a database until a command is sent, and nowhere afterwards.

    Args:
        to: host and port of the database.
        at: bytes by which the command is known.
        is_heard: whether the command still comes there, so that only its answer is lost.
    """

    def __init__(self, to: tuple[str, int], at: bytes, *, is_heard: bool) -> None:
        self._to, self._at = to, at
        self._is_heard = is_heard
        self._is_closed = False
        self._lock = Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listener]
        self.port = int(self._listener.getsockname()[1])
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to, CONNECT_SECONDS)
                server.settimeout(None)
                is_sent = Event()
                with self._lock:
                    self._open += [client, server]
                if self._is_closed:
                    self.close()
                for pump in (self._ask, self._answer):
                    Thread(target=pump, args=(client, server, is_sent), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, is_sent: Event) -> None:
        with suppress(OSError):
            while sent := client.recv(CHUNK_BYTES):
                if self._at in sent:
                    is_sent.set()
                    if not self._is_heard:
                        return self.close()
                server.sendall(sent)

    def _answer(self, client: socket.socket, server: socket.socket, is_sent: Event) -> None:
        with suppress(OSError):
            while answer := server.recv(CHUNK_BYTES):
                if is_sent.is_set():
                    return self.close()
                client.sendall(answer)

    def close(self) -> None:
        """Cut all connections, and let nobody connect again."""
        with self._lock:
            self._is_closed = True
            several, self._open = self._open, []
        for each in several:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def cut_way(to: tuple[str, int], at: bytes, *, is_heard: bool) -> Iterator[int]:
    """Yield the port of a `CutWay`, which is closed in the end."""
    way = CutWay(to, at, is_heard=is_heard)
    try:
        yield way.port
    finally:
        way.close()
