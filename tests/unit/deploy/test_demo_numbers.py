"""The demo's files through the platform's own rules, without a process: every number, twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

from services.importing import headings, submission_rows
from services.kernel.publisher import Event
from services.kpi.domain.cube import Cube, Ratio, Value
from services.kpi.domain.fold import fold, roll_up
from services.kpi.domain.months import month_text
from services.kpi.domain.work import Key, Work
from services.kpi.offline.verification import catalogue_message
from services.kpi.oracle.recompute import CellKey, LogRecord, recompute
from services.kpi.wire import events as kpi_events
from services.kpi.wire.catalogue import decode_catalogue
from services.submissions import wire
from services.submissions.domain import transitions
from services.submissions.domain.submission import Change, Content, Decision, Submission
from services.submissions.events import events_of
from services.submissions.identifiers import check_facts
from tests.e2e import demo_works
from tests.e2e import expected as expected_figures

DEPLOY = Path(__file__).parents[3] / "deploy"
TODAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
CLOCK = count()
MESSAGE = catalogue_message(
    DEPLOY / "catalogue" / "indicators.yaml", DEPLOY / "directory" / "units.yaml"
)
CATALOGUE = decode_catalogue(MESSAGE)


def content(type_name: str, row: demo_works.Row, submission_id: str) -> Content:
    """What a row says, checked as the service checks it, with its partner named."""
    known = {name: row.get(name, "") for name in headings.columns(type_name)}
    message = submission_rows.content(
        type_name, {n: t for n, t in known.items() if n not in headings.ROW_COLUMNS}
    )
    fact = getattr(message.facts, type_name)
    check_facts(message.facts, TODAY)
    if "partner_id" in fact.DESCRIPTOR.fields_by_name and fact.partner:
        fact.partner_id = demo_works.partners()[fact.partner.casefold()]
    return wire.decode_content(message, submission_id)


def change(subject: str, row: demo_works.Row) -> Change:
    roles = frozenset({"contributor", "reviewer", "approver"})
    reason = row.get("reason", "")
    # Later than all before, because what was verified first leads a work.
    now = NOW + timedelta(milliseconds=next(CLOCK))
    return Change(subject, now, "", reason=reason, roles=roles, is_institution_wide=True)


class Play:
    """The steps of the demo for one institution; collects the events that they make."""

    def __init__(self, institution: str) -> None:
        self.institution = institution
        self.folder = DEPLOY / "demo" / institution
        self.events: list[Event] = []
        self._kept: dict[str, tuple[str, Submission]] = {}

    def run(self) -> Play:
        for path in sorted(self.folder.glob("*.csv")):
            if not path.stem.startswith("decisions"):
                for row in demo_works.read(path):
                    self._create(path.stem, row)
        self._decide("decisions-1.csv")
        for path in sorted((self.folder / "changes").glob("*.csv")):
            for row in demo_works.read(path):
                self._change(row)
        self._decide("decisions-2.csv")
        return self

    def _create(self, type_name: str, row: demo_works.Row) -> None:
        name = f"{self.institution}/{row['record_id']}"
        first = content(type_name, row, name)
        by = change("author", row)
        made = transitions.create(name, self.institution, first, None, by, submit=True)
        self._keep(type_name, row, None, made)

    def _decide(self, name: str) -> None:
        for row in demo_works.read(self.folder / name):
            type_name, before = self._kept[row["record_id"]]
            decision = Decision[row["decision"].upper()]
            after = transitions.decide(before, decision, change(decision.name, row))
            self._keep(type_name, row, before, after)

    def _change(self, row: demo_works.Row) -> None:
        type_name, before = self._kept[row["record_id"]]
        by = change("author", row)
        if row["action"] == "withdraw":
            after = transitions.withdraw(before, by)
        else:
            after = transitions.amend(before, content(type_name, row, before.submission_id), by)
        self._keep(type_name, row, before, after)

    def _keep(
        self, type_name: str, row: demo_works.Row, before: Submission | None, after: Submission
    ) -> None:
        self._kept[row["record_id"]] = (type_name, after)
        self.events += events_of(before, after)


@cache
def log() -> list[bytes]:
    return [e.value for who in demo_works.INSTITUTIONS for e in Play(who).run().events]


@cache
def image() -> Cube:
    works: dict[str, Work] = {}
    changes: dict[Key, int] = {}
    for value in log():
        event = kpi_events.decode_changed(value)
        statement = kpi_events.decode_statement(event, CATALOGUE, b"")
        old = works.get(event.work_key, Work())
        works[event.work_key], found = fold(old, kpi_events.name_of(event), statement, CATALOGUE)
        for key, amount in found.items():
            changes[key] = changes.get(key, 0) + amount
    made = Cube(CATALOGUE)
    for (unit_id, month), row in roll_up(changes, CATALOGUE).items():
        made.put(0, unit_id, month, row)
    return made


def test_the_fold_and_sql_agree_on_every_cell_of_the_demo() -> None:
    cells: dict[CellKey, int] = {
        (unit_id, month_text(month), column, member): value
        for (_, unit_id, month), row in image().rows().items()
        for (column, member), value in row.items()
    }
    expected = recompute([LogRecord(0, value) for value in log()], MESSAGE)[0]
    assert len(expected) > 10_000
    assert cells == expected


def test_every_indicator_has_a_value_in_the_demo() -> None:
    empty = set()
    for code, indicator in CATALOGUE.indicators.items():
        value = image().value("consortium", indicator, 1, 2025 * 12, 2025 * 12 + 11, 1)
        if not (value.denominator if isinstance(value, Ratio) else value):
            empty.add(code)
        if isinstance(value, Ratio) and not value.numerator:
            empty.add(code)
    # The demo reports in its own year what happened before: nothing of it was in time.
    assert empty == {"DIG-01"}


def test_the_first_indicators_are_what_the_files_say() -> None:
    for code in expected_figures.INDICATORS:
        if code == "KNW-08":
            continue
        for measure, word in enumerate(expected_figures.MEASURES):
            found = expected_figures.figures(demo_works.works(word), code, "2025-01", "2025-07")
            for unit in ("consortium", "vnu", "hust", "vnu-hcm", "vnu/hus", "hust/soict"):
                value = image().value(
                    unit, CATALOGUE.indicators[code], measure, 2025 * 12, 2025 * 12 + 6, 0
                )
                shown = (value.numerator, value.denominator) if isinstance(value, Ratio) else value
                expected = found.get(unit, 0)
                assert shown == expected or (expected == 0 and not _numerator(value)), (code, unit)


def _numerator(value: Value) -> int:
    return value.numerator if isinstance(value, Ratio) else value
