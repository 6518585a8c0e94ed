"""Collects the mistakes of a request, so that its author learns of all of them at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from google.protobuf.message import Message

from services.kernel.errors import Forbidden, InvalidArgument

STEP = re.compile(r"([a-z0-9_]+)(?:\[(\d+)\])?")
"""Matches a step of a path: the name of a field, and the position in it if it is a list."""
OF_FIELDS = (InvalidArgument, Forbidden)
"""Refusals that may name wrong fields."""


def together(checks: Iterable[Callable[[], None]]) -> None:
    """Make all checks, and raise one refusal with what they found; return if they found nothing.

    A refusal that is the only one is raised unchanged. Of several, a `Forbidden` decides the kind,
    the reason and the details, else the first. The fields are those of all; where two name the same
    field, the text of the first is used.

    Args:
        checks: functions that raise a refusal if something is wrong.

    Raises:
        InvalidArgument, Forbidden: the caller sent wrong fields.
    """
    found: list[InvalidArgument | Forbidden] = []
    for check in checks:
        try:
            check()
        except OF_FIELDS as refusal:
            found.append(refusal)
    if not found:
        return
    first = next((each for each in found if isinstance(each, Forbidden)), found[0])
    if len(found) == 1:
        raise first
    fields: dict[str, str] = {}
    for each in found:
        fields |= {path: text for path, text in each.fields.items() if path not in fields}
    raise type(first)(listed(fields), reason=first.reason, fields=fields, details=first.details)


def listed(texts: Mapping[str, str]) -> str:
    """Return the message of an error: each path with what is wrong, e.g. `content.doi: is no DOI`.

    Args:
        texts: path of a wrong field -> what is wrong with it.
    """
    return "; ".join(f"{field}: {text}" for field, text in texts.items())


def blanked(message: Message, paths: Iterable[str]) -> Message:
    """Return a copy of a message in which the fields with these paths are unset.

    An item of a list of texts becomes empty instead, so that the others keep their places. Paths
    that lead to nothing are ignored.

    Args:
        message: the message; not changed.
        paths: paths of fields, e.g. `facts.publication.institutions[1]`.
    """
    copy = type(message)()
    copy.CopyFrom(message)
    for path in paths:
        _blank(copy, path)
    return copy


def _blank(message: Message, path: str) -> None:
    step, _, rest = path.partition(".")
    found = STEP.fullmatch(step)
    if found is None or found[1] not in message.DESCRIPTOR.fields_by_name:
        return
    name, at = found[1], found[2]
    field = message.DESCRIPTOR.fields_by_name[name]
    if at is not None and field.is_repeated:
        items = getattr(message, name)
        if int(at) < len(items) and field.message_type is not None:
            _blank(items[int(at)], rest)
        elif int(at) < len(items):
            items[int(at)] = type(items[int(at)])()
    elif rest and field.message_type is not None and not field.is_repeated:
        if message.HasField(name):
            _blank(getattr(message, name), rest)
    else:
        message.ClearField(name)
