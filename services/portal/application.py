"""The web application: its routes, compression, static files, and pages for errors."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.portal import metrics
from services.portal.answering import form, private, public, refusal
from services.portal.api.connect import Connect
from services.portal.api.document import document
from services.portal.config import Settings
from services.portal.loop import watch
from services.portal.pages.agreement import agreement
from services.portal.pages.cells import cell
from services.portal.pages.closed import closed_report
from services.portal.pages.editions import edition, editions
from services.portal.pages.editor import new, submission, write
from services.portal.pages.health import health
from services.portal.pages.import_template import template
from services.portal.pages.imports import choose, take
from services.portal.pages.inbox import inbox, mark_read, subscribe, subscription
from services.portal.pages.indicators import indicator
from services.portal.pages.live import live
from services.portal.pages.overlaps import overlaps
from services.portal.pages.overview import overview
from services.portal.pages.partners import partners
from services.portal.pages.programs import programs
from services.portal.pages.provider import begin, callback, sign_out
from services.portal.pages.queue import queue
from services.portal.pages.reports import report
from services.portal.pages.review import decide, decide_many
from services.portal.pages.sign_in import sign_in, sign_in_by_form
from services.portal.pages.submissions import submissions
from services.portal.pages.tables import table
from services.portal.pages.tree import tree
from services.portal.pages.units import unit
from services.portal.pages.works import work
from services.portal.pieces import STATIC, static
from services.portal.protection import IMPORT_BYTES_MAX, Protection
from services.portal.site import Page, Site

log = structlog.get_logger()

STREAMED = ("/api", "/live", "/import")
"""Beginnings of the paths that are not compressed: streams, and pages that contain a whole file."""
FOR_GOOD = "public, max-age=31536000, immutable"
COMPRESSED_FROM = 1000
"""Size in bytes from which a body is compressed."""


def application(settings: Settings) -> Any:
    """Return the ASGI application of the portal, with its limits and security headers.

    Args:
        settings: settings of the portal, already checked.
    """
    site = Site(settings)
    found = routes(site)
    metrics.LIVE_LIMIT.set(settings.live_pages)
    metrics.preset(route.path for route in found)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        site.services.check()
        # Otherwise the first use of each template would block the event loop, and each full
        # garbage collection would scan all imported modules.
        for name in site.environment.list_templates():
            site.environment.get_template(name)
        gc.freeze()
        watching = asyncio.create_task(watch())
        yield
        watching.cancel()
        await site.services.close()

    app = Starlette(
        routes=found,
        lifespan=lifespan,
        exception_handlers={HTTPException: _wrong_address, Exception: _failed},
    )
    app.state.site = site
    sessions = site.sessions
    return Protection(
        Compressed(app),
        settings.requests_per_minute,
        settings.requests_per_minute_per_client,
        sessions.name,
        sessions.is_secure,
    )


class Compressed:
    """ASGI middleware that compresses pages and files with gzip.

    Responses of the paths in `STREAMED` pass unchanged, each part as soon as it is there.

    Args:
        app: the application.
    """

    def __init__(self, app: Any) -> None:
        self._app, self._compressing = app, GZipMiddleware(app, COMPRESSED_FROM, compresslevel=1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; a large body is compressed if the browser accepts that.

        Large are bodies of `COMPRESSED_FROM` bytes or more.
        """
        is_stream = scope["type"] != "http" or scope["path"].startswith(STREAMED)
        await (self._app if is_stream else self._compressing)(scope, receive, send)


class Static(StaticFiles):
    """Serves the static files of the pages, e.g. scripts.

    A file that is requested by the hash of its present content may be cached by browsers for a
    year.
    """

    async def get_response(self, path: str, scope: Any) -> Any:
        """Return the response with a file, cacheable for a year if the URL has the file's hash.

        A file that does not exist is an error, which is answered with 404.

        Args:
            path: path of the file below the folder of static files.
            scope: ASGI scope of the request.
        """
        found = await super().get_response(path, scope)
        # During an upgrade an old replica may get a request for newer content, which it lacks.
        if static(path).partition("?")[2].encode() == scope["query_string"]:
            found.headers["cache-control"] = FOR_GOOD
        return found


def routes(site: Site) -> Sequence[Route | Mount]:
    """Return the routes of the portal, in the order in which they are matched."""
    get, post = ["GET"], ["POST"]
    return [
        Route("/", public(overview), methods=get),
        Route("/units/{unit_id:path}", private(unit), methods=get),
        Route("/tree", private(tree), methods=get),
        Route("/cells", private(cell), methods=get),
        Route("/works", private(work), methods=get),
        Route("/review", private(queue), methods=get),
        Route("/review", form(decide), methods=post),
        Route("/review/many", form(decide_many), methods=post),
        Route("/indicators/{code:str}", private(indicator), methods=get),
        Route("/overlaps", private(overlaps), methods=get),
        Route("/partners", private(partners), methods=get),
        Route("/agreement", private(agreement), methods=get),
        Route("/report", private(report), methods=get),
        Route("/editions", private(editions), methods=get),
        Route("/editions/{edition_id:str}", private(edition), methods=get),
        Route("/editions/{edition_id:str}/report", private(closed_report), methods=get),
        Route("/submissions", private(submissions), methods=get),
        Route("/submissions/new", private(new), methods=get),
        Route("/submissions/new", form(write), methods=post),
        Route("/submissions/{submission_id:str}", private(submission), methods=get),
        Route("/submissions/{submission_id:str}", form(write), methods=post),
        Route("/import", private(choose), methods=get),
        Route("/import/template", private(template), methods=get),
        Route("/import", form(take, files=1, part_bytes=IMPORT_BYTES_MAX), methods=post),
        Route("/inbox", private(inbox), methods=get),
        Route("/inbox", form(mark_read), methods=post),
        Route("/subscription", private(subscription), methods=get),
        Route("/subscription", form(subscribe), methods=post),
        Route("/health", public(health), methods=get),
        Route("/live", private(live), methods=get),
        Route("/tables/board.{kind:str}", private(table), methods=get),
        Route("/sign-in", public(sign_in), methods=get),
        Route("/sign-in", form(sign_in_by_form, is_open=True), methods=post),
        Route("/sign-in/{institution_id:str}", public(begin), methods=get),
        Route("/sign-in/{institution_id:str}/callback", public(callback), methods=get),
        Route("/sign-out", form(sign_out, is_open=True), methods=post),
        Route("/favicon.ico", _icon, methods=get),
        Route("/api/openapi.json", document, methods=get),
        Route("/api", public(programs), methods=get),
        Route("/api/", public(programs), methods=get),
        Mount("/api", Connect(site)),
        Mount("/static", Static(directory=STATIC)),
    ]


async def _icon(request: Request) -> Response:
    return Response((STATIC / "icon.svg").read_bytes(), media_type="image/svg+xml")


async def _wrong_address(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith(("/api", "/static")):
        return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
    page = Page(request)
    return refusal(page, "NOT_FOUND", page.text("refused.no_page"), {})


async def _failed(request: Request, error: Exception) -> Response:
    log.error("unknown error", path=request.url.path, exc_info=error)
    page = Page(request)
    return refusal(page, "UNFORESEEN", page.text("refused.unknown"), {})
