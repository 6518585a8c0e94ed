"""One run of `kieng import`: reads a file, tries its rows, and imports them as the policy says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.progress import Progress

from kieng.directory.v1 import directory_pb2
from kieng.directory.v1.directory_service_pb2 import GetDirectoryRequest
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.cli.commands import import_effect, import_plan
from services.cli.commands.import_effect import Numbers
from services.cli.commands.import_notes import Notes
from services.cli.commands.import_plan import Asked, Difference, Plan
from services.cli.commands.import_report import OUTCOMES, Report, local_mistakes, show
from services.cli.commands.import_sending import Preview, patience_of, send, try_rows
from services.cli.commands.kpi import read_names
from services.cli.errors import DOWN, INTERRUPTED, Failure
from services.cli.session import Session
from services.cli.terminal.render import NOTHING
from services.cli.terminal.screen import Screen
from services.cli.terminal.tables import commands_apart
from services.importing import submission_file, submission_rows
from services.importing.unit_names import UnitNames

WAITING = ("created", "amended", "renewed")
"""Outcomes of rows whose submissions wait for a reviewer."""


class Policy(StrEnum):
    """Whether the good rows of a file are imported if other rows are refused."""

    good_rows = "good-rows"
    all_or_nothing = "all-or-nothing"


@dataclass
class Run:
    """One run of `kieng import` and its result.

    Args:
        session: session of the command.
        asked: options that say which file is read and how.
        report: outcome of each row.
        numbers: numbers that would change; None if not computed.
        changed: differences from the plan that was to be imported; then nothing was.
        is_written: whether the rows were sent to be imported.
    """

    session: Session
    asked: Asked
    report: Report = field(default_factory=Report)
    numbers: Numbers | None = None
    changed: list[Difference] = field(default_factory=list)
    is_written: bool = False

    def __post_init__(self) -> None:
        """Read the file, print what was skipped, and report the cells that cannot be read."""
        self.path = Path(self.asked.file)
        self.report.lang = self.session.screen.lang
        self.report.options = self.session.options
        units = UnitNames(self._units, self.session.institution)
        reading = replace(self.asked.reading(), units=units)
        self.parsed = submission_file.read(self.path, reading)
        for notice in self.parsed.notices:
            self.session.screen.say(notice.key, **notice.values)
        local_mistakes(self.session.screen, self.parsed, self.report)

    def _units(self) -> Iterable[directory_pb2.Unit]:
        stub = self.session.stub(DirectoryServiceStub)
        return stub.GetDirectory(GetDirectoryRequest()).directory.units  # type: ignore[no-any-return]

    @property
    def is_stopped(self) -> bool:
        """Whether nothing may be imported: a row is refused, and the policy is all or nothing."""
        return bool(self.report.refused) and self.asked.policy == Policy.all_or_nothing

    def dry(self, with_effect: bool) -> Plan:
        """Try all rows without writing, and return the plan to import them.

        ``with_effect`` says whether to compute the numbers that would change as well.

        Raises:
            CallFailed: a service refused the call, or did not come back in time.
        """
        preview = self._try(with_effect)
        if with_effect:
            # An import that is refused as a whole changes no number.
            counted = Preview() if self.is_stopped else preview
            patience = patience_of(self.session.screen)
            asked = (counted, self.asked.by_month, patience)
            self.numbers = import_effect.numbers_of(self.session.clients, *asked)
        made_of = (self.session.institution, self.asked, self.parsed.requests, self.report)
        return import_plan.make(*made_of, preview, self.numbers)

    def write(self) -> None:
        """Import the good rows, or all or none of the rows, according to the policy.

        Raises:
            Failure: Ctrl-C interrupted the import; rows that were sent stay imported.
            CallFailed: the service did not come back in time.
        """
        if self.asked.policy == Policy.all_or_nothing:
            plan = self.dry(with_effect=False)
            if not self.is_stopped:
                self._send(plan.versions)
            return
        self._send(None)

    def commit(self, plan: Plan) -> None:
        """Import the rows as planned; if anything differs from the plan, import nothing.

        Raises:
            Failure: Ctrl-C interrupted the import; rows that were sent stay imported.
            CallFailed: a service refused the call, or did not come back in time.
        """
        now = self.dry(with_effect=plan.numbers is not None)
        self.changed = list(import_plan.differences(plan, now))
        if not self.changed and not self.is_stopped:
            self._send(plan.versions)

    def _try(self, with_events: bool) -> Preview:
        self._try_unread()
        if not self.parsed.requests:
            return Preview()
        with self.session.screen.progress() as progress:
            advance = bar(progress, f"? {self.path.name}", self.parsed)
            patience = patience_of(self.session.screen)
            asked = (self.parsed.requests, self.report, advance, patience, with_events)
            return try_rows(self.session.clients, *asked)

    def _try_unread(self) -> None:
        """Report what else is wrong with rows that have unreadable cells, all at once."""
        if not len(self.parsed.unread):
            return
        others, patience = Report(lang=self.report.lang), patience_of(self.session.screen)
        asked = (self.parsed.unread, others, lambda: None, patience, False)
        try:
            try_rows(self.session.clients, *asked)
        except Failure as failure:
            # If no row can be sent, nothing else asks a service: what was found here is told.
            if failure.exit_code != DOWN or self.parsed.requests:
                raise
        for each in others.refused:
            if each.column in self.parsed.further(each.row, [each.column]):
                record_id = self.parsed.refused.get(each.row, "")
                self.report.refuse(replace(each, record_id=record_id))

    def _send(self, versions: Mapping[int, int] | None) -> None:
        """Send the rows; with ``versions`` (row -> expected version) only the rows in it."""
        requests, rows = iter(self.parsed.requests), len(self.parsed.requests)
        if versions is not None:
            requests, rows = _planned(requests, versions), len(versions)
            # Rows that are not sent stay refused; the others are counted by their real outcome.
            self.report.counts = Counter(refused=len(self.report.refused_rows))
            self.report.notes = Notes()
        with self.session.screen.progress() as progress:
            advance = bar(progress, self.path.name, self.parsed)
            patience = patience_of(self.session.screen)
            try:
                send(self.session.clients, requests, self.report, advance, patience)
            except KeyboardInterrupt:
                raise self._interrupted(rows) from None
        self.is_written = True

    def _interrupted(self, rows: int) -> Failure:
        done = sum(self.report.counts[outcome] for outcome in OUTCOMES if outcome != "refused")
        text = self.session.screen.text("import.interrupted", done=done, rows=rows)
        return Failure(text, INTERRUPTED)

    def document(self) -> dict[str, Any]:
        """Return the result as the JSON object that `--output json` prints.

        It is that of the report with `policy` and `written`; `effect` and `changed` are added if
        the numbers were computed and if the plan differs.
        """
        found = self.report.document()
        found |= {"policy": self.asked.policy, "written": self.is_written}
        if self.numbers is not None:
            found["effect"] = self.numbers.document()
        if self.changed:
            found["changed"] = [each.document() for each in self.changed]
        return found

    def show(self) -> RenderableType:
        """Return the result as tables, followed by sentences on the policy and what was written.

        The numbers that would change come first, unless rows were written or the plan differs.
        """
        screen = self.session.screen
        parts: list[RenderableType] = []
        if self.numbers is not None and not self.is_written and not self.changed:
            names = read_names(self.session)
            parts.append(import_effect.table(screen, names, self.numbers))
        parts.append(show(screen, self.report))
        if self.changed:
            parts.append(_changes(screen, self.changed))
        return Group(*parts, *self._remarks(screen))

    def _remarks(self, screen: Screen) -> list[str]:
        said = [screen.text(f"import.policy_{self.asked.policy.replace('-', '_')}")]
        if not self.is_written:
            said.append(screen.text("import.nothing_written"))
        elif self.is_stopped:
            said.append(screen.text("import.policy_overtaken"))
        said += self._next(screen)
        if self.numbers is not None and self.numbers.result.uncounted:
            first = self.numbers.result.uncounted[0].reason
            said.append(screen.text("import.effect_uncounted", reason=first))
        return said

    def _next(self, screen: Screen) -> list[str]:
        """Return what the user can do next: mend what is refused, import, or see what is new."""
        keys = ["next_mend"] if self.report.refused else []
        if self.is_written:
            keys += ["next_review"] if any(map(self.report.counts.get, WAITING)) else []
        elif not (self.report.refused or self.changed):
            keys.append("next_write")
        options = self.session.options
        return [commands_apart(screen.text(f"import.{key}", options=options)) for key in keys]


def _planned(
    requests: Iterable[ImportSubmissionsRequest], versions: Mapping[int, int]
) -> Iterator[ImportSubmissionsRequest]:
    for request in requests:
        if request.row in versions:
            request.version_before = versions[request.row]
            yield request


def bar(progress: Progress, name: str, parsed: submission_rows.Parsed) -> Callable[[], None]:
    """Add a progress bar for the rows of a file; return the function that advances it by a row."""
    task = progress.add_task(name, total=len(parsed.requests))
    return lambda: progress.advance(task)


def _changes(screen: Screen, changed: list[Difference]) -> RenderableType:
    table = screen.table("about", "planned", "now", title=screen.text("import.changed"))
    for each in changed[: import_effect.SHOWN_MAX]:
        row = f"{screen.text('heading.row')} {each.row}" if each.row else ""
        values = (_change_text(screen, value) for value in (each.planned, each.now))
        table.add_row(f"{row} {each.place}".strip(), *values)
    return table


def _change_text(screen: Screen, value: Any) -> str:
    if isinstance(value, list):
        return import_effect.stages_text(screen, value)
    if isinstance(value, dict):
        outcome = screen.text(f"heading.{value['outcome']}")
        steps = f"{value['version_before']} → {value['version']}"
        return f"{value['record_id']}: {outcome}, {screen.text('heading.version')} {steps}"
    return NOTHING if value is None else str(value)
