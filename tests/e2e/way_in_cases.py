"""Inputs that once came out wrong, with what is right; `way_in` shows what each does now."""
# ruff: noqa: RUF001 - letters that look like others are what this is about.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.e2e.way_in_files import (
    PAPER,
    PROOF,
    Build,
    became_date,
    book,
    error,
    far_blank,
    hidden,
    merged,
    old_font,
    papers,
    table,
    two_sheets,
    works,
)

RECEIPT = "record_id,unit_id,evidence_sha256,number,contract_ref,received_on,amount_vnd"


@dataclass(frozen=True)
class Case:
    """Files that are imported one after the other, and what the last of them should do.

    Args:
        kind: kind of fault.
        input: what is in the file, for the table.
        type_name: submission type.
        files: what writes each file.
        right: part of the outcome or of what is said.
        counts: indicator, month and figure that it comes to; None where nothing may be counted.
        options: further options of the command.
    """

    kind: str
    input: str
    type_name: str
    files: Sequence[Build]
    right: str
    counts: tuple[str, str, int] | None = None
    options: Sequence[str] = ()


DOIS = [f"10.5555/shown.1{end}" for end in ("", *".,;)]/", "\u200b", "?utm_source=x", "#abstract")]
CASES = (
    Case(
        *("row shape", "receipt ending in 1,500,000", "receipt"),
        [table(RECEIPT, f"a1,vnu/hus,{PROOF},PT1,contract:X,2015-01-10,1,500,000")],
        *("9 cells under 7 headings", ("COM-03", "2015-01", 0)),
    ),
    Case(
        *("row shape", "unquoted comma in the last column's title", "publication"),
        [
            table(
                "record_id,unit_id,evidence_sha256,issued_on,title",
                f"r,vnu/hus,{PROOF},2012-01-01,A, b",
            )
        ],
        "6 cells under 5 headings",
    ),
    Case(
        "cells that say nothing",
        "indexes merged over three rows",
        "publication",
        [book(merged)],
        "created 3",
        ("KNW-03", "2012-01", 3),
    ),
    Case("cells that say nothing", "#N/A in indexes", "publication", [book(error)], "indexes"),
    Case("what is not read", "data on two sheets", "publication", [book(two_sheets)], "--sheet"),
    Case(
        "what is not read",
        "a row hidden by a filter",
        "publication",
        [book(hidden)],
        "hidden",
        ("KNW-03", "2012-04", 3),
    ),
    Case(
        "dates",
        "03/31/2021 and 04/02/2021 in one column",
        "publication",
        [papers("A,03/31/2021,scopus", "B,04/02/2021,scopus")],
        "refused 2",
        ("KNW-03", "2021-02", 0),
    ),
    *(
        Case("dates", date, "publication", [papers(f"A,{date},scopus")], "issued_on")
        for date in ("0219-01-10", "1019-01-10", "0015-01-10", "1899-12-31", "2015-W37")
    ),
    Case(
        "dates",
        "2025-3-5",
        "publication",
        [papers("A,2011-3-5,scopus")],
        "created 1",
        ("KNW-03", "2011-03", 1),
    ),
    Case(
        "dates",
        "enterprise ended 1899-12-30, before it was founded",
        "enterprise",
        [
            table(
                "record_id,unit_id,evidence_sha256,name,tax_code,kind,founded_on,ended_on",
                f"e,vnu/hus,{PROOF},Synthetic,0100233488,spin_off,2016-06-10,1899-12-30",
            )
        ],
        "ended_on",
    ),
    Case(
        "dates",
        "right granted before it was filed",
        "ip_right",
        [
            table(
                "record_id,unit_id,evidence_sha256,title,kind,application_no,filed_on,granted_on",
                f"g,vnu/hus,{PROOF},Synthetic,patent,1-2013-09999,2013-05-01,2012-05-01",
            )
        ],
        "granted_on",
    ),
    Case(
        "work keys",
        "one DOI with . , ; ) ] / U+200B ?utm_source=x #abstract",
        "publication",
        [works("title,issued_on,indexes,doi", "A,2011-01-10,scopus", DOIS)],
        "created 10",
        ("KNW-03", "2011-01", 1),
    ),
    Case(
        "work keys",
        "1-2013-01234 with U+2013, U+2011",
        "ip_right",
        [
            works(
                "title,kind,filed_on,granted_on,application_no",
                "A,patent,2010-05-01,2011-02-10",
                ("1-2013-01234", "1–2013–01234", "1‑2013‑01234"),
            )
        ],
        "created 3",
        ("KNW-01", "2011-02", 1),
    ),
    Case(
        "work keys",
        "1345/QĐ-ĐHQGHN with Ð, a blank, an en dash",
        "task",
        [
            works(
                "number,title,due_on,done_on,decision_no",
                "7,A,2011-03-10,2011-03-01",
                ("1345/QĐ-ĐHQGHN", "1345/QÐ-ÐHQGHN", "1345 /QĐ-ĐHQGHN", "1345/QĐ–ĐHQGHN"),
            )
        ],
        "created 4",
        ("STA-05", "2011-03", 1),
    ),
    Case(
        "work keys",
        "KC.02/23, KC 02/23, KC.02/ 23, KC.02–23, KC-02/23",
        "joint_project",
        [
            works(
                "title,level,institutions,budget_vnd,started_on,part,code",
                "A,tri_university,vnu|hust,1000000,2011-04-10,lead",
                ("KC.02/23", "KC 02/23", "KC.02/ 23", "KC.02–23", "KC-02/23"),
            )
        ],
        "may_be_same",
    ),
    Case(
        "a spreadsheet's help",
        "contract number 03/2018 that became a date",
        "receipt",
        [book(became_date, RECEIPT)],
        "number",
    ),
    Case(
        "a record's past",
        "import, withdraw, import the same row again",
        "publication",
        [
            papers(f"A,2011-05-10,scopus,{each}", more=",action,reason")
            for each in (",", "withdraw,a trial", ",")
        ],
        "renewed 1",
        ("KNW-03", "2011-05", 1),
    ),
    Case(
        "shares",
        "one project, 800,000 + 800,000 ppm",
        "joint_project",
        [
            table(
                "record_id,unit_id,evidence_sha256,title,level,institutions,budget_vnd,started_on,code,share_ppm",
                *(
                    f"r{n},{unit},{PROOF},A,tri_university,vnu|hust,1000000,2011-06-10,KC.9,800000"
                    for n, unit in enumerate(("vnu/hus", "vnu/uet"))
                ),
            )
        ],
        "shares",
    ),
    Case(
        "shares",
        "one project, 750,000 ppm and none",
        "joint_project",
        [
            table(
                "record_id,unit_id,evidence_sha256,title,level,institutions,budget_vnd,started_on,code,share_ppm",
                *(
                    f"r{n},{unit},{PROOF},A,tri_university,vnu|hust,1000000,2011-06-10,KC.8,{ppm}"
                    for n, (unit, ppm) in enumerate((("vnu/hus", "750000"), ("vnu/uet", "")))
                ),
            )
        ],
        "shares",
    ),
    Case(
        "legacy text",
        "XLSX in .VnTime: §Ò tµi khoa häc",
        "publication",
        [book(old_font)],
        "old fonts",
        ("KNW-03", "2012-06", 2),
    ),
    Case(
        "legacy text",
        "TCVN3 bytes",
        "publication",
        [papers("§Ò tµi khoa häc,2012-08-10,scopus", encoding="latin-1")],
        "old fonts",
    ),
    Case(
        "legacy text",
        "VNI bytes",
        "publication",
        [papers("Ñeà taøi nghieân cöùu,2012-10-10,scopus", encoding="latin-1")],
        "old fonts",
    ),
    Case(
        "legacy text",
        "UTF-16 without a mark",
        "publication",
        [papers("Đề tài,2012-09-10,scopus", encoding="utf-16-le")],
        "created 1",
    ),
    Case(
        "limits",
        "a blank in A1048576",
        "publication",
        [book(far_blank)],
        "created 1",
        ("KNW-03", "2012-07", 1),
    ),
    Case(
        "units",
        "a claim before its unit's first day",
        "publication",
        [table(PAPER, f"r,vnu-hcm/uhs,{PROOF},A,2000-01-10,scopus")],
        "began on 2024-06-03",
        options=("--institution", "vnu-hcm"),
    ),
    Case(
        "people",
        "an ORCID as URL, without hyphens, with a blank",
        "expert",
        [
            works(
                "country,mode,started_on,days,person_id",
                "KR,visiting,2011-07-10,30",
                (
                    "0000-0002-1825-0097",
                    "https://orcid.org/0000-0002-1825-0097",
                    "0000000218250097 ",
                ),
            )
        ],
        "created 3",
        ("PPL-01", "2011-07", 1),
    ),
    Case(
        "amounts",
        "1.234.567",
        "receipt",
        [table(RECEIPT, f"m,vnu/hus,{PROOF},PT9,contract:X,2011-08-10,1.234.567")],
        "created 1",
        ("COM-03", "2011-08", 1_234_567),
    ),
)
