"""Completes an abbreviated id by comparing it with the ids in a list."""

from __future__ import annotations

from collections.abc import Iterable

from services.cli.errors import Failure

SHOWN_MAX = 5


def completed(given: str, known: Iterable[str]) -> str:
    """Return the only known id that begins with ``given``; ``given`` itself if there is none.

    Blanks around ``given`` and an ellipsis at its end are removed. A known id is returned as it is,
    even if others begin with it. An unknown one is left to the service, which refuses it.

    Raises:
        Failure: several ids begin with ``given``; the message lists some of them.
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
    """Return the `Failure` for an abbreviated id that fits several ids.

    Its message lists the first `SHOWN_MAX` of ``found``, which are ids or lines that begin so.
    """
    listed = "\n".join(f"  {each}" for each in found[:SHOWN_MAX])
    more = "\n  ..." if len(found) > SHOWN_MAX else ""
    return Failure(f"several ids begin with {given!r}; give more of one of them:\n{listed}{more}")
