"""Completes an id from its beginning, among the ids that a list has."""

from __future__ import annotations

from collections.abc import Iterable

from services.cli.errors import Failure

SHOWN_MAX = 5


def completed(given: str, known: Iterable[str]) -> str:
    """Return the one id that begins with a text; the text itself if none does or it is an id.

    A service then says that there is no such id.

    Raises:
        Failure: several ids begin so; names some of them.
    """
    prefix = given.strip().rstrip("…")
    ids = list(dict.fromkeys(known))
    found = [each for each in ids if each.startswith(prefix)]
    if not prefix or prefix in ids or not found:
        return prefix
    if len(found) > 1:
        raise ambiguous(given, found)
    return found[0]


def ambiguous(given: str, found: list[str]) -> Failure:
    """Return the error that several ids, which it lists, begin with a text."""
    listed = "\n".join(f"  {each}" for each in found[:SHOWN_MAX])
    more = "\n  ..." if len(found) > SHOWN_MAX else ""
    return Failure(f"several ids begin with {given!r}; give more of one of them:\n{listed}{more}")
