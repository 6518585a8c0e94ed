"""What all pages share in one process, and the frame in which one of them answers."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
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

from services.kernel.access import AUDIENCE, Issuers, audience_of
from services.kernel.errors import InvalidArgument, Unauthenticated
from services.portal.broadcasts import Admissions, Broadcasts
from services.portal.calls import Services
from services.portal.catalogues import Catalogues
from services.portal.config import Settings
from services.portal.domain.figures import Number
from services.portal.domain.periods import Period
from services.portal.numbers import moment
from services.portal.pieces import Pieces, environment, formats, link
from services.portal.providers import Provider, SignInFailed, listed
from services.portal.renewals import Renewals
from services.portal.sessions import Session, Sessions, admitted
from services.portal.texts import Lang, text, word
from services.portal.trial import Picker
from services.portal.uploads import Desk
from services.refusals import in_language

KeptSeries = OrderedDict[tuple[bytes, bytes], Mapping[str, tuple[Number | None, ...]]]
log = structlog.get_logger()

INVALID = re.compile(
    "[^ -~\n\xa0-\ud7ff\t\f\r\ue000-\ufdcf\ufdf0-\ufffd"
    + "".join(f"{chr(plane << 16)}-{chr(plane << 16 | 0xFFFD)}" for plane in range(1, 17))
    + "]"
)
"""Characters that no valid page holds: those not in the ranges that are, the most frequent first,
as they are tried in this order for every character of a page. None of them is printable."""
REFRESH_SECONDS = 120
"""A provider is asked for another token when the present one holds for less."""
RENEW_TOKEN_SECONDS = 300
"""A token of the trial is replaced when it holds for less, so that no page meets its end."""


@dataclass
class Site:
    """What all pages of a process share.

    Args:
        settings: settings of the portal.
    """

    settings: Settings
    live_pages: int = 0
    series: KeptSeries = field(default_factory=OrderedDict)
    """State of the view and selection -> what was read of it; the oldest is forgotten first."""
    boards: OrderedDict[tuple[Hashable, ...], Any] = field(default_factory=OrderedDict)
    """What a board is made of -> the board; the oldest is forgotten first."""
    periods: OrderedDict[Hashable, tuple[Period, float]] = field(default_factory=OrderedDict)
    """Catalogue version, kept day and day -> the period with numbers, and until when it holds."""
    environment: jinja2.Environment = field(default_factory=environment)

    def __post_init__(self) -> None:
        """Prepare sessions and issuers; nothing is connected yet."""
        self.pieces = Pieces(self.environment)
        self.zone = ZoneInfo(self.settings.time_zone)
        self.printing = asyncio.Semaphore(1)
        self.admissions, self.broadcasts = Admissions(), Broadcasts()
        self.sessions = Sessions(self.settings)
        self.desk = Desk()
        # Every page asks the KPI service, so a token that does not hold there is of no use.
        audiences = (AUDIENCE, audience_of("kpi"))
        self.issuers = Issuers(self.settings.issuers_file, audiences)
        public = self.settings.public_url
        self.providers = {
            entry.institution_id: Provider(entry, public) for entry in listed(self.settings)
        }
        self.renewals = Renewals(self.providers)
        folder = self.settings.trial_issuer_folder
        self.picker = None if folder is None else Picker(folder)

    @cached_property
    def services(self) -> Services:
        """The services; their channels belong to the event loop that first asks."""
        return Services(self.settings)

    @cached_property
    def catalogues(self) -> Catalogues:
        """Names and definitions."""
        return Catalogues(self.services)

    async def renewed(self, session: Session) -> Session:
        """Return a session with another token if its own soon ends and another one can be had."""
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
            # What fits into no cookie would be lost, and no page could be answered until then.
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
    """One request for a page: who asks, in which language, and how to answer.

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
        """`Set-Cookie` header that the answer gets; empty leaves it to the session's age."""

    async def renew(self) -> None:
        """Get another token for the session if its own soon ends."""
        self.session = await self.site.renewed(self.session)

    @cached_property
    def csrf(self) -> str:
        """What forms of this page carry; it holds for the same person, signed in anew or not."""
        return self.site.sessions.seal("form", {"holder": self.session.holder})

    def text(self, key: str, **values: object) -> str:
        """Return a text in the language of the page."""
        return text(self.lang, key, **values)

    def href(self, path: str, **query: object) -> str:
        """Return a link that stays in the language; parameters that are empty are left out."""
        return link(self.lang, path, **query)

    @property
    def as_of(self) -> str:
        """The day that the link names, whose kept numbers are shown; empty for the present."""
        return self.query.get("as_of", "")

    def here(self, **changes: str) -> str:
        """Return the link to this page with some parameters changed; an empty one is left out."""
        kept = [(name, value) for name, value in self.query.multi_items() if name not in changes]
        kept += [(name, value) for name, value in changes.items() if value]
        # Two slashes would begin the name of another site.
        path = f"/{self.request.url.path.lstrip('/')}"
        return f"{path}?{urlencode(kept)}" if kept else path

    def word(self, group: str, name: str) -> str:
        """Return the word for a name of the contracts in the language of the page."""
        return word(self.lang, group, name)

    def names(self, text: str) -> str:
        """Return values of the contracts, e.g. `q1, q2`, in words; other text as it is."""
        return ", ".join(self.word("value", each) for each in text.split(", "))

    def moment(self, when: datetime) -> str:
        """Return a date and time in the language of the page and the time zone of the portal."""
        return moment(when, self.site.zone, self.lang)

    def said(self, sentence: str) -> str:
        """Return what a service said in the language of the page; as it is if that is unknown."""
        return in_language(sentence, self.lang)

    def other_language(self) -> str:
        """Return the link to this page in the other language."""
        return self.here(lang="" if self.lang is Lang.en else "en")

    async def call(self, method: MethodDescriptor, request: Message) -> Any:
        """Return a service's answer to the user's own token.

        Raises:
            Refused: the service refused, or did not answer.
        """
        return await self.site.services.unary(method, request, self.session.token)

    def render(self, template: str, **context: object) -> str:
        """Return a template as text; whatever is put into it is escaped."""
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
        """Answer with a page."""
        return HTMLResponse(self.written(template, **context), status)

    def written(self, template: str, **context: object) -> str:
        """Return a template as text without characters that no valid page holds."""
        text = self.render(template, **context)
        # Twice as fast as to look for them, and true of nearly every page.
        return text if text.replace("\n", "").isprintable() else INVALID.sub("\ufffd", text)

    def kept(self, response: Response) -> Response:
        """Return an answer with the cookie that the browser should get, if any."""
        sessions = self.site.sessions
        cookie = self.cookie
        if not cookie and sessions.is_due(self.session):
            cookie = sessions.cookie(self.session)
        if cookie:
            response.headers.append("set-cookie", cookie)
        return response
