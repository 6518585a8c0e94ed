"""What an institution can say in the log, and what it cannot."""

from __future__ import annotations

import pytest

from services.kpi.domain.authority import (
    CHANGE_BITS,
    EPOCHS_MAX,
    Speaker,
    full_name,
    refusal,
    seniority,
)

OWN = "vnu.0198"
LAST = (EPOCHS_MAX << CHANGE_BITS) + (1 << CHANGE_BITS) - 1


@pytest.mark.parametrize(
    ("speaker", "units"),
    [
        (Speaker("vnu", OWN, 1, "doi:10.1/a"), ["vnu/hus", "vnu"]),
        (Speaker("vnu", OWN, 1, f"sub:{OWN}"), []),
        (Speaker("vnu", "0192-a", (1 << CHANGE_BITS) + 1, "sub:0192-a"), ["vnu/hus"]),
        (Speaker("vnu", OWN, LAST, "doi:10.1/a"), []),
    ],
)
def test_an_institution_speaks_of_its_own(speaker: Speaker, units: list[str]) -> None:
    assert refusal(speaker, units) == ""


@pytest.mark.parametrize(
    ("speaker", "unit", "reason"),
    [
        (Speaker("", OWN, 1, "w"), "vnu", "no institution answers for it"),
        (Speaker("hust", OWN, 2, "w"), "hust", "submission 'vnu.0198' is not one of 'hust'"),
        (Speaker("vn", OWN, 2, "w"), "vn", "submission 'vnu.0198' is not one of 'vn'"),
        (Speaker("vnu", "vnu.a.0198", 2, "w"), "vnu", "submission 'vnu.a.0198' is not one"),
        (Speaker("vnu", ".0198", 2, "w"), "vnu", "submission '.0198' is not one of 'vnu'"),
        (Speaker("hust", "hust.1", 1, "w"), "vnu/hus", "unit 'vnu/hus' is not one of 'hust'"),
        (Speaker("vnu", OWN, 1, "w"), "vnu-hcm", "unit 'vnu-hcm' is not one of 'vnu'"),
        (Speaker("hust", "hust.1", 1, f"sub:{OWN}"), "hust", "work 'sub:vnu.0198' is not one of"),
        (Speaker("hust", "0192-b", 1, "sub:0192-a"), "hust", "work 'sub:0192-a' is not one of"),
        (Speaker("vnu", OWN, 1 << 62, "w"), "vnu", "version 4611686018427387904 is of no restore"),
        (Speaker("vnu", OWN, LAST + 2, "w"), "vnu", "is of no restore epoch"),
        (Speaker("vnu", OWN, 3 << CHANGE_BITS, "w"), "vnu", "is of no restore epoch"),
        (Speaker("vnu", OWN, -1, "w"), "vnu", "version -1 is of no restore epoch"),
    ],
)
def test_what_is_not_its_own_is_refused_with_the_reason(
    speaker: Speaker, unit: str, reason: str
) -> None:
    assert reason in refusal(speaker, [speaker.institution_id, unit])


def test_the_same_older_id_names_two_submissions_of_two_institutions() -> None:
    assert full_name("vnu", "0192-a") == "vnu.0192-a" != full_name("hust", "0192-a")
    assert full_name("vnu", OWN) == OWN
    assert full_name("vnu", "") == ""


def test_the_older_id_comes_first_whatever_its_institution() -> None:
    names = ["vnu.0191-a", "hust.0192-a", "vnu.0192-a", "hust.0193-a"]
    assert sorted({*names}, key=seniority) == names
