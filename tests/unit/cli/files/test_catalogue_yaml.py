"""Mistakes of a catalogue file, by line and column."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli.admin import offline
from services.cli.commands.up import CATALOGUE
from services.cli.errors import NO, USAGE, Failure
from services.cli.files import catalogue_yaml
from services.cli.files.catalogue_yaml import SHOWN_MAX
from services.cli.main import main
from services.refusals import in_language
from services.texts import Lang
from tests.forking import completed

GOOD = """\
taxonomies:
  - code: field
    name: {vi: Lĩnh vực, en: Field}
    fact: fields
    terms:
      - {code: ai, name: {vi: Trí tuệ, en: AI}, valid_from: 2025-01-01}
indicators:
  - code: AAA-01
    name: {vi: Đơn, en: Filings}
    unit: count
    house: university
    cuts: [field]
    value:
      type: ip_right
      rule: COUNTING_RULE_WHOLE
      where:
        - {field: kind, any_of: {values: [patent, design]}}
        - {field: evidence, minimum: {otherwise: 1, of_type: {ip_right: 2}}}
      date: filed_on
  - code: AAA-02
    name: {vi: Tỷ lệ, en: Attainment}
    unit: percent
    house: university
    attainment_of: AAA-01
"""
# text in the good file -> what stands there instead, and the mistakes as (line, column, words).
MISTAKES: dict[str, tuple[str, str, list[tuple[int, int, str]]]] = {
    "no YAML": ("    unit: count\n", "    unit: [\n", [(12, 9, "is no YAML")]),
    "an unknown list": ("taxonomies:", "taxonomys:", [(1, 1, "did you mean 'taxonomies'?")]),
    "an unknown field of an indicator": (
        "    house: university\n    cuts",
        "    hause: university\n    cuts",
        [(11, 5, "did you mean 'house'?")],
    ),
    "an unknown field of a component": ("date: filed", "dade: filed", [(19, 7, "mean 'date'?")]),
    "an unknown field of a condition": (
        "{field: kind, any_of",
        "{field: kind, anyof",
        [(17, 25, "did you mean 'any_of'?")],
    ),
    "an unknown field of values": ("{values: [pat", "{value: [pat", [(17, 34, "mean 'values'?")]),
    "an unknown field of a term": ("valid_from", "valid_form", [(6, 49, "mean 'valid_from'?")]),
    "a field twice": ("    cuts: [field]\n", "    unit: vnd\n", [(12, 5, "stands twice")]),
    "an unknown rule": ("RULE_WHOLE", "RULE_HOLE", [(15, 13, "did you mean COUNTING_RULE_WHOLE?")]),
    "no list": ("cuts: [field]", "cuts: field", [(12, 11, "wanted a list")]),
    "a list": ("house: university\n    cuts", "house: [a]\n    cuts", [(11, 12, "one value")]),
    "no number": ("otherwise: 1", "otherwise: one", [(18, 50, "wanted a whole number, not 'one'")]),
    "an unknown unit": ("unit: count", "unit: kilos", [(10, 5, "must be in list")]),
    "a code of another shape": (
        "code: AAA-01",
        "code: aaa",
        [(8, 5, "write three capital letters, a dash and two digits")],
    ),
    "a placeholder": ("code: AAA-02", "code: {{ code }}", [(20, 11, "wanted one value")]),
    "a name of several": ("    cuts: [field]", "    ? [a, b]\n    : c", [(12, 7, "wanted a name")]),
    "a control character": ("Đơn", "Đơ\x07n", [(9, 18, "is no YAML: control characters")]),
    "two at once": (
        "    unit: count\n    house: university\n",
        "    unit: kilos\n    house: nowhere\n",
        [(10, 5, "must be in list"), (11, 5, "must be in list")],
    ),
    # What only the service knows.
    "an unknown type": ("type: ip_right", "type: ip_rights", [(14, 7, "did you mean 'ip_right'?")]),
    "an unknown fact": ("{field: kind,", "{field: kynd,", [(17, 12, "did you mean 'kind'?")]),
    "a word that the fact never has": ("patent,", "patents,", [(17, 43, "mean 'patent'?")]),
    "a type in a minimum": (
        "of_type: {ip_right: 2}",
        "of_type: {ip_rite: 2}",
        [(18, 63, "did you mean 'ip_right'?")],
    ),
    "an unknown cut": ("cuts: [field]", "cuts: [feelds]", [(12, 12, "mean 'fields'?")]),
    "an attainment of nothing": ("_of: AAA-01", "_of: AAA-09", [(24, 5, "no plain indicator")]),
    "a code twice": ("code: AAA-02", "code: AAA-01", [(20, 5, "stands twice")]),
}


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are forks; that they start by themselves, too, the deployed catalogue shows."""

    def run(command: Sequence[str], input: bytes, **_: Any) -> subprocess.CompletedProcess[bytes]:
        return completed(*command[2:], environment=os.environ, given=input)

    monkeypatch.setattr(offline, "subprocess", SimpleNamespace(run=run))


