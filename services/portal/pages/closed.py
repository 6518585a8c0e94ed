"""The report of a closed period, from its signed content alone: the same bytes for everyone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from google.protobuf.json_format import ParseDict
from starlette.responses import Response

from kieng.kpi.v1 import catalogue_pb2, edition_service_pb2
from services.kernel.errors import NotFound
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import Figure, Number
from services.portal.pages.board import Row
from services.portal.pages.editions import EDITIONS
from services.portal.pages.printing import Report, by_house, source, wanted_document
from services.portal.site import Page

TIME = "%Y-%m-%d %H:%M UTC"


@dataclass(frozen=True)
class Content:
    """The signed content of an edition (a closed period), whose form `docs/reading.md` describes.

    Args:
        document: the content as JSON.
        catalogue: the definitions of indicators and units in it.
    """

    document: Mapping[str, Any]
    catalogue: Catalogue

    @classmethod
    def read(cls, content: bytes) -> Content:
        """Return the content that signed bytes hold as JSON; the signature is not checked here.

        Fields of its definitions that this release does not know are ignored.
        """
        document = json.loads(content)
        # An edition may be older than this release, which need not know all of its fields.
        message = ParseDict(
            document["definitions"], catalogue_pb2.Catalogue(), ignore_unknown_fields=True
        )
        return cls(document, Catalogue(message))

    @property
    def closed_at(self) -> datetime:
        """When the period was closed."""
        return datetime.fromisoformat(self.document["closed_at"])

    def figures(self, unit_id: str) -> Iterator[tuple[catalogue_pb2.Indicator, Figure]]:
        """Yield (indicator, its figure at a unit) for each indicator, in order.

        An indicator without a value at the unit has 0, or None if it is a ratio; an attainment has
        0 if there is a target. A figure has a target only if the period is from January on in one
        year, or the indicator is a stock, i.e. read at the end of the period.

        Args:
            unit_id: the unit.
        """
        cells = {code: both for unit, code, *both in self.document["cells"] if unit == unit_id}
        for each in self.catalogue.message.indicators:
            base = self.catalogue.indicators.get(each.attainment_of, each)
            target = self._target(unit_id, base)
            # Editions leave out what is 0; an attainment without a target is none.
            nothing = [0, target] if base is not each and target else None
            declared, verified = (
                number(each, value) for value in cells.get(each.code, (nothing, nothing))
            )
            held = target if base is each else None
            yield each, Figure(unit_id, each.code, verified, declared, held)

    def _target(self, unit_id: str, indicator: catalogue_pb2.Indicator) -> int | None:
        first, last = self.document["from"], self.document["to"]
        if first != f"{last[:4]}-01" and not indicator.value.until:
            return None
        found: int | None = self.document["targets"].get(f"{unit_id}|{indicator.code}|{last[:4]}")
        return found


def number(indicator: catalogue_pb2.Indicator, value: Any) -> Number | None:
    """Return a value of an edition as a number; None for a ratio that is not defined.

    Args:
        indicator: definition of the indicator.
        value: an integer, a pair of numerator and denominator, or None: editions leave out zeros
            and undefined ratios.
    """
    is_ratio = indicator.HasField("denominator") or bool(indicator.attainment_of)
    if value is None:
        return None if is_ratio else 0
    if isinstance(value, int):
        return value
    return Fraction(*value) if value[1] else None


async def closed_report(page: Page) -> Response:
    """Answer `/editions/ID/report`: one unit of a closed period; `file` makes it PDF, CSV or XLSX.

    Raises:
        Refused: the caller may not read it, or there is no such edition.
        NotFound: the edition does not cover the unit. The caller's fault.
    """
    request = edition_service_pb2.GetEditionRequest(
        edition_id=page.request.path_params["edition_id"]
    )
    answer = await page.call(EDITIONS["GetEdition"], request)
    # On a worker thread, because it contains the numbers of all units.
    content = await asyncio.to_thread(Content.read, answer.content)
    top, catalogue = content.document["unit"], content.catalogue
    unit_id = page.query.get("unit", top)
    if top not in (each.unit_id for each in catalogue.path(unit_id)):
        raise NotFound(page.text("refused.no_unit"))
    counting = {unit for unit, *_ in content.document["cells"]}
    found = report_of(page, content, unit_id)
    if document := await wanted_document(page, found):
        return document
    return page.html(
        "closed_report.html",
        report=found,
        edition=answer.edition,
        catalogue=catalogue,
        unit_id=unit_id,
        children=[
            catalogue.units[each]
            for each in catalogue.explaining(catalogue.parts.get(unit_id, ()), counting)
        ],
    )


def report_of(page: Page, content: Content, unit_id: str) -> Report:
    """Return the report of a unit in a closed period.

    Only the signed content and the language decide it, so everyone gets the same.

    Args:
        page: the page; gives the language.
        content: the signed content.
        unit_id: the unit.
    """
    document = content.document
    edition_id, view = document["edition_id"], document["view"]
    rows = [
        Row(each.code, getattr(each.name, page.lang.value), each.unit, (figure,), ())
        for each, figure in content.figures(unit_id)
    ]
    path = f"/editions/{edition_id}/report"
    return Report(
        content.catalogue.unit_name(unit_id, page.lang),
        document["from"],
        document["to"],
        by_house(content.catalogue, rows),
        [
            (page.text("nav.editions"), f"{edition_id} · {document['title']}"),
            (page.text("edition.closed_at"), content.closed_at.strftime(TIME)),
            (page.text("health.view"), view["view_id"]),
            (page.text("health.digest"), view["digest"]),
            source(page, page.site.settings.public_url, path, unit=unit_id),
        ],
        content.closed_at,
        f"kieng-{edition_id}-{unit_id.replace('/', '-')}",
    )
