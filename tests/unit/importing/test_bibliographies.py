"""Exports of literature databases become publications, and what they do not say is asked for."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from kieng.submissions.v1 import facts_pb2
from services.importing import bibliographies, submission_file
from services.importing.bibliographies import Completion
from services.importing.errors import Unreadable
from services.importing.submission_file import Reading
from services.importing.submission_rows import Parsed

HUS = Completion(unit="vnu/hus", month_day="12-31")
SCOPUS = ["Authors", "Title", "Year", "Source title", "DOI", "ISSN", "Document Type", "EID"]
RIS = """TY  - JOUR
ID  - r1
TI  - Synthetic article
Y1  - 2025/03/31/
DO  - 10.5555/ris.1
SN  - 1234-5679
ER  -
TY  - JOUR
ID  - r2
TI  - Of a year
PY  - 2024
ER  -
"""
BIBTEX = r"""@article{key1, title={Synthetic {A}rticle \`a la Vi{\^e}t}, year={2025}, month=mar,
  doi={10.5555/b.1}, issn={1234-5679}}
@article{key2, title={Whole date}, date={2025-04-30}}
"""
CROSSREF: dict[str, Any] = {"DOI": "10.5555/c.1", "title": ["Synthetic"], "ISSN": ["1234-5679"]}
CROSSREF |= {"issued": {"date-parts": [[2025, 3, 31]]}}
DATACITE: dict[str, Any] = {
    "doi": "10.5555/d.1",
    "titles": [{"title": "Synthetic"}],
    "publicationYear": 2025,
}
DATACITE |= {"dates": [{"date": "2025-03-31", "dateType": "Issued"}]}


def file(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def scopus(tmp_path: Path, rows: int) -> Path:
    path = tmp_path / "scopus.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerow(SCOPUS)
        for n in range(rows):
            title = f"Synthetic article {n}, with a comma"
            doi = f"10.5555/scopus.{n}"
            writer.writerow(["A.", title, "2025", "Journal", doi, "12345679", "Article", f"2-{n}"])
    return path


def read(path: Path, completion: Completion = HUS, source: str = "") -> Parsed:
    return submission_file.read(path, Reading(source=source, completion=completion))


def facts(parsed: Parsed) -> list[tuple[str, facts_pb2.Publication]]:
    assert not parsed.wrong
    return [(r.source_record.record_id, r.content.facts.publication) for r in parsed.requests]


def test_a_scopus_export_of_500_records_is_read(tmp_path: Path) -> None:
    path = scopus(tmp_path, 500)
    parsed = read(path)
    found = facts(parsed)
    assert len(found) == 500
    record_id, article = found[0]
    assert (record_id, article.doi) == ("2-0", "10.5555/scopus.0")
    assert article.title == "Synthetic article 0, with a comma"
    assert (article.issn, article.issued_on) == ("1234-5679", "2025-12-31")
    assert list(article.indexes) == [facts_pb2.Publication.INDEX_SCOPUS]
    content = parsed.requests[0].content
    assert content.unit_id == "vnu/hus"
    assert content.evidence[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    ((notice,),) = [parsed.notices]
    assert notice.values["columns"] == "Authors, Source title, Document Type"


def test_a_year_alone_is_refused_until_somebody_completes_it(tmp_path: Path) -> None:
    parsed = read(scopus(tmp_path, 2), Completion(unit="vnu/hus"))
    assert [(w.row, w.column, w.problem) for w in parsed.wrong] == [
        (2, "issued_on", "cell.day_missing"),
        (3, "issued_on", "cell.day_missing"),
    ]


def test_a_web_of_science_export_is_read(tmp_path: Path) -> None:
    header = "Publication Type,Article Title,ISSN,eISSN,Publication Date,Publication Year,DOI,"
    row = "J,Synthetic,,1234-5679,MAR 31,2025,10.5555/w.1,WOS:0001"
    text = f"{header}UT (Unique WOS ID)\n{row}\n"
    ((record_id, article),) = facts(read(file(tmp_path, "savedrecs.csv", text)))
    assert (record_id, article.issn, article.issued_on) == ("WOS:0001", "1234-5679", "2025-03-31")
    assert list(article.indexes) == [facts_pb2.Publication.INDEX_WOS]


def test_ris_is_read(tmp_path: Path) -> None:
    one, two = facts(read(file(tmp_path, "a.ris", RIS)))
    assert (one[0], one[1].doi, one[1].issued_on) == ("r1", "10.5555/ris.1", "2025-03-31")
    assert (two[0], two[1].title, two[1].issued_on) == ("r2", "Of a year", "2024-12-31")


def test_bibtex_is_read_without_its_latex(tmp_path: Path) -> None:
    one, two = facts(read(file(tmp_path, "a.bib", BIBTEX)))
    assert (one[0], one[1].title) == ("key1", "Synthetic Article à la Viêt")
    assert (one[1].issued_on, two[1].issued_on) == ("2025-03-31", "2025-04-30")


@pytest.mark.parametrize(
    "document",
    [
        *(CROSSREF, [CROSSREF], {"message": CROSSREF}, {"message": {"items": [CROSSREF]}}),
        *({"data": {"attributes": DATACITE}}, {"data": [{"attributes": DATACITE}]}),
    ],
)
def test_answers_of_crossref_and_datacite_are_read(tmp_path: Path, document: object) -> None:
    ((record_id, article),) = facts(read(file(tmp_path, "works.json", json.dumps(document))))
    assert record_id == article.doi
    assert (article.title, article.issued_on) == ("Synthetic", "2025-03-31")


@pytest.mark.parametrize(
    ("lines", "day"),
    [
        (("PY  - 2020", "DA  - MAR 15"), "2020-03-15"),
        (("PY  - 2020", "DA  - 2020/Mar/15"), "2020-03-15"),
        (("PY  - 2020", "Y1  - 2020/03/15/Spring"), "2020-03-15"),
        (("PY  - 2020", "DA  - 2020/04//"), "2020-04-30"),
        (("PY  - 2020///", "SN  - 9783161484100"), "2020-12-31"),
    ],
)
def test_the_fields_of_a_ris_file_tell_a_date_together(
    tmp_path: Path, lines: tuple[str, ...], day: str
) -> None:
    text = "\n".join(("TY  - JOUR", "ID  - r1", "TI  - T", *lines, "ER  - "))
    ((_, article),) = facts(read(file(tmp_path, "a.ris", text)))
    assert (article.issued_on, article.issn) == (day, "")


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ("year = 2025, month = {3}", "2025-03-31"),
        ("year = 2025, month = apr", "2025-04-30"),
        ('year = 2025, month = jan # "~15"', "2025-01-15"),
        ('year = 2025, month = "15~" # jan', "2025-01-15"),
        ("year = 2025, month = {March}, day = {15}", "2025-03-15"),
        ("year = 2025, month = sept", "2025-09-30"),
        ("year = 2025, month = {tháng 3}", "2025-03-31"),
        ("date = {2025-03-15/2025-03-18}", "2025-03-18"),
        ("year = 2025, author = {A, B, C, D, E}, journal = jcp", "2025-12-31"),
    ],
)
def test_the_fields_of_a_bibtex_file_tell_a_date_together(
    tmp_path: Path, fields: str, day: str
) -> None:
    entry = f"@article{{k, title = {{T}}, {fields}}}"
    ((_, article),) = facts(read(file(tmp_path, "a.bib", entry)))
    assert article.issued_on == day


@pytest.mark.parametrize(
    ("text", "issn"),
    [
        *(("12345679", "1234-5679"), ("03029743; 16113349", "0302-9743"), ("3029743", "0302-9743")),
        *(("1234-5679 (ISSN)", "1234-5679"), ("978-3-16-148410-0; 0302-9743", "0302-9743")),
        *(("978-3-16-148410-0", ""), ("9783161484100", ""), ("316148410X", ""), ("", "")),
        *(("1234", "1234"), ("3029744", "3029744")),
    ],
)
def test_the_issn_of_an_export_is_no_isbn_and_has_its_zeros(text: str, issn: str) -> None:
    assert bibliographies._issn(text) == issn


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.ris", "PY  - 2025"), ("a.bib", "% none"), ("a.json", '{"message": {"items": []}}')],
)
def test_a_file_without_a_record_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(Unreadable, match="has no record of "):
        read(file(tmp_path, name, text))


def test_a_title_of_a_web_page_is_read_without_its_tags(tmp_path: Path) -> None:
    title = "&lt;i&gt;In vivo&lt;/i&gt; CO<sub>2</sub>\n R&amp;D a < b"
    text = json.dumps({**CROSSREF, "title": [title]})
    ((_, article),) = facts(read(file(tmp_path, "works.json", text)))
    assert article.title == "In vivo CO2 R&D a < b"


def test_a_row_of_an_export_whose_cells_have_shifted_is_refused(tmp_path: Path) -> None:
    row = "A,Materials, energy,2025,J,10.5555/x,12345679,Article,2-1"
    with pytest.raises(Unreadable, match=r"scopus\.csv:2: 9 cells under 8 headings"):
        read(file(tmp_path, "scopus.csv", f"{','.join(SCOPUS)}\n{row}\n"))


@pytest.mark.parametrize("column", [0, 1, 4])
def test_an_unreadable_cell_of_an_export_is_not_lost(tmp_path: Path, column: int) -> None:
    path = tmp_path / "scopus.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, SCOPUS)
        sheet.write_row(1, 0, ["A", "T", 2025, "J", "10.5555/x", "12345679", "Article", "2-1"])
        sheet.write_formula(1, column, "=NA()", None, "#N/A")
    if column == SCOPUS.index("Authors"):
        assert read(path, source="scopus").requests
    else:
        with pytest.raises(Unreadable, match=f"xlsx:2: what stands under '{SCOPUS[column]}' can"):
            read(path, source="scopus")


def test_a_mapping_of_ones_own_reads_another_source(tmp_path: Path) -> None:
    mapping = file(tmp_path, "cris.toml", 'record_id = ["No"]\ntitle = ["Name"]\ndate = ["On"]\n')
    path = file(tmp_path, "cris.csv", "No,Name,On\n7,Synthetic,2025-03-31\n")
    reading = Reading(mapping=bibliographies.read_mapping(mapping), completion=HUS)
    ((record_id, article),) = facts(submission_file.read(path, reading))
    assert (record_id, article.title, article.issued_on) == ("7", "Synthetic", "2025-03-31")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("a.bib", "@article{"), ("a.json", "{"), ("a.json", '{"data": {"attributes"')),
        *(("a.json", "[7]"), ("a.json", '{"data": 7, "attributes": 7}')),
    ],
)
def test_a_broken_file_says_what_it_should_be(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(Unreadable, match=f"{name}: not a file of "):
        read(file(tmp_path, name, text))


def test_what_is_missing_or_unknown_is_told(tmp_path: Path) -> None:
    path = file(tmp_path, "a.ris", RIS)
    with pytest.raises(Unreadable, match="Name their unit"):
        read(path, Completion())
    with pytest.raises(Unreadable, match="unknown source 'dblp'; known are table, scopus"):
        read(path, source="dblp")
    with pytest.raises(Unreadable, match="has publications, no receipt"):
        submission_file.read(path, Reading(type_name="receipt", completion=HUS))
    with pytest.raises(Unreadable, match=r"only \.csv, \.xlsx, \.ris, \.bib, \.json can be read"):
        read(file(tmp_path, "savedrecs.xls", "x"))
    assert read(file(tmp_path, "works.txt", RIS), source="ris").requests
    with pytest.raises(Unreadable, match="no such file"):
        read(tmp_path / "absent.ris")


@pytest.mark.parametrize("text", ['colour = ["x"]', "record_id = ["])
def test_a_wrong_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable, match=r"own\.toml: "):
        bibliographies.read_mapping(file(tmp_path, "own.toml", text))


def test_a_table_of_submissions_is_no_export(tmp_path: Path) -> None:
    path = file(tmp_path, "publication.csv", "record_id,unit_id,title\np1,vnu,Synthetic\n")
    assert bibliographies.source_of(path) == ""
    assert [r.content.unit_id for r in submission_file.read(path, Reading()).requests] == ["vnu"]
