"""Signing in with a token of one's institution or, in a trial, as anyone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.kernel.errors import InvalidArgument, Unauthenticated
from services.portal.calls import Refused
from services.portal.sessions import Session, admitted
from services.portal.site import Page
from services.portal.trial import ROLES

PRESETS = (
    ("viewer", "consortium"),
    ("viewer", "vnu"),
    ("contributor", "vnu/hus"),
    ("reviewer", "vnu/hus"),
    ("approver", "vnu"),
    ("approver", "vnu-hcm"),
    ("approver", "hust"),
)
"""(Role, unit) of the users that the picker offers as links."""


def local_path(given: str) -> str:
    """Return a path to go to after signing in; `/` if the given one may lead to another site.

    For example, `/tree` is returned as it is, and `//example.org` gives `/`.
    """
    is_local = given.startswith("/") and not given.startswith(("//", "/\\"))
    return given if is_local and given.isprintable() and "\\" not in given else "/"


async def sign_in(page: Page) -> Response:
    """Answer `/sign-in`: the page with all ways to sign in."""
    return await form_page(page, page.query.get("next", "/"))


async def sign_in_by_form(page: Page, given: FormData) -> Response:
    """Start a session with a token or, in a trial, as the picked user; go on to `next`.

    A token that is not valid gives the form again, with the reason.

    Raises:
        InvalidArgument: there is no picker, or it has no such institution or role. The caller's
            fault.
    """
    back = local_path(str(given.get("next", "/")))
    try:
        session = _picked(page, given) if "role" in given else _by_token(page, given)
    except Unauthenticated as refused:
        return await form_page(page, back, page.said(refused.message), 401)
    page.cookie = page.site.sessions.cookie(session)
    return RedirectResponse(back, 303)


async def form_page(page: Page, back: str, problem: str = "", status: int = 200) -> Response:
    """Return the page that offers every way to sign in.

    Args:
        page: the page that was requested.
        back: path to go to after signing in; replaced by `/` if it may lead to another site.
        problem: why signing in failed, in the language of the page; empty if it did not.
        status: HTTP status.
    """
    picker = page.site.picker
    institutions = [] if picker is None else picker.institutions()
    known = [(role, unit) for role, unit in PRESETS if unit.partition("/")[0] in institutions]
    context: dict[str, Any] = {"institutions": institutions, "presets": known, "roles": ROLES}
    context["providers"] = sorted(page.site.providers)
    context["names"] = await _names(page, institutions, {unit for _, unit in known})
    return page.html("sign_in.html", status, back=local_path(back), problem=problem, **context)


async def _names(
    page: Page, institutions: Sequence[str], units: Collection[str]
) -> Mapping[str, str]:
    """Return unit id -> name of these units and the institutions, in the language of the page.

    Empty without a picker, which alone can read them for a guest, or if they cannot be read.
    """
    if page.site.picker is None or not institutions:
        return {}
    token, _ = page.site.picker.token(institutions[0], "viewer@sign-in", ["viewer"], "")
    try:
        catalogue = await page.site.catalogues.version(0, token)
    except Refused:
        return {}
    return {each: catalogue.unit_name(each, page.lang) for each in {*institutions, *units}}


def _picked(page: Page, given: FormData) -> Session:
    if page.site.picker is None:
        raise InvalidArgument("there is no trial issuer here")
    role, unit_id = str(given.get("role", "")), str(given.get("unit", "")).strip()
    institution_id = unit_id.partition("/")[0]
    # The token of a whole institution names no unit.
    below = unit_id if unit_id != institution_id else ""
    subject = f"{role}@{unit_id}"
    token, ends = page.site.picker.token(institution_id, subject, [role], below)
    return replace(
        Session.fresh(),
        token=token,
        expires_at=ends,
        subject=subject,
        institution_id=institution_id,
        unit_id=unit_id,
        roles=(role,),
        is_trial=True,
    )


def _by_token(page: Page, given: FormData) -> Session:
    token = str(given.get("token", "")).strip()
    return admitted(Session.fresh(), page.site.issuers, token)
