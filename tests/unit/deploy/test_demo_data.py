"""The committed demo data are what their generator writes, and come to the figures they should."""

import csv
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.descriptor import FieldDescriptor
from stdnum.iso7064 import mod_11_2
from stdnum.vn import mst

from kieng.submissions.v1 import facts_pb2
from tests.e2e import demo_works, expected
from tests.e2e.demo_works import Row, submissions, works

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "deploy/demo"
UNITS_FILE = ROOT / "deploy/directory/units.yaml"
TYPES = {
    field.name: field.message_type
    for field in facts_pb2.Facts.DESCRIPTOR.fields
    if field.message_type is not None
}
CLAIM_COLUMNS = ["record_id", "unit_id", "part", "share_ppm", "source"]
EVIDENCE_COLUMNS = ["evidence_title", "evidence_uri", "evidence_sha256"]
# The claim's column `source` is older: the fact of the same name has another one.
RENAMED = {("rd_funding", "source"): "funding_source"}
UNIT_KEYS = {
    *("unit_id", "parent_id", "kind", "name", "abbreviation", "aliases", "valid_from", "valid_to"),
    "successor_ids",
}
JANUARY_TO_JULY = ("2025-01", "2025-07")


def units() -> dict[str, dict[str, Any]]:
    listed = yaml.load(UNITS_FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)["units"]
    return {unit["unit_id"]: unit for unit in listed}


def verified(code: str, unit: str = "vnu") -> expected.Value:
    return expected.figures(works("verified"), code, *JANUARY_TO_JULY).get(unit, 0)


def whole(code: str, unit: str = "vnu") -> int:
    return expected.number(verified(code, unit))


def contents() -> list[tuple[str, str, Row]]:
    """Institution, type and row of every content that is ever imported."""
    first = {
        (path.parts[-2], path.stem): path
        for path in DEMO.glob("*/*.csv")
        if not path.stem.startswith("decisions")
    }
    found = [(*key, row) for key, path in sorted(first.items()) for row in demo_works.read(path)]
    for path in sorted(DEMO.glob("*/changes/*.csv")):
        rows = [row for row in demo_works.read(path) if row["action"] != "withdraw"]
        found += [(path.parts[-3], path.stem, row) for row in rows]
    return found


