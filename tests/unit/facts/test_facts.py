"""Whatever the contracts let somebody state has a name in both languages."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import submission_pb2
from services import facts
from services.importing.headings import TYPES


def fields() -> Iterator[FieldDescriptor]:
    for described in TYPES.values():
        yield from described.fields
    yield from (submission_pb2.Content.DESCRIPTOR.fields_by_name[n] for n in ("part", "unit_id"))


def values(field: FieldDescriptor) -> Iterator[str]:
    held = [each.name for each in field.enum_type.values] if field.enum_type else []
    prefix = held[0].removesuffix("UNSPECIFIED") if held else ""
    yield from (name.removeprefix(prefix).lower() for name in held[1:])


def test_every_fact_value_and_type_has_words_in_both_languages() -> None:
    wanted = {f"type.{name}" for name in TYPES}
    wanted |= {f"fact.{field.name}" for field in fields()}
    wanted |= {f"value.{value}" for field in fields() for value in values(field)}
    assert len(wanted) > 150
    for lang in ("vi", "en"):
        assert sorted(wanted - facts.texts(lang).keys()) == []
    assert facts.texts("vi").keys() == facts.texts("en").keys()


def test_a_name_without_words_stays_as_it_is() -> None:
    assert facts.word("vi", "value", "q1") == "Q1"
    assert facts.word("vi", "fact", "unknown_on") == "unknown_on"
