"""The `@web` entrypoint: serves an ASGI application with uvicorn, on a native thread of its own."""

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
from services.portal import sessions, sign_in_providers, trial
from services.portal.config import Settings

log = structlog.get_logger()

WAITING_MAX = 2048
"""Connections that may wait to be accepted, e.g. those of all live pages after a restart."""
ACCEPTED_AT_ONCE = 32
"""Connections that are accepted in one step of the event loop."""
DRAIN_SECONDS = 3
"""Time that open requests get to finish; live pages then reconnect to another replica."""


class OwnSettings(DependencyProvider):
    """Injects the settings of the portal, after checking that they fit together."""

    def setup(self) -> None:
        """Check the settings of sessions, the trial and sign-in.

        Raises:
            NotReady: the portal must not run with these settings; the message names each mistake
                and its setting. The operator's fault.
        """
        settings: Settings = self.container.settings
        if found := [
            *sessions.mistakes(settings),
            *trial.mistakes(settings),
            *sign_in_providers.mistakes(settings),
        ]:
            raise NotReady("; ".join(found))

    def get_dependency(self, worker_ctx: WorkerContext) -> Settings:
        """Return the settings of the portal; the same for every worker."""
        settings: Settings = self.container.settings
        return settings


class Web(Looping):
    """Serves the ASGI application that the decorated method returns, until the process stops.

    Its event loop is the only one of the process. It handles no signals; the kernel does.
    """

    def setup(self) -> None:
        """Prepare the extension; nothing listens yet."""
        super().setup()
        self._server: uvicorn.Server | None = None

    def stop(self) -> None:
        """Accept no more requests, and wait up to three seconds for open ones to finish."""
        self.stopping.set()
        if self._server is not None:
            self._server.should_exit = True
        super().stop()

    @property
    def unready(self) -> str:
        """Why no page can be answered now; empty if pages can."""
        return "" if self._server is not None and self._server.started else "not listening"

    def loop(self) -> None:
        """Serve until stopped.

        Raises:
            RuntimeError: the server ended without being stopped, e.g. because the application did
                not start: the settings do not allow calls to a service.
        """
        settings: Settings = self.container.settings
        with self.container.worker(self) as method:
            self._server = _Server(configuration(method(), settings))
            if not self.stopping.is_set():
                asyncio.run(self._server.serve())
        if not self.stopping.is_set():
            raise RuntimeError("the web server ended by itself")


def configuration(application: Any, settings: Settings) -> uvicorn.Config:
    """Return the configuration with which uvicorn serves an application.

    `X-Forwarded-For` is trusted from the configured proxies only; by default, uvicorn would trust
    any peer on loopback. Open requests get three seconds to finish at the end.

    Args:
        application: the ASGI application.
        settings: host and port to listen on, and the trusted proxies.
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
        # asyncio uses one number as the backlog and as the connections to accept in one step.
        for server in self.servers:
            for listening in server.sockets:
                with listening.dup() as own:
                    own.listen(WAITING_MAX)

    def capture_signals(self) -> Any:
        # Only the main thread can capture signals, and the kernel already does.
        return nullcontext()


web = Web.decorator
