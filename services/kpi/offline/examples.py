"""Runs examples of indicators, which are data files: claims go in, the expected cells come out.

An example is a YAML file that is named after its indicator. Tests run the examples of all deployed
indicators, and `kieng catalogue check` runs those next to a catalogue file, so that its
author sees what a definition does.

    claims:                      # in the order in which they are made
      - {work: a, unit: vnu/hus, facts: {issued_on: 2025-03-01, indexes: [scopus]}}
      - {work: a, unit: hust, verified: false, facts: {...}}
    cells:
      - {unit: consortium, is: 1, declared: 2}

Claims are `verified` unless they say otherwise. A later claim with the same `submission` amends the
earlier one; with `withdrawn` it takes it back. `type` defaults to the type of the indicator. `is`
is a number, or numerator and denominator, for both measures unless `declared` is given as well.
`from` and `to` default to 2025-01 and 2025-12, `target` is the divisor of an attainment, and `by`
names a cut, whose `terms` are then expected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.json_format import ParseDict, ParseError

from kieng.submissions.v1 import events_pb2, facts_pb2, submission_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.domain.catalogue import ANY, MEASURES, Catalogue, Indicator
from services.kpi.domain.cube import Cube, Ratio, Value
from services.kpi.domain.fold import fold, roll_up
from services.kpi.domain.months import month_of_date
from services.kpi.domain.work import Key, Work
from services.kpi.wire import events
from services.kpi.wire.vocabulary import enum_words

FROM, TO = "2025-01", "2025-12"
CLAIM = {"work", "unit", "type", "facts", "submission", "verified", "withdrawn", "part"}
CLAIM |= {"share_ppm", "source", "reported_on", "evidence"}
CELL = {"unit", "is", "declared", "from", "to", "by", "terms", "target"}


@dataclass
class Example:
    """An example of an indicator: what is claimed, and the numbers that are to result.

    Args:
        events: the submission events, in order.
        cells: the expected cells, as written in the file.
    """

    events: list[events_pb2.SubmissionChanged]
    cells: list[Mapping[str, Any]] = field(default_factory=list)


def read(path: Path, catalogue: Catalogue) -> Example:
    """Read an example from a file that is named after its indicator.

    Raises:
        ValueError: the file is not a valid example; the message says why.
    """
    indicator = catalogue.indicators.get(path.stem)
    if indicator is None:
        raise ValueError(f"the catalogue has no indicator {path.stem}")
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    if not isinstance(document, dict) or set(document) != {"claims", "cells"}:
        raise ValueError("an example has claims and cells")
    for kind, known in (("claims", CLAIM), ("cells", CELL)):
        for position, entry in enumerate(document[kind]):
            if wrong := set(entry) - known:
                raise ValueError(f"{kind}[{position}] has no {sorted(wrong)[0]!r}")
    base = catalogue.indicators.get(indicator.attainment_of, indicator)
    assert base.value is not None
    return Example(list(_events(document["claims"], base.value.type)), document["cells"])


def run(example: Example, catalogue: Catalogue, code: str) -> list[str]:
    """Fold an example; return one line for each difference from its expected cells.

    The list is empty if there is none. A line is, e.g., `vnu 2025-01 to 2025-12 verified: is 2, not
    1`.

    Args:
        example: the example.
        catalogue: catalogue with the indicator.
        code: code of the indicator.

    Raises:
        InvalidRecord: a claim cannot be counted, e.g. because its unit does not exist.
    """
    cube = cube_of(example, catalogue)
    indicator = catalogue.indicators[code]
    return [text for cell in example.cells for text in _differences(cube, indicator, cell)]


def cube_of(example: Example, catalogue: Catalogue) -> Cube:
    """Return the cells that result from folding the claims of an example.

    Raises:
        InvalidRecord: a claim cannot be counted, e.g. because its unit does not exist.
    """
    works: dict[str, Work] = {}
    changes: dict[Key, int] = {}
    for event in example.events:
        statement = events.decode_statement(event, catalogue, b"")
        old = works.get(event.work_key, Work())
        works[event.work_key], found = fold(old, events.name_of(event), statement, catalogue)
        for key, change in found.items():
            changes[key] = changes.get(key, 0) + change
    cube = Cube(catalogue)
    for (unit_id, month), row in roll_up(changes, catalogue).items():
        cube.put(0, unit_id, month, row)
    return cube


def _events(claims: Iterable[Any], type_name: str) -> Iterator[events_pb2.SubmissionChanged]:
    newest: dict[str, events_pb2.SubmissionChanged] = {}
    for number, said in enumerate(claims, start=1):
        submission = said.get("submission", f"s{number}")
        before = newest.get(submission, events_pb2.SubmissionChanged())
        event = events_pb2.SubmissionChanged(
            submission_id=submission,
            version=number,
            work_key=said["work"],
            institution_id=said["unit"].split("/")[0],
            reported_on=said.get("reported_on", ""),
        )
        if said.get("withdrawn") != "true":
            event.declared.CopyFrom(_claim(said, type_name))
            if said.get("verified", "true") == "true":
                event.verified.CopyFrom(event.declared)
            elif before.HasField("verified"):
                event.verified.CopyFrom(before.verified)
        newest[submission] = event
        yield event


def _claim(said: Mapping[str, Any], type_name: str) -> events_pb2.Claim:
    kind = said.get("type", "publication" if type_name == ANY else type_name)
    if kind not in facts_pb2.Facts.DESCRIPTOR.fields_by_name:
        raise ValueError(f"there is no submission type {kind!r}")
    claim = events_pb2.Claim(
        unit_id=said["unit"],
        part=submission_pb2.Part.Value(f"PART_{said.get('part', 'member').upper()}"),
        source=submission_pb2.Source.Value(f"SOURCE_{said.get('source', 'declared').upper()}"),
        share_ppm=int(said.get("share_ppm", "0")),
    )
    message = getattr(claim.facts, kind)
    message.SetInParent()
    words = {name: _json(message.DESCRIPTOR, name, fact) for name, fact in said["facts"].items()}
    try:
        ParseDict(words, message)
    except ParseError as error:
        raise ValueError(f"{kind}: {error}") from error
    for proof in range(int(said.get("evidence", "1"))):
        claim.evidence_sha256.append(hashlib.sha256(f"{proof}".encode()).hexdigest())
    return claim


def _json(descriptor: Any, name: str, fact: Any) -> Any:
    """Return a fact of an example in protobuf's JSON form.

    Words of enums become numbers and `true` becomes a boolean; anything else is returned unchanged.
    """
    descriptor_of = descriptor.fields_by_name.get(name)
    if descriptor_of is None or isinstance(fact, list):
        return [_json(descriptor, name, item) for item in fact] if descriptor_of else fact
    if descriptor_of.enum_type is not None:
        numbers = {word: number for number, word in enum_words(descriptor_of).items()}
        return numbers.get(fact, fact)
    if descriptor_of.type == descriptor_of.TYPE_BOOL:
        return fact == "true"
    return fact


def _differences(cube: Cube, indicator: Indicator, cell: Mapping[str, Any]) -> Iterator[str]:
    months = month_of_date(cell.get("from", FROM)), month_of_date(cell.get("to", TO))
    unit_id = cell["unit"]
    for measure, word in enumerate(MEASURES):
        found: Any
        if "by" in cell:
            terms = cube.split(unit_id, indicator, cell["by"], measure, months)
            found = {term: _plain(value) for term, value in sorted(terms.items())}
            expected = cell["terms"]
        else:
            target = int(cell.get("target", "0"))
            found = _plain(cube.value(unit_id, indicator, measure, *months, target))
            expected = cell.get("declared", cell["is"]) if word == "declared" else cell["is"]
        if found != expected:
            place = f"{unit_id} {cell.get('from', FROM)} to {cell.get('to', TO)} {word}"
            yield f"{place}: is {found}, not {expected}"


def _plain(value: Value) -> Any:
    """Return a value in the form in which example files write it, as text."""
    if isinstance(value, Ratio):
        return [str(value.numerator), str(value.denominator)]
    return str(value)


def check_folder(folder: Path, catalogue: Catalogue) -> tuple[int, list[str]]:
    """Run all examples in a folder; return their number and one line for each mistake.

    A mistake is a file that is no valid example, or a cell that differs; each line begins with the
    path of the file. Only files `*.yaml` of the folder itself are read.
    """
    paths = sorted(folder.glob("*.yaml"))
    wrong = []
    for path in paths:
        try:
            found = run(read(path, catalogue), catalogue, path.stem)
        except (ValueError, KeyError, InvalidRecord, yaml.YAMLError) as error:
            found = [str(error) if not isinstance(error, KeyError) else f"{error} is missing"]
        wrong += [f"{path}: {text}" for text in found]
    return len(paths), wrong
