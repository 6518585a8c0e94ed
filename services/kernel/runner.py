"""Runs one service in this process: `python -m services.kernel.runner NAME`.

NAME is the nameko name of a service class; its part before the first dot is the package in
`services/` whose `service.py` defines the class. SIGTERM and SIGINT drain and stop the service
within 20 seconds; an unknown error stops it with exit code 1.
"""

from __future__ import annotations

import faulthandler
import importlib
import logging
import signal
import socket
import sys
import threading
from functools import partial
from typing import Any, TextIO, cast

import eventlet.debug
import structlog

from services.kernel import tls, tracing
from services.kernel.config import KernelSettings, give_up, load
from services.kernel.container import NativeContainer
from services.kernel.errors import NotReady
from services.kernel.lossy_stream import LossyStream
from services.kernel.metrics import SERVICE_INFO, serve_http

STOP_SECONDS_MAX = 20.0
SWITCH_SECONDS = 0.0005
"""Time after which a thread yields the interpreter to a waiting one. An ordinary call needs the
interpreter five to ten times; while an expensive call runs, it would wait for Python's usual 5 ms
each time.
"""

log = structlog.get_logger()


def configure_log(service: str, log_format: str) -> None:
    """Set up logging: one line per event on standard output, with times in UTC.

    Args:
        service: nameko name of the service, added to every line.
        log_format: `json`, or `text` for people.
    """
    people: Any = structlog.dev.ConsoleRenderer(colors=False)
    machines: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            # A constant rather than a context variable, because threads do not inherit those.
            lambda _, level, event: {"service": service, **event},
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            machines if log_format == "json" else people,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, LossyStream(sys.stdout))),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(name)s: %(message)s")
    # kafka-python logs hundreds of lines a minute while a broker is down; consumers log it once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def find_service(name: str) -> tuple[type, type[KernelSettings]]:
    """Return the service class of a nameko name, and the settings class of its package.

    Raises:
        LookupError: the package has no class of that name.
        ModuleNotFoundError: there is no such package.
    """
    package = name.partition(".")[0]
    module = importlib.import_module(f"services.{package}.service")
    settings: type[KernelSettings] = importlib.import_module(f"services.{package}.config").Settings
    declared = {getattr(kind, "name", ""): kind for kind in vars(module).values()}
    if isinstance(declared.get(name), type):
        return declared[name], settings
    raise LookupError(f"services/{package}/service.py has no class named {name!r}")


def unready(container: NativeContainer) -> str:
    """Return why the service is not ready, the answer of `/readyz`; empty if it is ready."""
    if container.finished.is_set():
        return "stopping"
    return _complaint(container, "unready") or ("" if container.is_up else "starting")


def stalled(container: NativeContainer) -> str:
    """Return what hangs and needs a restart, the answer of `/healthz`; empty if nothing does."""
    return _complaint(container, "stalled")


def _complaint(container: NativeContainer, kind: str) -> str:
    return next(filter(None, (getattr(each, kind, "") for each in container.extensions)), "")


def _taken(settings: KernelSettings) -> list[str]:
    """Return one line for each configured port that cannot be bound; empty if all can."""
    found, family = [], socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for name in ("grpc_port", "http_port", "web_port"):
        port = getattr(settings, name, 0)
        with socket.socket(family) as probe:
            # Servers set this too; without it a port in TIME_WAIT would count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError as error:
                reason = f"{settings.host}:{port} cannot be taken: {error.strerror}"
                found.append(f"KIENG_{name.upper()}: {reason}")
    return found


def thread_failed(container: NativeContainer, failed: threading.ExceptHookArgs) -> None:
    """Stop the process because a thread of a library ended with an error, e.g. the one of grpcio.

    Without that thread the process might run on and answer no call. While the process stops, such
    an error is logged only.

    Args:
        container: the service's container.
        failed: the argument of `threading.excepthook`: the thread and its error.
    """
    error = failed.exc_value or RuntimeError(f"{failed.exc_type.__name__} in a thread")
    if container.finished.is_set():
        log.warning("a thread failed while the process stops", exc_info=error)
    else:
        container.fail(error)


def run(name: str) -> int:
    """Run a service until a signal or an error stops it.

    Args:
        name: nameko name of the service.

    Returns:
        Exit code: 0 after a signal, 1 after an error, 2 if a port cannot be bound. Wrong settings
            end the process with code 2 as well.
    """
    service_cls, settings_cls = find_service(name)
    settings = load(settings_cls)
    if taken := _taken(settings):
        print("The service cannot start:", *taken, sep="\n  ", file=sys.stderr)
        return 2
    if getattr(service_cls, "serves", ()) and (mistakes := tls.mistakes(settings)):
        give_up(mistakes)
    configure_log(name, settings.log_format)
    # An error of a start is raised here; the hub would print it as well, with its traceback.
    eventlet.debug.hub_exceptions(False)
    tracing.configure(name, settings.otlp_endpoint)
    sys.setswitchinterval(SWITCH_SECONDS)
    container = NativeContainer(service_cls, settings)
    threading.excepthook = partial(thread_failed, container)
    SERVICE_INFO.labels(name).set(1)
    checks = {"/healthz": lambda: stalled(container), "/readyz": lambda: unready(container)}
    http = serve_http(settings.host, settings.http_port, checks)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: container.finished.set())
    try:
        container.start()
    except NotReady as unfit:
        log.critical("cannot start", reason=str(unfit))
        return 1
    log.info("started", http_port=http.server_port)
    # Only this thread handles signals, and nothing wakes it when the kernel gives one to another.
    while not container.finished.wait(0.5):
        pass
    # If the service does not stop in time, dump all stacks and exit with code 1.
    faulthandler.dump_traceback_later(STOP_SECONDS_MAX, exit=True)
    container.stop()
    http.shutdown()
    http.server_close()
    log.info("stopped", failed=container.failure is not None)
    return 0 if container.failure is None else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python -m services.kernel.runner SERVICE", file=sys.stderr)
        raise SystemExit(2)
    # This copy of the module is __main__; extensions see the copy that they import.
    raise SystemExit(run(sys.argv[1]))