def checked(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    with pytest.raises(SystemExit) as ended:
        main(["catalogue", "check", str(path), "--output", "json"])
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("forked")
def test_a_good_file_is_read_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    message = catalogue_yaml.read(path)
    assert [indicator.code for indicator in message.indicators] == ["AAA-01", "AAA-02"]
    assert message.taxonomies[0].terms[0].valid_from == "2025-01-01"
    assert message.indicators[0].value.where[1].minimum.of_type == {"ip_right": 2}
    assert checked(path, capsys) == (
        0,
        {"file": str(path), "indicators": 2, "mistakes": [], "examples": 0, "differences": []},
    )


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_by_line_and_column(
    old: str,
    new: str,
    expected: list[tuple[int, int, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert GOOD.count(old) == 1
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    code, document = checked(path, capsys)
    found = document["mistakes"]
    assert isinstance(found, list)
    assert code == NO
    assert [(m["line"], m["column"]) for m in found] == [(line, at) for line, at, _ in expected]
    for mistake, (_, _, words) in zip(found, expected, strict=True):
        assert words in mistake["problem"]
        assert in_language(mistake["problem"], "vi") != mistake["problem"]


def test_a_file_with_mistakes_is_not_published(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("house: university", "hause: university"), encoding="utf-8")
    with pytest.raises(Failure) as refused:
        catalogue_yaml.read(path)
    assert refused.value.exit_code == USAGE
    assert refused.value.message.splitlines()[0].startswith(
        f"{path}:11:5: indicators[AAA-01].hause"
    )
    with pytest.raises(Failure, match="No such file"):
        catalogue_yaml.read(tmp_path / "absent.yaml")


def test_mistakes_that_stop_a_command_are_listed_in_its_language(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("indicators:\n" + "  - hause: university\n" * (SHOWN_MAX + 1), "utf-8")
    said = {}
    for lang in ("en", "vi"):
        with pytest.raises(Failure) as refused:
            catalogue_yaml.read(path, lang)
        said[lang] = refused.value.told_in(Lang(lang)).splitlines()
        places = [line.partition(": ")[0] for line in said[lang][:SHOWN_MAX]]
        assert places == [f"{path}:{line}:5" for line in range(2, SHOWN_MAX + 2)]
    assert all(en != vi for en, vi in zip(said["en"], said["vi"], strict=True))
    assert (said["en"][-1], said["vi"][-1]) == (
        f"{SHOWN_MAX + 1} mistakes in all",
        f"tổng cộng {SHOWN_MAX + 1} lỗi",
    )


def test_the_deployed_catalogue_and_its_examples_are_good(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, document = checked(CATALOGUE, capsys)
    assert (code, document["indicators"], document["examples"]) == (0, 49, 49)


@pytest.mark.usefixtures("forked")
def test_an_example_that_comes_out_otherwise_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "AAA-01.yaml").write_text(
        "claims: [{work: a, unit: vnu, facts: {kind: patent, filed_on: 2025-02-01}}]\n"
        "cells: [{unit: vnu, is: 1}]\n"
    )
    code, document = checked(path, capsys)
    assert (code, document["examples"]) == (NO, 1)
    assert "vnu 2025-01 to 2025-12 verified: is 0, not 1" in str(document["differences"])
    with pytest.raises(SystemExit):
        main(["catalogue", "check", str(path), "--lang", "vi"])
    assert "là 0, không phải 1" in capsys.readouterr().out


def test_a_catalogue_is_listed_with_its_formula_in_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["catalogue", "list", "--file", str(CATALOGUE), "--output", "json"])
    assert not ended.value.code
    document = json.loads(capsys.readouterr().out)
    by_code = {indicator["code"]: indicator for indicator in document["indicators"]}
    assert len(by_code) == 49
    assert by_code["ENT-13"]["formula"]["en"] == (
        "sum of `trainees` × `hours` / 8 of training courses, split among those that claim them, "  # noqa: RUF001
        "in the month of `started_on`"
    )
    assert by_code["KNW-08"]["rule"] == "attainment"
    assert by_code["COM-09"]["is_ratio"]
    assert by_code["COM-06"]["is_stock"]
    known = {"code", "name", "unit", "direction", "house", "rule", "formula", "cuts"}
    for indicator in document["indicators"]:
        assert known <= set(indicator)
        assert indicator["direction"] in ("up", "down", "none")
        assert min(len(indicator["formula"][lang]) for lang in ("vi", "en")) > 10
    assert [taxonomy["code"] for taxonomy in document["taxonomies"]] == ["field", "area"]
    assert {len(taxonomy["terms"]) for taxonomy in document["taxonomies"]} == {8}
