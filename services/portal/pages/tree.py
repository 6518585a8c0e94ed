"""The page that shows the units as a tree, to choose one; scripts show it as a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.responses import Response

from kieng.directory.v1 import directory_pb2, directory_service_pb2
from services.portal.domain.trees import tree as tree_of
from services.portal.pages.board import check_unit
from services.portal.pages.sign_in import local_path
from services.portal.site import Page

DIRECTORY = directory_service_pb2.DESCRIPTOR.services_by_name["DirectoryService"].methods_by_name
DRAWN_MAX = 1_000
"""Most units on a page; links lead to the others."""
FOUND_MAX = 100
WORD_MAX = 100
"""Most characters of the search text."""


async def tree(page: Page) -> Response:
    """Answer `/tree`: the tree below unit `at`; with `q`, also the units that match its words.

    Raises:
        Refused: the caller may not read the directory.
        NotFound: there is no such unit. The caller's fault.
    """
    catalogue = await page.site.catalogues.live(page.session.token)
    at = page.query.get("at", catalogue.root)
    check_unit(page, catalogue, at)
    words = page.query.get("q", "").strip()[:WORD_MAX]
    back = local_path(page.query.get("back", "/units/"))
    return page.html(
        "tree.html",
        catalogue=catalogue,
        top=tree_of(at, catalogue.below, DRAWN_MAX),
        words=words,
        found=await matching(page, words) if words else None,
        back=back,
        leads=lambda unit_id: aimed(back, unit_id),
        most=FOUND_MAX,
    )


async def matching(page: Page, words: str) -> Sequence[directory_pb2.Unit]:
    """Return the units that the directory finds for a text, best first, at most `FOUND_MAX`.

    Raises:
        Refused: the caller may not read the directory.
    """
    request = directory_service_pb2.SearchUnitsRequest(query=words, page_size=FOUND_MAX)
    answer = await page.call(DIRECTORY["SearchUnits"], request)
    found: Sequence[directory_pb2.Unit] = answer.units
    return found


def aimed(back: str, unit_id: str) -> str:
    """Return the URL of the page from which the tree was opened, but for another unit.

    For example, `/units/hust` and unit `vnu` give `/units/vnu`. Parameters `page` and `done` are
    removed, and the others kept.

    Args:
        back: path of that page, with its parameters; `/units/ID` has its unit in the path, all
            other pages have it in parameter `unit`.
        unit_id: the other unit.
    """
    parts = urlsplit(back)
    kept = [(k, v) for k, v in parse_qsl(parts.query) if k not in ("unit", "page", "done")]
    path = parts.path
    if path.startswith("/units/"):
        path = f"/units/{quote(unit_id)}"
    else:
        kept.append(("unit", unit_id))
    return f"{path}?{urlencode(kept)}" if kept else path
