from fractions import Fraction
from html.parser import HTMLParser

from services.documents.html import at, html_bytes
from services.documents.page import Bar
from tests.unit.documents.pages import page


class Texts(HTMLParser):
    """Collects the texts of a page, and what it loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_a_page_says_what_the_report_says_and_needs_nothing_else() -> None:
    content = html_bytes(page(), "vi")
    found = Texts()
    found.feed(content.decode())
    assert "Sáng chế <được cấp> & giải pháp hữu ích" in found.texts
    assert "Khung nhìn g1-c1-f3, mã kiểm 0546d3a9" in found.texts
    assert found.loaded == []
    assert b"<h1>\xc4\x90\xe1\xba\xa1i h" in content
    assert b'lang="vi"' in content


def test_the_same_report_has_the_same_bytes() -> None:
    assert html_bytes(page(), "vi") == html_bytes(page(), "vi")


def test_a_bar_ends_within_its_picture() -> None:
    assert at(Bar(Fraction(1, 2), Fraction(7, 12), "behind")) == (50.0, 58.33)
    assert at(Bar(Fraction(9), Fraction(3), "reached")) == (125.0, 125.0)
    assert at(Bar(Fraction(-1), None, "")) == (0.0, None)
