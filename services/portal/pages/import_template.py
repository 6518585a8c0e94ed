"""The empty table of a submission type, to be filled in and imported."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from starlette.responses import Response

from services.importing import headings, template_book
from services.kernel.errors import InvalidArgument
from services.portal.pages.tables import XLSX
from services.portal.site import Page
from services.texts import Lang


async def template(page: Page) -> Response:
    """Answer `/import/template`: the workbook of `type`, with the units of the user to choose from.

    Raises:
        Refused: the units cannot be read.
        InvalidArgument: there is no such type. The caller's fault.
    """
    type_name = page.query.get("type", "")
    if type_name not in headings.TYPES:
        text = page.text("import.choose_type")
        raise InvalidArgument(text, fields={"type": text})
    catalogue = await page.site.catalogues.live(page.session.token)
    own = page.session.unit_id
    units = [
        unit.unit_id
        for unit in catalogue.message.units
        if f"{unit.unit_id}/".startswith(f"{own}/") and not catalogue.has_ended(unit.unit_id)
    ]
    content = await page.site.desk.work(_book, type_name, page.lang, units)
    disposition = {"content-disposition": f'attachment; filename="{type_name}.xlsx"'}
    return Response(content, media_type=XLSX, headers=disposition)


def _book(type_name: str, lang: Lang, units: Sequence[str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="kieng-template-") as folder:
        path = Path(folder) / f"{type_name}.xlsx"
        template_book.write(path, type_name, lang, units)
        return path.read_bytes()
