"""Facts are written as people do, in both languages."""

from __future__ import annotations

import pytest

from kieng.kpi.v1 import catalogue_pb2
from services.portal.catalogues import Catalogue
from services.portal.fact_texts import fact_text
from services.texts import Lang
from tests.unit.portal.answered import CATALOGUE

KNOWN = Catalogue(CATALOGUE)


@pytest.mark.parametrize(
    ("field", "text", "vi", "en"),
    [
        ("share_ppm", "500000", "50%", "50%"),
        ("share_ppm", "1000001", "100,0001%", "100.0001%"),
        ("type", "publication", "công bố khoa học", "publication"),
        ("quartile", "q1", "Q1", "Q1"),
        ("quartile_source", "scimago", "SCImago", "SCImago"),
        ("quartile_source", "somebody", "somebody", "somebody"),
    ],
)
def test_a_fact_has_words(field: str, text: str, vi: str, en: str) -> None:
    assert fact_text(Lang.vi, field, text, KNOWN) == vi
    assert fact_text(Lang.en, field, text, KNOWN) == en


def test_terms_have_the_names_of_their_own_list() -> None:
    message = catalogue_pb2.Catalogue()
    for fact, name in (
        ("fields", "Trí tuệ nhân tạo và dữ liệu lớn"),
        ("areas", "Trí tuệ nhân tạo"),
    ):
        term = message.taxonomies.add(fact=fact).terms.add(code="ai")
        term.name.vi = name
    known = Catalogue(message)
    assert fact_text(Lang.vi, "fields", "ai, lạ", known) == "Trí tuệ nhân tạo và dữ liệu lớn, lạ"
    assert fact_text(Lang.vi, "areas", "ai", known) == "Trí tuệ nhân tạo"
    assert fact_text(Lang.vi, "areas", "ai", None) == "ai"
