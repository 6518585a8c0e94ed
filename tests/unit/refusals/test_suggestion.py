import pytest

from services.refusals.suggestion import searched, suggestion, unknown_unit

UNITS = ["consortium", "vnu", "vnu/hus", "vnu/ueb", "vnu-hcm", "vnu-hcm/uit", "hust", "hust/soict"]
CODES = ["KNW-01", "KNW-03", "ENT-01", "ENT-10"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (["vnu/hus"], "there is no unit 'ĐHKHTN'; did you mean 'vnu/hus'?"),
        (["vnu/hus", "hust"], "there is no unit 'ĐHKHTN'; did you mean 'vnu/hus' or 'hust'?"),
        (["vnu/hus", "hust", "vnu"], "there is no unit 'ĐHKHTN'; `kieng unit search` finds it"),
        ([], "there is no unit 'ĐHKHTN'; `kieng unit search` finds it"),
    ],
)
def test_a_unit_whose_id_is_not_similar_is_searched_by_name(found: list[str], said: str) -> None:
    assert unknown_unit("ĐHKHTN", UNITS, lambda text: found) == said


@pytest.mark.parametrize("unit_id", ["ĐHKHTN", "it's", 'say "it\'s"', "a\\b"])
def test_a_message_gets_the_suggestions_of_a_search_later(unit_id: str) -> None:
    before = f"units[0]: {unknown_unit(unit_id, UNITS)}"
    asked: list[str] = []

    def search(text: str) -> list[str]:
        asked.append(text)
        return ["vnu/hus"]

    after = searched(before, search)
    assert asked == [unit_id]
    assert after == f"units[0]: there is no unit {unit_id!r}; did you mean 'vnu/hus'?"
    assert searched("there is no indicator 'x'", search) == "there is no indicator 'x'"


def test_a_unit_whose_id_is_similar_is_not_searched() -> None:
    text = unknown_unit("hus", UNITS, lambda text: pytest.fail("it was searched"))
    assert text == "there is no unit 'hus'; did you mean 'vnu/hus'?"


@pytest.mark.parametrize(
    ("text", "known", "meant"),
    [
        ("hus", UNITS, "vnu/hus"),
        ("VNU/HUS/", UNITS, "vnu/hus"),
        ("vnu/hsu", UNITS, "vnu/hus"),
        ("vnu_hcm", UNITS, "vnu-hcm"),
        ("xyz", UNITS, ""),
        ("", UNITS, ""),
        ("KNW-3", CODES, "KNW-03"),
        ("knw 03", CODES, "KNW-03"),
        ("ENT-1", CODES, "ENT-01"),
        ("ZZZ-99", CODES, ""),
    ],
)
def test_what_may_have_been_meant_is_suggested(text: str, known: list[str], meant: str) -> None:
    assert suggestion(text, known) == meant
