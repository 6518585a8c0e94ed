"""SQL for the facts of a work, i.e. of its leading claim, in a query that groups claims by work."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import facts_pb2

# All institutions that claim the work or that its facts name.
INSTITUTIONS = """list_filter(list_distinct(list_concat(list(institution),
    coalesce(any_value(led)->>'$.institutions[*]', []))), lambda x: x IS NOT NULL)"""


def settled(field: str) -> str:
    """Return the SQL for a fact of the work, i.e. of its leading claim; NULL for no field."""
    return f"(any_value(led)->>'{field}')" if field else "NULL"


def size(type_name: str, name: str) -> str:
    """Return the SQL for a number, or for the length of a list; 0 if it is not set."""
    if name == "institutions":
        return f"len({INSTITUTIONS})"
    field = _field(type_name, name)
    if field is not None and field.is_repeated:
        return f"coalesce(json_array_length(any_value(led)->'{name}'), 0)"
    return f"coalesce(({settled(name)})::BIGINT, 0)"


def items_of(type_name: str, name: str) -> str:
    """Return the SQL for the list of words in a field, spelled as in definitions; NULL if unset."""
    if name == "institutions":
        return f"nullif({INSTITUTIONS}, []::VARCHAR[])"
    field = _field(type_name, name)
    items = (
        f"from_json(any_value(led)->'{name}', '[\"VARCHAR\"]')"
        if field is not None and field.is_repeated
        else f"[{settled(name)}]"
    )
    if field is not None and field.enum_type is not None:
        items = f"list_transform({items}, lambda x: {_spelled('x')})"
    return f"CASE WHEN {settled(name)} IS NULL THEN NULL ELSE {items} END"


def member(type_name: str, name: str) -> str:
    """Return the SQL for what a distinct count counts, spelled as in definitions; NULL if unset."""
    field = _field(type_name, name)
    is_word = field is not None and field.enum_type is not None
    return _spelled(settled(name)) if is_word else settled(name)


def terms(type_name: str, name: str) -> str:
    """Return the SQL for the words of a field that may be terms of a cut; NULL if it has none."""
    items = f"list_filter({items_of(type_name, name)}, lambda x: x <> '')"
    return f"nullif({items}, []::VARCHAR[])"


def _field(type_name: str, name: str) -> FieldDescriptor | None:
    """Return a field of a type's facts; None for facts that every type has."""
    known = facts_pb2.Facts.DESCRIPTOR.fields_by_name
    message = known[type_name].message_type if type_name in known else None
    return message.fields_by_name.get(name) if message is not None else None


def _spelled(word: str) -> str:
    """Return the SQL for a value of an enum as definitions spell it."""
    return f"lower(regexp_replace({word}, '^[A-Z]+_', ''))"
