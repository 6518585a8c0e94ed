"""The answers in the editor's form: the content that they state, and where mistakes are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from kieng.submissions.v1 import submission_pb2
from services.importing.field_values import CellWrong
from services.importing.texts import text
from services.importing.unit_names import FIELDS
from services.kernel.errors import InvalidArgument
from services.portal.calls import Refused
from services.portal.forms import answers_of, facts_of, share_of, share_text
from services.portal.pages.effects import mistakes_of
from services.portal.pages.written_units import written_units
from services.portal.site import Page

EVIDENCE_MAX = 20
EVIDENCE_ROW = re.compile(r"\bevidence\[([0-9]+)\]")
PROOF = ("title", "uri", "sha256")
PARTS = {"member": submission_pb2.PART_MEMBER, "lead": submission_pb2.PART_LEAD}
TOLD = ("problem", "remedy")
Answers = Mapping[str, Sequence[str]]
"""Name of a field of the form -> its answers."""


def one(answers: Answers, name: str) -> str:
    """Return the first answer to a field, without outer blanks; empty if there is none."""
    return next(iter(answers.get(name, ())), "").strip()


def content_of(type_: str, answers: Answers) -> tuple[submission_pb2.Content, dict[str, str]]:
    """Return the content that the answers state, and what is wrong with answers that it lacks."""
    facts, found = facts_of(type_, answers)
    share, wrong = 0, dict(found)
    try:
        share = share_of(one(answers, "share"))
    except InvalidArgument as error:
        wrong |= error.fields
    content = submission_pb2.Content(
        unit_id=one(answers, "unit_id"),
        part=PARTS.get(one(answers, "part"), submission_pb2.PART_UNSPECIFIED),
        share_ppm=share,
        facts=facts,
        evidence=[submission_pb2.Evidence(**each) for each in proofs_of(answers)],
    )
    return content, wrong


async def with_unit_ids(page: Page, answers: dict[str, list[str]]) -> dict[str, str]:
    """Replace names of units in the answers by their ids; return the fields of unclear names."""
    names, wrong = await written_units(page), dict[str, str]()
    for field in FIELDS & answers.keys():
        try:
            answers[field] = [
                "\n".join(names.id_of(line.strip()) for line in each.splitlines())
                for each in answers[field]
            ]
        except CellWrong as error:
            told = (text(page.lang.value, f"{error.problem}.{part}", error.values) for part in TOLD)
            wrong[field] = ". ".join(told)
    return wrong


async def with_others(
    page: Page,
    problem: Refused | InvalidArgument,
    content: submission_pb2.Content,
    found: submission_pb2.Submission | None,
    *,
    needs_evidence: bool,
) -> Refused | InvalidArgument:
    """Return a problem with some fields as one that names all wrong fields of the content.

    A problem without fields is returned as it is.

    Args:
        page: the page.
        problem: why the content was not taken.
        content: the content, without the answers that cannot be read.
        found: the submission that it belongs to; None for a new one.
        needs_evidence: whether a content without evidence is wrong.
    """
    if not problem.fields:
        return problem
    known = {place_of(path) for path in problem.fields}
    others = {
        path: said
        for path, said in (await mistakes_of(page, content, found)).items()
        if place_of(path) not in known and (needs_evidence or path != "content.evidence")
    }
    return InvalidArgument("some fields are wrong", fields={**problem.fields, **others})


def proofs_of(answers: Answers) -> list[dict[str, str]]:
    """Return title, URI and SHA-256 of each document that the answers name."""
    columns = [answers.get(f"evidence_{name}", ()) for name in PROOF]
    rows = [[cell.strip() for cell in row] for row in zip_longest(*columns, fillvalue="")]
    return [dict(zip(PROOF, row, strict=True)) for row in rows if any(row)][:EVIDENCE_MAX]


def answers_to(content: submission_pb2.Content) -> dict[str, Sequence[str]]:
    """Return the answers with which the form shows a content."""
    part = "lead" if content.part == submission_pb2.PART_LEAD else "member"
    return {
        **answers_of(content.facts),
        "unit_id": [content.unit_id],
        "part": [part],
        "share": [share_text(content.share_ppm)],
        **{
            f"evidence_{name}": [getattr(each, name) for each in content.evidence] for name in PROOF
        },
    }


def place_of(path: str) -> str:
    """Return where the form shows the problem of a field, by the path of the field.

    For example, `content.facts.publication.doi` gives `doi`, and `content.evidence[1].sha256`
    gives `sha256-1`.
    """
    name = path.rpartition(".")[2]
    row = EVIDENCE_ROW.search(path)
    return f"{name}-{row[1]}" if row and name in PROOF else name
