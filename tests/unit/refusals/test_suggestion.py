import pytest

from services.refusals.suggestion import suggestion

UNITS = ["consortium", "vnu", "vnu/hus", "vnu/ueb", "vnu-hcm", "vnu-hcm/uit", "hust", "hust/soict"]
CODES = ["KNW-01", "KNW-03", "ENT-01", "ENT-10"]


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
