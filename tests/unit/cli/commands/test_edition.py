"""The file of an edition is checked alone: signature, key, and what is no such file."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.cli.commands import edition
from services.cli.errors import USAGE
from services.cli.main import main
from services.cli.terminal.edition_tables import difference_text, edition_table, restatement_table
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.screen import Screen
from services.texts import Lang
from tests.unit.cli.pages.rendering import Page, printed

KEY = Ed25519PrivateKey.generate()
CONTENT: dict[str, Any] = {
    "edition_id": "2025-h1",
    "title": "Nửa đầu năm 2025",
    "from": "2025-01",
    "to": "2025-06",
    "unit": "consortium",
    "view": {"digest": "d" * 64},
    "cells": [["consortium", "KNW-01", 3, 2], ["vnu", "KNW-04", [0, 5], [1, 4]]],
    "definitions": {
        "units": [
            {"unit_id": "consortium", "name": {"vi": "Liên minh", "en": "Consortium"}},
            {"unit_id": "vnu", "parent_id": "consortium", "name": {"vi": "ĐHQGHN", "en": "VNU"}},
            {"unit_id": "hust", "parent_id": "consortium"},
        ],
        "indicators": [
            {"code": "KNW-01", "name": {"vi": "Số bằng", "en": "Rights"}},
            {"code": "KNW-04", "name": {"vi": "Tỷ lệ", "en": "Share"}, "unit": "percent"},
        ],
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "key.pem").write_bytes(public)
    signature = base64.b64encode(KEY.sign(edition.canonical(CONTENT))).decode()
    path = tmp_path / "edition.json"
    # Written as an editor would: neither order nor spaces are signed.
    path.write_text(json.dumps({"signature": signature, "content": CONTENT}, indent=4))
    return path


def verified(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    key = file.with_name("key.pem")
    arguments = ["edition", "verify", str(file), "--key", str(key), "--output", "json"]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out = capsys.readouterr().out
    return int(ended.value.code or 0), json.loads(out) if out else {}


def test_an_edition_that_was_not_changed_holds(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verified(file, capsys) == (
        0,
        {"edition_id": "2025-h1", "signature_holds": True, "problem": None, "digest": "d" * 64},
    )


@pytest.mark.parametrize(("old", "new"), [(", 3, 2]", ", 3, 3]"), ("2025-06", "2025-07")])
def test_a_changed_number_does_not(
    file: Path, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    document = json.dumps(json.loads(file.read_text()))
    assert old in document
    file.write_text(document.replace(old, new))
    code, answer = verified(file, capsys)
    assert (code, answer["signature_holds"]) == (1, False)


def test_another_key_or_signature_does_not(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(file.read_text())
    for signature in ("AAAA", "%%%"):
        file.write_text(json.dumps({**document, "signature": signature}))
        assert verified(file, capsys)[1]["signature_holds"] is False


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"content": 1, "signature": "x"}'])
def test_what_is_no_edition_is_wrong_usage(
    file: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file.write_text(text)
    assert verified(file, capsys) == (USAGE, {})


def test_what_is_no_key_is_wrong_usage(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.with_name("key.pem").write_text("no key")
    assert verified(file, capsys) == (USAGE, {})


def test_tables_show_the_top_units_and_signs(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(lang=Lang.en)
    screen.answers.print(edition_table(screen, CONTENT))
    claim = api.RestatedClaim(
        submission_id="s1",
        unit_id="vnu/hus",
        cause=api.RestatedClaim.CAUSE_LATE,
        submitted_by="author-7",
        version_now=2,
    )
    change = api.CellDifference(
        unit_id="vnu", indicator_code="KNW-01", difference=view_pb2.Value(whole=1)
    )
    line = api.Restatement(work_key="doi:10.1/a", claims=[claim], changes=[change])
    cell = api.RestatedCell(
        unit_id="vnu",
        indicator_code="KNW-01",
        closed=view_pb2.Value(whole=2),
        by_works=view_pb2.Value(whole=1),
        now=view_pb2.Value(whole=3),
    )
    screen.answers.print(restatement_table(screen, Names(), [line], [cell], True))
    shown = capsys.readouterr().out
    for text in ("VNU", "25%", "late: vnu/hus", "KNW-01 +1: vnu", "1 works explain"):
        assert text in shown
    assert "hust" not in shown
    ratio = view_pb2.Value(ratio=view_pb2.Ratio(numerator=-1, denominator=2))
    assert difference_text(screen, ratio, "percent") == "-1/+2"
    half = view_pb2.Value(ratio=view_pb2.Ratio(numerator=360360, denominator=720720))
    assert difference_text(screen, half, "works") == "+0.50"
    for lang in Lang:
        for cause in api.RestatedClaim.Cause.values()[1:]:
            claim.cause = cause
            one = api.Restatement(work_key="w", claims=[claim])
            assert restatement_table(Screen(lang=lang), Names(), [one], [], False)


def test_restatements_tell_the_age_of_what_they_compare_with() -> None:
    view = {"view_id": "g1-c1-f3", "newest_event_at": "2025-08-01T01:59:00Z"}
    step = {"type": "kieng.kpi.v1.ListRestatementsResponse", "stream": True}
    step["messages"] = [{"view": view, "adds_up": True}]
    command = ["edition", "restatements", "2025-h1", "--output", "json"]
    told = printed(Page("restatements", command, {"ListRestatements": [step]}), "en", 80)
    assert json.loads(told.partition("\n")[2])["view"]["age_seconds"] == 60


def test_a_difference_is_exact_for_other_programs() -> None:
    for number, text in ((1_234, "+1.234"), (-1_234, "-1.234"), (0, "0")):
        told = difference_text(Screen(lang=Lang.vi), view_pb2.Value(whole=number), "count")
        assert (told, getattr(told, "exact", None)) == (text, number)
