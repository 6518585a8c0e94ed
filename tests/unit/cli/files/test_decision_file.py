"""A file of decisions is read back in either language, and nothing in it is computed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from services.cli.errors import Failure
from services.cli.files import decision_file
from services.cli.terminal.texts import text
from services.importing import spreadsheets
from services.texts import Lang

ROW = {
    "title": "=HYPERLINK(1)",
    "unit_id": "vnu/hus",
    "system": "cris",
    "record_id": "r-7",
    "submission_id": "vnu.0192",
    "version": "3",
}


@pytest.mark.parametrize("suffix", decision_file.SUFFIXES)
@pytest.mark.parametrize("lang", Lang)
def test_what_was_written_is_read_back(tmp_path: Path, lang: Lang, suffix: str) -> None:
    path = tmp_path / f"decisions{suffix}"
    assert decision_file.write(path, lang, [ROW]) == 1
    (row,) = decision_file.read(path)
    assert (row.decision, row.reason, row.submission_id, row.version) == ("", "", "vnu.0192", "3")
    assert (row.system, row.record_id, row.name) == ("cris", "r-7", "r-7")
    assert spreadsheets.read(path).header == [
        decision_file.heading(name, lang) for name in decision_file.COLUMNS
    ]


def test_no_cell_of_a_csv_file_is_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    titles = ("=HYPERLINK(1)", "@SUM(1)", "=5", "-5")
    decision_file.write(path, Lang.en, [{**ROW, "title": title} for title in titles])
    with path.open(encoding="utf-8-sig") as file:
        written = [row["title"] for row in csv.DictReader(file)]
    assert written == ["'=HYPERLINK(1)", "'@SUM(1)", "'=5", "-5"]


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("decision", decision_file.DECISIONS)
def test_decisions_are_read_in_both_languages(tmp_path: Path, lang: Lang, decision: str) -> None:
    said = text(lang, f"decision.{decision}").upper()
    path = tmp_path / "d.csv"
    path.write_text(f"record_id,decision,reason\na1,{said},why\n", encoding="utf-8")
    (row,) = decision_file.read(path)
    assert (row.number, row.decision, row.reason, row.name) == (2, decision, "why", "a1")


def test_an_unknown_decision_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("submission_id,decision\ns1,maybe\n", encoding="utf-8")
    assert [(row.decision, row.name) for row in decision_file.read(path)] == [("maybe", "s1")]


@pytest.mark.parametrize(
    ("header", "missing"),
    [("record_id,reason", "decision"), ("decision,reason", "record_id or submission_id")],
)
def test_a_column_that_is_missing_is_named(tmp_path: Path, header: str, missing: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"{header}\nx,y\n", encoding="utf-8")
    with pytest.raises(Failure, match=missing):
        list(decision_file.read(path))


@pytest.mark.parametrize("heading", ["decision", "Quyết định", "DECISION"])
def test_of_two_columns_of_decisions_none_is_chosen(tmp_path: Path, heading: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"submission_id,decision,{heading}\ns1,verify,return\n", encoding="utf-8")
    with pytest.raises(Failure, match=r"d\.csv: column decision stands twice"):
        list(decision_file.read(path))


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("s1,,verify\ns1,,return\ns2,,verify\n", [2, 3]),
        ("s1,,verify\ns1,,verify\n", []),
        ("s1,,approve\ns1,,verify\n", []),
        ("s1,,verify\ns1,,\n", []),
        (",r1,verify\n,r1,reject\n,r2,reject\n", [2, 3]),
    ],
)
def test_decisions_that_contradict_each_other_are_all_wrong(
    rows: str, wrong: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"submission_id,record_id,decision\n{rows}")
    found = decision_file.problems(
        [row for row in decision_file.read(path) if row.decision], Lang.en
    )
    assert list(found) == wrong
