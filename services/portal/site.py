"""`Site`: what all pages of a process share; `Page`: one request for a page and its answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import jinja2
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.kernel.access import Issuers
from services.kernel.errors import InvalidArgument, Unauthenticated
from services.portal.broadcasts import Admissions, Broadcasts
from services.portal.calls import Services
from services.portal.catalogues import Catalogues
from services.portal.config import Settings
from services.portal.domain.figures import Number
from services.portal.domain.periods import Period
from services.portal.fact_texts import fact_text
from services.portal.numbers import moment
from services.portal.pieces import Pieces, environment, formats, link
from services.portal.renewals import Renewals, by_institution
from services.portal.sessions import Session, Sessions, admitted
from services.portal.sign_in_providers import SignInFailed
from services.portal.texts import text, word
from services.portal.trial import Picker
from services.portal.uploads import Desk
from services.refusals import in_language
from services.texts import Lang

KeptSeries = OrderedDict[tuple[bytes, bytes], Mapping[tuple[str, str], tuple[Number | None, ...]]]
"""State of the view and selection -> (unit, indicator) -> values of consecutive months."""
log = structlog.get_logger()

INVALID = re.compile(
    "[^ -~\n\xa0-\ud7ff\t\f\r\ue000-\ufdcf\ufdf0-\ufffd"
    + "".join(f"{chr(plane << 16)}-{chr(plane << 16 | 0xFFFD)}" for plane in range(1, 17))
    + "]"
)
"""Matches the characters that HTML forbids, none of which is printable.

The ranges of allowed characters are in the order of their frequency, in which they are tried.
"""
REFRESH_SECONDS = 120
"""Remaining time from which a token is renewed at the institution's provider."""
RENEW_TOKEN_SECONDS = 300
"""Remaining time from which a token of a trial is replaced, so that it never expires in use."""


@dataclass
class Site:
    """What all pages of a process share. Belongs to one event loop.

    Args:
        settings: settings of the portal.
        live_pages: number of pages that are updated live now.
    """

    settings: Settings
    live_pages: int = 0
    series: KeptSeries = field(default_factory=OrderedDict)
    """Series that were read; the oldest is forgotten first."""
    boards: OrderedDict[tuple[Hashable, ...], Any] = field(default_factory=OrderedDict)
    """Everything that a board depends on -> the board; the oldest is forgotten first."""
    trees: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    """State, unit, indicator and months -> the comparison of both trees."""
    periods: OrderedDict[Hashable, tuple[Period, float]] = field(default_factory=OrderedDict)
    """Catalogue version, kept day and today -> period with numbers, and until when it is valid."""
    environment: jinja2.Environment = field(default_factory=environment)

    def __post_init__(self) -> None:
        """Create the shared objects; nothing is connected yet."""
        self.pieces = Pieces(self.environment)
        self.zone = ZoneInfo(self.settings.time_zone)
        self.printing = asyncio.Semaphore(1)
        self.admissions, self.broadcasts = Admissions(), Broadcasts()
        self.sessions = Sessions(self.settings)
        self.desk = Desk()
        # Every page calls the KPI service, so a token that it would refuse is of no use.
        audiences = self.settings.accepted_audiences("kpi")
        self.issuers = Issuers(self.settings.issuers_file, audiences)
        self.providers = by_institution(self.settings)
        self.renewals = Renewals(self.providers)
        folder = self.settings.trial_issuer_folder
        self.picker = None if folder is None else Picker(folder)

    @cached_property
    def services(self) -> Services:
        """The services; their channels belong to the event loop in which this is first used."""
        return Services(self.settings)

    @cached_property
    def catalogues(self) -> Catalogues:
        """The catalogue versions, with names and definitions."""
        return Catalogues(self.services)

    async def renewed(self, session: Session) -> Session:
        """Return a session with a new token if its token expires soon and can be renewed.

        Otherwise, or if the provider fails, return the session unchanged.
        """
        left = session.expires_at - time.time()
        if session.refresh_token and left < REFRESH_SECONDS:
            return await self._refreshed(session)
        if self.picker is None or not (session.is_trial and session.token):
            return session
        if left > RENEW_TOKEN_SECONDS:
            return session
        token, ends = self.picker.token(
            session.institution_id,
            session.subject,
            session.roles,
            "" if session.unit_id == session.institution_id else session.unit_id,
        )
        return replace(session, token=token, expires_at=ends, sealed_at=0.0)

    async def _refreshed(self, session: Session) -> Session:
        try:
            grant = await self.renewals.grant(session.institution_id, session.refresh_token)
            fresh = admitted(session, self.issuers, grant.access_token)
            fresh = replace(fresh, refresh_token=grant.refresh_token)
            # A session that is too long for a cookie would make every page fail.
            self.sessions.cookie(fresh)
        except (SignInFailed, Unauthenticated, InvalidArgument) as error:
            # The session goes on until its token ends; then its holder signs in again.
            log.warning("no token was renewed", reason=str(error))
            return session
        if fresh.holder != session.holder:
            log.warning("a renewed token is of somebody else")
            return session
        return fresh


