"""The `@web` entrypoint: serves an ASGI application by uvicorn, on one native thread."""

from __future__ import annotations

import asyncio
import socket
from contextlib import nullcontext
from typing import Any

import structlog
import uvicorn
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.container import Looping
from services.kernel.errors import NotReady
from services.portal import providers, sessions, trial
from services.portal.config import Settings

log = structlog.get_logger()

WAITING_MAX = 2048
"""Connections that wait to be accepted, e.g. those of all live pages after a restart."""
ACCEPTED_AT_ONCE = 32
"""Connections that are accepted in one step of the event loop."""
DRAIN_SECONDS = 3
"""Time that open pages get to end; live ones reconnect to another replica."""


class OwnSettings(DependencyProvider):
    """Injects the settings of the portal."""

    def setup(self) -> None:
        """Check what the settings say together.

        Raises:
            NotReady: the portal must not run as set; each mistake is named with its setting.
        """
        settings: Settings = self.container.settings
        if found := [
            *sessions.mistakes(settings),
            *trial.mistakes(settings),
            *providers.mistakes(settings),
        ]:
            raise NotReady("; ".join(found))

    def get_dependency(self, worker_ctx: WorkerContext) -> Settings:
        """Return the settings."""
        settings: Settings = self.container.settings
        return settings


class Web(Looping):
    """Serves the application that its method returns, until the process stops.

    uvicorn's event loop is the only one of the process; it handles no signals, the kernel does.
    """

    def setup(self) -> None:
        """Prepare the thread; nothing is bound yet."""
        super().setup()
        self._server: uvicorn.Server | None = None

    def stop(self) -> None:
        """Take no more requests, let open ones end for three seconds, and wait for that."""
        self.stopping.set()
        if self._server is not None:
            self._server.should_exit = True
        super().stop()

    @property
    def unready(self) -> str:
        """Why no page would be answered now; empty if it would."""
        return "" if self._server is not None and self._server.started else "not listening"

    def loop(self) -> None:
        """Serve until stopped.

        Raises:
            RuntimeError: the server ended by itself, e.g. as a service must not be called.
        """
        settings: Settings = self.container.settings
        with self.container.worker(self) as method:
            self._server = _Server(configuration(method(), settings))
            if not self.stopping.is_set():
                asyncio.run(self._server.serve())
        if not self.stopping.is_set():
            raise RuntimeError("the web server ended by itself")


def configuration(application: Any, settings: Settings) -> uvicorn.Config:
    """Return the configuration of the web server.

    uvicorn by itself would believe `X-Forwarded-For` of anybody on loopback.
    """
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.web_port,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=ACCEPTED_AT_ONCE,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        lifespan="on",
    )


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # asyncio has one number for both: it accepts as many at once as may wait.
        for server in self.servers:
            for listening in server.sockets:
                with listening.dup() as own:
                    own.listen(WAITING_MAX)

    def capture_signals(self) -> Any:
        # Only the main thread may, and the kernel does already.
        return nullcontext()


web = Web.decorator
