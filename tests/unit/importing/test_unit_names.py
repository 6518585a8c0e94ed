"""A unit may be named as people call it, unless several are called so."""

from __future__ import annotations

import pytest

from kieng.directory.v1 import directory_pb2
from services.importing import submission_rows
from services.importing.field_values import CellWrong
from services.importing.unit_names import NO_UNITS, UnitNames

HEADER = ["record_id", "Đơn vị kê khai", "Tên", "institutions"]


def unit(
    unit_id: str, vi: str, en: str = "", short: str = "", valid_to: str = ""
) -> directory_pb2.Unit:
    name = directory_pb2.LocalizedText(vi=vi, en=en or vi)
    return directory_pb2.Unit(unit_id=unit_id, name=name, abbreviation=short, valid_to=valid_to)


UNITS = [
    unit("vnu", "Đại học Quốc gia", short="ĐHQG"),
    unit("vnu/hus", "Trường Khoa học Tự nhiên", "University of Science", "HUS"),
    unit("vnu/hus/physics", "Khoa Vật lý", "Faculty of Physics"),
    unit("hust/physics", "Khoa Vật lý", "School of Physics"),
    unit("hust/optics", "Khoa Quang học"),
    unit("vnu/old", "Khoa Toán", valid_to="2020-01-01"),
    unit("vnu/maths", "Khoa Toán"),
]
NAMES = UnitNames(lambda: UNITS, "vnu")


@pytest.mark.parametrize(
    ("text", "unit_id"),
    [
        ("Trường Khoa học Tự nhiên", "vnu/hus"),
        ("truong khoa hoc tu nhien", "vnu/hus"),
        ("University of Science", "vnu/hus"),
        ("HUS", "vnu/hus"),
        ("ĐHQG", "vnu"),
        ("Khoa Vật lý", "vnu/hus/physics"),
        ("Khoa Quang học", "hust/optics"),
        ("Khoa Toán", "vnu/maths"),
        ("vnu/nowhere", "vnu/nowhere"),
        ("Khoa Hóa", "Khoa Hóa"),
    ],
)
def test_a_name_means_its_unit_and_anything_else_stays(text: str, unit_id: str) -> None:
    assert NAMES.id_of(text) == unit_id
    assert NO_UNITS.id_of(text) == text


def test_a_name_of_several_units_is_refused_with_their_ids() -> None:
    with pytest.raises(CellWrong) as wrong:
        UnitNames(lambda: UNITS).id_of("Khoa Vật lý")
    assert wrong.value.problem == "cell.units"
    assert wrong.value.values["units"] == "vnu/hus/physics, hust/physics"


def test_units_are_read_only_for_a_name_and_only_once() -> None:
    asked = list[str]()

    def read() -> list[directory_pb2.Unit]:
        asked.append("")
        return UNITS

    names = UnitNames(read)
    names.id_of("vnu/hus")
    assert not asked
    assert [names.id_of("HUS"), names.id_of("Khoa Toán")] == ["vnu/hus", "vnu/maths"]
    assert len(asked) == 1


def test_every_column_with_units_takes_names() -> None:
    row = ["r-1", "Khoa Toán", "t", "HUS|Khoa Quang học"]
    parsed = submission_rows.parse("publication", HEADER, [(2, row)], "file", units=NAMES)
    (request,) = parsed.requests
    assert request.content.unit_id == "vnu/maths"
    assert list(request.content.facts.publication.institutions) == ["vnu/hus", "hust/optics"]
    several = ["r-2", "Khoa Toán", "t", "Khoa Vật lý"]
    anywhere = UnitNames(lambda: UNITS)
    parsed = submission_rows.parse("publication", HEADER, [(3, several)], "file", units=anywhere)
    assert [(each.column, each.problem) for each in parsed.wrong] == [
        ("institutions", "cell.units")
    ]
