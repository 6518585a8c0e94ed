"""Writes the forms that the fold demands of facts: `python -m tests.golden.make_forms`.

They follow from the contract, so that a change of it may park other records than before. Then
FOLD_VERSION has to be raised; the written forms show it.
"""

from __future__ import annotations

import json
from pathlib import Path

from google.protobuf.descriptor import FieldDescriptor

from services.kpi.wire.forms import limits
from services.kpi.wire.vocabulary import TYPES, enum_words, fields

FORMS = Path(__file__).with_name("forms.json")


def form(field: FieldDescriptor) -> str:
    """Return in words what values of a field of facts have to be."""
    if field.enum_type is not None:
        words = [word for number, word in sorted(enum_words(field).items()) if number]
        return f"{'any of' if field.is_repeated else 'one of'} {', '.join(words)}"
    if field.is_repeated:
        return "texts"
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return "flag"
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        low, high = limits(field)
        assert 0 <= low < high, f"{field.full_name} has no limits"
        return f"{low} to {high}"
    assert field.cpp_type == FieldDescriptor.CPPTYPE_STRING, f"{field.full_name} needs a form"
    return {"_on": "day", "vnd": "amount"}.get(field.name[-3:], "text")


def forms() -> dict[str, str]:
    """Return the field of each submission type -> its form."""
    return {f"{kind}.{name}": form(field) for kind in TYPES for name, field in fields(kind).items()}


def main() -> None:
    """Write the file."""
    FORMS.write_text(json.dumps(forms(), indent=1) + "\n")


if __name__ == "__main__":
    main()
