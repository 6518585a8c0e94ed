"""Wraps the handlers of pages and forms: sign-in, protection of forms, and pages for refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.kernel.errors import Refusal
from services.portal import metrics
from services.portal.calls import Refused
from services.portal.sessions import HOURS_MAX
from services.portal.site import Page
from services.refusals import head_of

log = structlog.get_logger()

Handler = Callable[[Page], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
FormHandler = Callable[[Page, FormData], Awaitable[Response]]

FIELDS_MAX = 700
"""Most fields of a form."""
PART_BYTES = 128 * 1024
"""Longest value of a field in bytes, unless the form allows more."""
STATUS = {
    "INVALID_ARGUMENT": 400,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "FAILED_PRECONDITION": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 503,
    "UNFORESEEN": 500,
}
"""gRPC status -> HTTP status; any other gRPC status becomes 502, as a service failed."""


def public(handler: Handler) -> Endpoint:
    """Return the endpoint of a page that anyone may see, signed in or not.

    What the services or the handler refuse is answered with a page that explains the refusal; if it
    is the user's token that a service refuses, with a redirect to the sign-in page.

    Args:
        handler: returns the response to a request for the page.
    """

    async def endpoint(request: Request) -> Response:
        page = Page(request)
        await page.renew()
        return page.kept(await _answered(page, handler))

    return endpoint


async def _answered(page: Page, handler: Handler) -> Response:
    try:
        return await handler(page)
    except Refused as refused:
        if refused.code == "UNAUTHENTICATED":
            return to_sign_in(page)
        return refusal(page, refused.code, refused.message, refused.fields)
    except Refusal as wrong:
        return refusal(page, wrong.status, wrong.message, wrong.fields)


def private(handler: Handler) -> Endpoint:
    """Return the endpoint of a page for signed-in users; guests are redirected to the sign-in page.

    Args:
        handler: returns the response to a request for the page; the session in it is valid.
    """

    async def signed_in(page: Page) -> Response:
        return await handler(page) if page.session.is_signed_in else to_sign_in(page)

    return public(signed_in)


def form(
    handler: FormHandler, *, is_open: bool = False, files: int = 0, part_bytes: int = PART_BYTES
) -> Endpoint:
    """Return the endpoint of a form; it accepts only forms that the portal gave to the same user.

    Any other form, e.g. one that another site sends, is answered with status 403. A form that
    arrives after its session has ended is not processed: the user gets it back with all answers,
    and can send it again after signing in.

    Args:
        handler: returns the response; gets the page and the fields of the form.
        is_open: whether guests may send the form, e.g. the one for signing in.
        files: how many files the form may contain. If any, a guest's form is not even read.
        part_bytes: longest value of a field in bytes.
    """

    async def checked(page: Page) -> Response:
        if files and not page.session.subject:
            return to_sign_in(page)
        limits = {"max_files": files, "max_fields": FIELDS_MAX, "max_part_size": part_bytes}
        async with page.request.form(**limits) as given:
            sessions, token = page.site.sessions, str(given.get("csrf", ""))
            holder = sessions.unseal("form", token, HOURS_MAX * 3600).get("holder", "")
            is_ended = bool(holder) and not page.session.is_signed_in and not is_open
            if not is_ended and holder != page.session.holder:
                metrics.REFUSED.labels("forged").inc()
                return refusal(page, "PERMISSION_DENIED", page.text("refused.forged"), {})
            return interrupted(page, given) if is_ended else await handler(page, given)

    return public(checked)


def interrupted(page: Page, given: FormData) -> Response:
    """Answer a form whose session has ended with its own fields and status 401.

    Nothing that the form asks for is done, and no answer is lost, except files. The form's token
    stays valid, so the same user can send the form again after signing in.

    Args:
        page: the page that the form was sent to.
        given: the fields of the form.
    """
    fields = [(name, value) for name, value in given.multi_items() if isinstance(value, str)]
    return page.html("interrupted.html", 401, fields=fields)


def to_sign_in(page: Page) -> Response:
    """Return a redirect to the sign-in page, which afterwards leads back to the page requested.

    If the request was not for a page but sent a form, it leads to the overview instead.
    """
    wanted = page.request.url.path if page.request.method == "GET" else "/"
    query = page.request.url.query
    back = f"{wanted}?{query}" if query and wanted != "/" else wanted
    return RedirectResponse(page.href("/sign-in", next=back), 303)


def refusal(page: Page, code: str, message: str, fields: Mapping[str, str]) -> Response:
    """Answer with a page that says what was refused and what to do about it.

    Args:
        page: the page that was requested.
        code: name of a gRPC status, which decides the HTTP status by `STATUS`; 502 if it is not
            there.
        message: message of the error, in English; shown in the language of the page if there is a
            translation.
        fields: path of each wrong field -> what is wrong with it; empty if no field is.
    """
    status = STATUS.get(code, 502)
    log.info("refused", path=page.request.url.path, code=code)
    key = code.lower() if code in STATUS else "failed"
    said = page.said(head_of(message, fields.items()))
    told = {name: page.said(problem) for name, problem in fields.items()}
    return page.html("refused.html", status, key=key, message=said, fields=told)
