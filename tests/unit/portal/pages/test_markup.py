"""Names of units and indicators, and texts of notifications and editions, are never markup."""

from __future__ import annotations

import asyncio
from typing import Any

import html5lib
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from kieng.kpi.v1 import edition_service_pb2 as editions
from kieng.notifications.v1 import notification_pb2, notification_service_pb2
from tests.unit.portal.answered import CATALOGUE, PERIOD, Answers, Portal

MARKUP = "<script>alert(1)</script><b>\"'&"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b&gt;&#34;&#39;&amp;"


def planted(request: Any) -> catalogue_service_pb2.GetCatalogueResponse:
    found = catalogue_pb2.Catalogue()
    found.CopyFrom(CATALOGUE)
    for indicator in found.indicators:
        indicator.name.vi = indicator.name.en = MARKUP
    for unit in found.units:
        unit.abbreviation = unit.name.vi = unit.name.en = MARKUP
    return catalogue_service_pb2.GetCatalogueResponse(catalogue=found)


def listed(request: Any) -> editions.ListEditionsResponse:
    one = editions.Edition(edition_id="2025", title=MARKUP, unit_id="a")
    return editions.ListEditionsResponse(editions=[one])


def told(request: Any) -> notification_service_pb2.ListNotificationsResponse:
    one = notification_pb2.Notification(
        notification_id="n1",
        kind=notification_pb2.KIND_WORK_CONTRADICTED,
        subject=MARKUP,
        body=MARKUP,
    )
    return notification_service_pb2.ListNotificationsResponse(notifications=[one], unread=1)


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(
    "path",
    ["/", "/units/a", "/tree", "/report?unit=a", "/agreement", "/editions", "/inbox"],
)
def test_what_people_wrote_is_shown_as_text(path: str, lang: str) -> None:
    answers = Answers(GetCatalogue=planted, ListEditions=listed, ListNotifications=told)
    path, _, query = path.partition("?")
    more = dict(each.split("=") for each in query.split("&")) if query else {}
    page = asyncio.run(Portal(answers).get(path, lang=lang, **PERIOD, **more))
    assert page.status_code == 200
    html5lib.HTMLParser(strict=True).parse(page.text)
    assert "<script>alert" not in page.text
    assert "<b>" not in page.text
    assert ESCAPED in page.text
