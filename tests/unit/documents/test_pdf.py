import re
import zlib
from dataclasses import replace

from services.documents.page import Page
from tests.unit.documents.pages import NEWEST, page

STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
MAPPED = re.compile(rb"<[0-9A-Fa-f]+> <([0-9A-Fa-f]+)>")


def pdf_bytes(sheet: Page, lang: str) -> bytes:
    """As in the module, which takes every worker half a second to import."""
    from services.documents.pdf import pdf_bytes

    return pdf_bytes(sheet, lang)


def streams(content: bytes) -> list[bytes]:
    """The streams of a PDF that are compressed as its pages and maps of letters are."""
    found = []
    for match in STREAM.finditer(content):
        try:
            found.append(zlib.decompress(match[1]))
        except zlib.error:
            found.append(match[1])
    return found


def letters(content: bytes) -> set[str]:
    """The letters that can be copied out of a PDF."""
    maps = [each for each in streams(content) if b"beginbfchar" in each or b"beginbfrange" in each]
    return {
        bytes.fromhex(code.decode()).decode("utf-16-be")
        for each in maps
        for code in re.findall(rb"<([0-9A-Fa-f]{4})>", each)
    }


def test_a_document_is_pdf_whose_vietnamese_letters_can_be_copied() -> None:
    content = pdf_bytes(page(), "vi")
    assert content.startswith(b"%PDF-")
    assert set("ĐạọộiSángcếượấp") <= letters(content)


def test_the_same_report_has_the_same_bytes_whenever_it_is_printed() -> None:
    assert pdf_bytes(page(), "vi") == pdf_bytes(page(), "vi")
    assert f"{NEWEST:%Y%m%d%H%M%S}".encode() in pdf_bytes(page(), "vi")


def test_a_long_report_is_continued_on_further_pages() -> None:
    def pages(rows: int) -> int:
        return len(re.findall(rb"/Type /Page\b", pdf_bytes(page(rows), "vi")))

    assert (pages(1), pages(60)) == (1, 3)


def test_a_report_of_nothing_is_a_page_as_well() -> None:
    nothing = replace(page(), sections=[], newest_at=None)
    assert pdf_bytes(nothing, "en").startswith(b"%PDF-")
