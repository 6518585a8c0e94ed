"""What a service refused of a row, by column. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.refusals import in_language


@dataclass(frozen=True, slots=True)
class RefusedCell:
    """A refused column, empty for the whole row, with what is wrong and what to do about it."""

    column: str
    problem: str
    remedy: str


def refused_cells(
    message: str, fields: Sequence[tuple[str, str]], tag: str, lang: str
) -> Iterator[RefusedCell]:
    """Yield one refused cell per wrong field, from the error of a row.

    A service says `what is wrong; what to do`.

    Args:
        message: message of the error.
        fields: path of each wrong field, and what is wrong with it.
        tag: reason for programs, which is added where no column says what is meant.
        lang: `vi` or `en`.
    """
    for name, said in fields or (("", message),):
        told = in_language(said, lang)
        problem, _, remedy = told.rpartition("; ") if "; " in told else (told, "", "")
        if said not in message:
            # A message that repeats the problems of fields is omitted; any other one is a remedy.
            problem, remedy = told, in_language(message, lang)
        problem = problem if name else f"{problem} {tag}".rstrip()
        yield RefusedCell(column_of(name), problem, remedy[:1].upper() + remedy[1:])


def column_of(path: str) -> str:
    """Return the column for the path of a field: `doi` for `content.facts.publication.doi`."""
    parts = path.split(".")
    if parts[:1] == ["content"]:
        parts = parts[1:]
    return ".".join(parts[2:]) if parts[:1] == ["facts"] and len(parts) > 2 else ".".join(parts)
