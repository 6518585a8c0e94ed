"""Splits a service's refusal of a row into the cells that caused it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.importing.headings import RENAMED
from services.refusals import in_language

PROOF = re.compile(r"evidence(\[\d+\])\.([a-z0-9]+)")
"""Matches the path of a part of one document of the evidence."""


@dataclass(frozen=True, slots=True)
class RefusedCell:
    """A cell because of which a service refused a row, in the language of the reader.

    Args:
        column: its column; empty if the whole row was refused.
        problem: what is wrong.
        remedy: what to do about it; empty if the service did not say.
    """

    column: str
    problem: str
    remedy: str


def refused_cells(
    message: str, fields: Sequence[tuple[str, str]], tag: str, lang: str
) -> Iterator[RefusedCell]:
    """Yield a refused cell for each wrong field; one for the whole row if no field is named.

    Services write `what is wrong; what to do`, which is split into problem and remedy. A message
    that does not repeat the problem of a field is its remedy instead.

    Args:
        message: message of the error.
        fields: (path, problem) of each wrong field.
        tag: machine-readable reason in brackets, appended to a problem of the whole row.
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
    """Return the column for the path of a field: `doi` for `content.facts.publication.doi`.

    A part of a document of the evidence has its own column, with the position of the document
    counted from 0: `content.evidence[1].uri` gives `evidence_uri[1]`. Other paths outside the facts
    lose only the name of their message: `content.unit_id` gives `unit_id`. An empty path gives an
    empty column.
    """
    parts = path.split(".")
    if parts[0] in ("content", "source_record"):
        parts = parts[1:]
    if parts[:1] == ["facts"] and len(parts) > 2:
        name = ".".join(parts[2:])
        return RENAMED.get((parts[1], name), name)
    if found := PROOF.fullmatch(".".join(parts)):
        return f"evidence_{found[2]}{found[1]}"
    return ".".join(parts)