class Page:
    """One request for a page: its user, language and parameters, and how to answer it.

    Args:
        request: the request.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.site: Site = request.app.state.site
        self.query = request.query_params
        self.lang = Lang.en if self.query.get("lang") == "en" else Lang.vi
        self.session = self.site.sessions.read(request.cookies)
        self.cookie = ""
        """`Set-Cookie` header of the answer; if empty, the session's cookie is renewed when due."""

    async def renew(self) -> None:
        """Renew the token of the page's session if it expires soon; see `Site.renewed`."""
        self.session = await self.site.renewed(self.session)

    @cached_property
    def csrf(self) -> str:
        """Token for the forms of this page, valid for the same user even after a new sign-in."""
        return self.site.sessions.form_token(self.session.holder)

    def text(self, key: str, **values: object) -> str:
        """Return a text in the language of the page, with its placeholders filled in.

        Args:
            key: dotted key of the text.
            values: values of the placeholders.

        Raises:
            KeyError: there is no such key, or a value that the text needs is missing.
        """
        return text(self.lang, key, **values)

    def href(self, path: str, **query: object) -> str:
        """Return a URL that keeps the language of the page; see `pieces.link`."""
        return link(self.lang, path, **query)

    @property
    def as_of(self) -> str:
        """The past day, `YYYY-MM-DD`, whose stored numbers the URL requests; empty for the present.

        Whether numbers of this day are stored is not checked.
        """
        return self.query.get("as_of", "")

    @property
    def today(self) -> date:
        """The present day in the portal's zone, which need not be that of its machine."""
        return datetime.now(self.site.zone).date()

    def here(self, path: str = "", **changes: str) -> str:
        """Return the URL of this page with some parameters changed.

        Args:
            path: path of another page that has the same parameters; empty for this one.
            changes: name of a parameter -> its new value; an empty value removes it.
        """
        kept = [(name, value) for name, value in self.query.multi_items() if name not in changes]
        kept += [(name, value) for name, value in changes.items() if value]
        # Two slashes would begin the name of another site.
        path = f"/{(path or self.request.url.path).lstrip('/')}"
        return f"{path}?{urlencode(kept)}" if kept else path

    def word(self, group: str, name: str) -> str:
        """Return the display text of a protobuf name in the page's language; see `texts.word`."""
        return word(self.lang, group, name)

    def names(self, text: str, field: str = "") -> str:
        """Return the value of a fact as words: `q1, q2` gives `Q1, Q2`; see `fact_text`."""
        return fact_text(self.lang, field, text, self.site.catalogues.newest)

    def moment(self, when: datetime) -> str:
        """Return a date and time, to the minute, in the page's language and the portal's zone."""
        return moment(when, self.site.zone, self.lang)

    def said(self, sentence: str) -> str:
        """Return a service's message in the language of the page; unchanged without translation."""
        return in_language(sentence, self.lang)

    def other_language(self) -> str:
        """Return the URL of this page and its parameters in the other of the two languages."""
        return self.here(lang="" if self.lang is Lang.en else "en")

    async def call(self, method: MethodDescriptor, request: Message) -> Any:
        """Return a service's answer to a call with the user's own token.

        Args:
            method: the RPC.
            request: its request.

        Raises:
            Refused: the service refused, or did not answer in time.
        """
        return await self.site.services.unary(method, request, self.session.token)

    def render(self, template: str, **context: object) -> str:
        """Return a template rendered for this page; all values are escaped.

        Args:
            template: name of the template.
            context: its variables, in addition to those that all templates get.
        """
        found = self.site.environment.get_template(template)
        own = {
            "page": self,
            "lang": self.lang,
            "t": self.text,
            "moment": self.moment,
            "word": self.word,
            "href": self.href,
            "session": self.session,
            "piece": partial(self.site.pieces.written, self.lang),
            "piece_of": partial(self.site.pieces.of, self.lang),
        }
        return found.render(**own, **formats(self.lang), **context)

    def html(self, template: str, status: int = 200, **context: object) -> Response:
        """Return an HTML response whose body is a rendered template; see `written`.

        Args:
            template: name of the template.
            status: HTTP status.
            context: variables of the template.
        """
        return HTMLResponse(self.written(template, **context), status)

    def written(self, template: str, **context: object) -> str:
        """Return a rendered template, with characters that HTML forbids replaced by U+FFFD.

        Args:
            template: name of the template.
            context: variables of the template.
        """
        text = self.render(template, **context)
        # Twice as fast as the search for such characters, and true of nearly every page.
        return text if text.replace("\n", "").isprintable() else INVALID.sub("\ufffd", text)

    def kept(self, response: Response) -> Response:
        """Return the same response, with the session's cookie if the browser should get a new one.

        Raises:
            InvalidArgument: the token is too long for a cookie. The issuer's fault.
        """
        sessions = self.site.sessions
        cookie = self.cookie
        if not cookie and sessions.is_due(self.session):
            cookie = sessions.cookie(self.session)
        if cookie:
            response.headers.append("set-cookie", cookie)
        return response
