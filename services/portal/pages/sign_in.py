"""Signing in and out: with a token of one's institution, or in a trial as anybody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.kernel.errors import InvalidArgument, Unauthenticated
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
"""Who is offered by one click: role, and the unit it reaches."""


def local_path(given: str) -> str:
    """Return where to go on after signing in: a path of this site, else the overview."""
    is_local = given.startswith("/") and not given.startswith(("//", "/\\"))
    return given if is_local and given.isprintable() and "\\" not in given else "/"


async def sign_in(page: Page) -> Response:
    """Answer `/sign-in`: the picker of a trial, or the field for a token."""
    return form_page(page, page.query.get("next", "/"))


async def sign_in_by_form(page: Page, given: FormData) -> Response:
    """Start a session for a token, or for whom the picker names.

    Raises:
        InvalidArgument: the picker has no such institution or role.
    """
    back = local_path(str(given.get("next", "/")))
    try:
        session = _picked(page, given) if "role" in given else _by_token(page, given)
    except Unauthenticated as refused:
        return form_page(page, back, page.said(refused.message), 401)
    page.cookie = page.site.sessions.cookie(session)
    return RedirectResponse(back, 303)


def form_page(page: Page, back: str, problem: str = "", status: int = 200) -> Response:
    """Answer with the page that offers every way to sign in.

    Args:
        page: the page that was asked for.
        back: where to go on to.
        problem: why signing in failed; shown as it is.
        status: status of HTTP.
    """
    picker = page.site.picker
    institutions = [] if picker is None else picker.institutions()
    known = [(role, unit) for role, unit in PRESETS if unit.partition("/")[0] in institutions]
    context: dict[str, Any] = {"institutions": institutions, "presets": known, "roles": ROLES}
    context["providers"] = sorted(page.site.providers)
    return page.html("sign_in.html", status, back=local_path(back), problem=problem, **context)


def _picked(page: Page, given: FormData) -> Session:
    if page.site.picker is None:
        raise InvalidArgument("there is no trial issuer here")
    role, unit_id = str(given.get("role", "")), str(given.get("unit", "")).strip()
    institution_id = unit_id.partition("/")[0]
    # The role of an approver is that of a whole institution.
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
