"""Both languages say the same, and every word that a page uses is there."""

import re
from pathlib import Path
from string import Formatter

import pytest

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_pb2
from services.portal import texts
from services.portal.trial import ROLES
from services.texts import Lang

PORTAL = Path(texts.FOLDER)
SAID = re.compile(r"""\b(?:t|page\.text|text)\(\s*"([a-z_]+\.[a-z_]+)\"""")


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_and_names() -> None:
    vi, en = texts.texts(Lang.vi), texts.texts(Lang.en)
    assert vi.keys() == en.keys()
    assert [key for key in vi if names(vi[key]) != names(en[key])] == []


def test_every_word_of_a_page_is_there() -> None:
    files = [*PORTAL.rglob("*.html"), *PORTAL.rglob("*.py")]
    said = {key for file in files for key in SAID.findall(file.read_text(encoding="utf-8"))}
    assert len(said) > 60
    assert sorted(said - texts.texts(Lang.vi).keys()) == []


def test_there_is_a_word_for_everything_that_services_answer() -> None:
    wanted = {f"role.{role}" for role in ROLES}
    for enum, prefix, group in (
        (kpi_service_pb2.Finding.Reason, "REASON_", "reason"),
        (submission_pb2.State, "STATE_", "state"),
    ):
        wanted |= {f"{group}.{name.removeprefix(prefix).lower()}" for name in enum.keys()}  # noqa: SIM118
    assert sorted(wanted - texts.texts(Lang.vi).keys()) == []


@pytest.mark.parametrize(
    ("key", "lang", "name"),
    [
        ("transfer_contract:partner:00014:HĐ-32/2025", Lang.vi, "hợp đồng chuyển giao HĐ-32/2025"),
        ("doi:10.5555/a:b", Lang.en, "doi:10.5555/a:b"),
        ("transfer_contract", Lang.vi, "transfer_contract"),
    ],
)
def test_a_work_without_title_is_called_by_type_and_number(key: str, lang: Lang, name: str) -> None:
    assert texts.work_name(key, lang) == name
