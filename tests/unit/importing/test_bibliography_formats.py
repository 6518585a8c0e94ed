"""Records of RIS, BibTeX and DataCite as careless programs write them."""

from __future__ import annotations

import json

import pytest

from services.importing.bibliography_formats import bibtex, datacite, ris

RIS = """TY  - JOUR
ID  - r1
TI  - A title that
      goes on
SN  - 978-3-16-148410-0
SN  - 1234-5679
ER  -
TY  - JOUR
ID  - r2
TI  - Of a year
PY  - 2024
ER  -
"""


@pytest.mark.parametrize(
    "change",
    [
        *(("\n", "\r\n"), ("\n", "\r"), ("ER  -\n", "")),
        *(("  - ", " - "), ("ER  -", "\n\nER  -"), ("TY  -", "\ufeffTY  -")),
    ],
)
def test_every_reference_of_a_careless_ris_file_is_read(change: tuple[str, str]) -> None:
    one, two = ris(RIS.replace(*change))
    assert (one["id"], one["title"]) == ("r1", "A title that goes on")
    assert one["issn"] == "978-3-16-148410-0; 1234-5679"
    assert (two["id"], two["title"], two["year"].strip()) == ("r2", "Of a year", "2024")


def test_an_entry_has_the_date_and_serial_of_its_proceedings() -> None:
    text = "@inproceedings{a, title={T}, crossref={p}}\n"
    text += "@proceedings{p, title={P}, doi={10.5555/p}, issn={12345679}, year=2024, month=may}"
    one, _ = bibtex(text)
    plain = {"key": "a", "title": "T", "crossref": "p"}
    assert one == plain | {"year": "2024", "month": "May", "issn": "12345679"}


def test_authors_and_abbreviations_that_are_not_read_refuse_no_file() -> None:
    (entry,) = bibtex("@article{a, author={A, B, C, D, E}, journal=jcp, month=sept}")
    assert (entry["author"], entry["journal"], entry["month"]) == ("A, B, C, D, E", "jcp", "sept")


@pytest.mark.parametrize(
    ("title", "read_as"),
    [
        ("Over 50% of students", "Over 50% of students"),
        (r"Over 50\% \& more", "Over 50% & more"),
        (r"TiO$_2$ and Ca$^{2+}$O \textit{in vivo}, \emph{now}", "TiO2 and Ca2+O in vivo, now"),
        (r"TiO$_{\textrm{2}}$, {\textless}i{\textgreater}x", "TiO2, <i>x"),
        (r"\item{ized} $x_2$ \textsc{nist}", r"\item ized $x_2$ nist"),
    ],
)
def test_a_title_is_read_whole_and_without_commands(title: str, read_as: str) -> None:
    (entry,) = bibtex(f"@article{{k, title = {{{title}}}}}")
    assert entry["title"] == read_as


@pytest.mark.parametrize("titles", [None, [], [{"title": None}]])
@pytest.mark.parametrize("dates", [None, [], [{"date": None, "dateType": "Issued"}]])
def test_nulls_of_datacite_are_empty_texts(titles: object, dates: object) -> None:
    works = [{"attributes": {"doi": "10.5555/d.1", "titles": titles, "dates": dates}}]
    (record,) = datacite(json.dumps({"data": works}))
    assert (record["doi"], record["title"], record["issued"]) == ("10.5555/d.1", "", "")