def test_the_generator_writes_the_committed_files() -> None:
    command = [sys.executable, str(DEMO / "generate.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_there_are_about_four_thousand_submissions_of_all_types() -> None:
    assert 4_200 <= len(submissions()) <= 4_500
    for institution in demo_works.INSTITUTIONS:
        found = {item.type for item in submissions() if item.institution == institution}
        assert found == set(TYPES)


def test_every_state_is_there_at_the_end() -> None:
    states = Counter(submission.state for submission in submissions())
    assert set(states) == {
        *("submitted", "unit_approved", "verified", "returned", "rejected", "withdrawn"),
    }
    assert min(states.values()) >= 20


def test_the_reported_figures_come_out_exactly() -> None:
    assert verified("KNW-01") == 62
    assert verified("KNW-03") == 1200
    assert verified("KNW-05") == (643, 1200)
    assert verified("STA-01") == verified("STA-01", "vnu/ueb") == 8
    assert whole("STA-01") + whole("STA-02") == 27
    assert verified("KNW-06") == 3
    assert verified("KNW-08") == (62, 120)
    assert verified("COM-06", "vnu/hus") == 100


def test_hus_filed_thirty_applications() -> None:
    filed = [
        work
        for work in works("verified").values()
        if work.type == "ip_right"
        and "vnu/hus" in work.units
        and "2025-01" <= work.month("filed_on") <= "2025-07"
    ]
    assert len(filed) == 30


@pytest.mark.parametrize("code", expected.INDICATORS)
def test_every_indicator_has_a_value_at_every_institution_and_changes_with_the_months(
    code: str,
) -> None:
    early = expected.figures(works("verified"), code, "2025-01", "2025-03")
    late = expected.figures(works("verified"), code, *JANUARY_TO_JULY)
    assert all(late[unit] for unit in ("consortium", *demo_works.INSTITUTIONS))
    assert early != late
    assert expected.figures(works("declared"), code, *JANUARY_TO_JULY) != late or code == "KNW-06"


def test_stocks_go_down_in_some_month() -> None:
    for code in ("COM-06", "COM-08", "ENT-05"):
        levels = [
            expected.number(expected.figures(works("verified"), code, month, month)["consortium"])
            for month in (f"2025-{number:02d}" for number in range(1, 13))
        ]
        assert any(after < before for before, after in pairwise(levels)), (code, levels)


def test_the_consortium_counts_shared_works_once() -> None:
    overlap = expected.overlap(works("verified"), "KNW-03", *JANUARY_TO_JULY)
    counted_again = sum(len(claiming) - 1 for claiming in overlap.values())
    alone = sum(whole("KNW-03", unit) for unit in demo_works.INSTITUTIONS)
    assert len(overlap) >= 60
    assert whole("KNW-03", "consortium") == alone - counted_again
    assert len(expected.overlap(works("verified"), "TRI-01", *JANUARY_TO_JULY)) >= 5
    assert any(len(claiming) == 3 for claiming in overlap.values())


def test_fractions_of_the_universities_add_up_to_whole_works() -> None:
    parts = expected.figures(works("verified"), "KNW-04", *JANUARY_TO_JULY)
    shares = [parts[unit] for unit in demo_works.INSTITUTIONS]
    total = sum(share[0] for share in shares if isinstance(share, tuple))
    assert parts["consortium"] == (total, expected.PARTS)
    assert total == whole("KNW-03", "consortium") * expected.PARTS


@pytest.mark.parametrize("measure", expected.MEASURES)
def test_claims_of_one_work_never_tie_and_have_one_lead(measure: str) -> None:
    for key, work in works(measure).items():
        ranks = [demo_works.SOURCE_RANK[row["source"]] for _, row in work.claims]
        assert len(set(ranks)) == len(ranks), key
        if work.type in ("training", "joint_project", "institute", "programme", "event"):
            assert [row["part"] for _, row in work.claims].count("lead") == 1, key


def test_units_form_a_tree_of_four_levels() -> None:
    found = units()
    for position, (unit_id, unit) in enumerate(found.items()):
        assert set(unit) <= UNIT_KEYS
        assert set(unit["name"]) == {"vi", "en"}
        if unit_id == "consortium":
            continue
        assert unit["parent_id"] in list(found)[:position]
        assert unit["parent_id"] == (unit_id.rpartition("/")[0] or "consortium")
    assert Counter(unit["kind"] for unit in found.values()).keys() == {
        *("consortium", "institution", "school", "institute", "group"),
    }


def test_every_claim_names_a_living_unit_of_its_institution() -> None:
    found = units()
    for institution, type_, row in contents():
        unit = found[row["unit_id"]]
        assert unit["unit_id"].split("/")[0] == institution
        dates = {name: row[name] for name in row if name.endswith("_on") and row[name]}
        (happened,) = (
            row[field.name]
            for field in TYPES[type_].fields
            if field.GetOptions().Extensions[facts_pb2.happened]
        )
        alive = unit.get("valid_from", ""), unit.get("valid_to", "9999")
        assert alive[0] <= happened <= alive[1], row["record_id"]
        assert max(dates.values()) <= "2025-12-31" or type_ == "agreement"
        named = [*row.get("institutions", "").split("|"), row.get("payer_unit_id", "")]
        assert set(named) <= {"", *found}


@pytest.mark.parametrize(
    ("ended", "successor"), [("hust/iem", "hust/sem"), ("vnu-hcm/medicine", "vnu-hcm/uhs")]
)
def test_a_reorganised_unit_has_a_past_and_its_successor_a_present(
    ended: str, successor: str
) -> None:
    assert units()[ended]["successor_ids"] == [successor]
    past, present = (
        expected.figures(works("verified"), "ENT-12", *months)
        for months in (("2024-01", "2024-07"), JANUARY_TO_JULY)
    )
    assert expected.number(past[ended]) < expected.number(present[successor])
    assert (past.get(successor, 0), present.get(ended, 0)) == (0, 0)


def test_columns_and_values_are_those_of_the_contracts() -> None:
    for _, type_, row in contents():
        fields = [field for field in TYPES[type_].fields if field.name != "partner_id"]
        names = [RENAMED.get((type_, field.name), field.name) for field in fields]
        changed = ["action", "reason"] if "action" in row else []
        assert list(row) == [*CLAIM_COLUMNS, *names, *EVIDENCE_COLUMNS, *changed]
        for name, field in zip(names, fields, strict=True):
            assert_is_value_of(field, row[name])


def assert_is_value_of(field: FieldDescriptor, text: str) -> None:
    if field.enum_type is not None:
        zero = field.enum_type.values[0].name
        prefix = zero.removesuffix("UNSPECIFIED")
        allowed = {value.name.removeprefix(prefix).lower() for value in field.enum_type.values}
        assert set(filter(None, text.split("|"))) <= allowed - {"unspecified"}
    elif field.type == FieldDescriptor.TYPE_BOOL:
        assert text in ("true", "false")
    elif field.name.endswith("_vnd"):
        assert text == str(int(text))
        assert len(text) <= 15


def test_tax_codes_and_orcids_pass_their_check_digits() -> None:
    with (DEMO / "partners.csv").open(encoding="utf-8", newline="") as file:
        partners = list(csv.DictReader(file))
    invented = [row for row in partners if row["synthetic"] == "true"]
    codes = [row["tax_code"] for row in invented]
    assert len(codes) == 40
    assert not any(row["tax_code"] for row in partners if row["synthetic"] == "false")
    enterprises = {row["tax_code"] for _, type_, row in contents() if type_ == "enterprise"}
    assert all(mst.is_valid(code) for code in (*codes, *enterprises))
    assert len({*codes, *enterprises}) == len(codes) + len(enterprises)
    people = {row["person_id"] for _, type_, row in contents() if type_ == "expert"}
    orcids = [person.replace("-", "") for person in people if ":" not in person]
    assert len(orcids) > 30
    assert all(mod_11_2.is_valid(digits) for digits in orcids)


def test_titles_and_names_say_that_they_are_invented() -> None:
    for _, type_, row in contents():
        marked = [row.get("title"), row.get("name"), row.get("number"), row.get("code")]
        assert any("giả" in text or "GIA" in text for text in marked if text), (type_, row)


def test_works_are_amended_in_key_unit_amount_and_month() -> None:
    before = {(item.institution, item.record_id): item for item in submissions()}
    imported = {
        (institution, row["record_id"]): row
        for institution, _, row in contents()
        if "action" not in row
    }
    changed: Counter[str] = Counter()
    for institution, _, row in contents():
        if "action" in row:
            old = imported[institution, row["record_id"]]
            changed.update(name for name in old if old[name] != row[name])
            assert (institution, row["record_id"]) in before
    assert changed["doi"] >= 10
    assert changed["unit_id"] >= 10
    assert changed["issued_on"] >= 10
    assert changed["amount_vnd"] >= 3


def test_the_readme_shows_the_figures() -> None:
    readme = (DEMO / "README.md").read_text(encoding="utf-8")
    assert expected.table(*JANUARY_TO_JULY) in readme


def test_targets_are_of_known_units_and_indicators() -> None:
    for row in demo_works.read(DEMO / "targets.csv"):
        assert row["unit_id"] in units()
        assert row["indicator_code"] in expected.INDICATORS
        assert int(row["value"]) >= 1
