"""Prints the end of the demo: the standing of targets, all values as a file, and what to try."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.stack import CONSORTIUM
from services.cli.commands import kpi
from services.cli.terminal import demo_tables
from services.cli.terminal.explanation_tables import overlap_table
from services.cli.terminal.kpi_tables import Names, grid
from services.cli.terminal.screen import Screen

FROM, TO = "2025-01", "2025-07"
ANSWERED = (
    *("COM-01", "COM-03", "COM-06", "COM-08"),
    *("ENT-01", "ENT-02", "ENT-05", "ENT-08", "ENT-10", "ENT-12"),
    *("STA-01", "STA-02"),
    *("KNW-01", "KNW-03", "KNW-04", "KNW-05", "KNW-06", "KNW-08"),
    *("PPL-01", "TRI-01", "TRI-02"),
)
"""Codes of the indicators that are written to the answer file."""
OVERLAPS = ("KNW-03", "TRI-02")
OVERLAPS_SHOWN = 5
RESTART = "up"
STEPS = (
    f"kpi show --unit vnu --from {FROM} --to {TO}",
    f"kpi explain --unit vnu/hus --indicator KNW-03 --from {FROM} --to {TO}",
    "review queue --institution vnu",
    "review next --institution vnu",
    "status",
    "doctor",
)
"""Commands to try next, without `kieng` in front and the data folder at the end."""


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """Prints how the targets of the demo stand, and writes its KPI values to a file.

    ``stub`` is that of the KPI service; ``institutions`` are the ids of the universities.
    """

    screen: Screen
    stub: KpiServiceStub
    institutions: Sequence[str]

    def show(
        self, catalogue: catalogue_pb2.Catalogue, answer_to: Path | None, shows_all: bool
    ) -> None:
        """Print how the targets stand, and write the values of all units to a file.

        With `--output json` the values of all units are printed instead of the targets.

        Args:
            catalogue: the live catalogue.
            answer_to: file to write; None for none.
            shows_all: whether to print every indicator instead of a summary.
        """
        everything = [unit.unit_id for unit in catalogue.units]
        selection = view_pb2.Selection(
            unit_ids=everything, indicator_codes=ANSWERED, from_month=FROM, to_month=TO
        )
        answer = self.stub.GetKpis(kpi_service_pb2.GetKpisRequest(selection=selection))
        document = kpi.document(answer.view, answer.cells)
        if self.screen.is_json:
            self.screen.json_line(document, indent=2)
        else:
            names = Names.of(catalogue, self.screen.lang)
            self._print_tables(names) if shows_all else self._print_summary(names)
        if answer_to is not None:
            answer_to.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
            answer_to.write_text(text, encoding="utf-8")
            self.screen.say("demo.written", path=answer_to)

    def _print_tables(self, names: Names) -> None:
        screen = self.screen
        top = [CONSORTIUM, *self.institutions]
        few = view_pb2.Selection(unit_ids=top, from_month=FROM, to_month=TO)
        shown = self.stub.GetKpis(kpi_service_pb2.GetKpisRequest(selection=few))
        screen.show(grid(screen, names, shown.cells, "verified", shown.view))
        for code in OVERLAPS:
            overlaps = _overlaps(self.stub, code)
            count = len(overlaps.overlaps)
            name = names.indicators.get(code, "")
            screen.show(screen.text("demo.overlap", code=code, name=name, works=count))
            screen.show(overlap_table(screen, overlaps, OVERLAPS_SHOWN))
        screen.show(screen.text("demo.late"))

    def _print_summary(self, names: Names) -> None:
        """Print on one screen how the targets of the consortium stand."""
        screen = self.screen
        whole = view_pb2.Selection(unit_ids=[CONSORTIUM], from_month=FROM, to_month=TO)
        shown = self.stub.GetKpis(kpi_service_pb2.GetKpisRequest(selection=whole))
        joint = demo_tables.joint_text(
            screen, names, OVERLAPS[0], _overlaps(self.stub, OVERLAPS[0])
        )
        screen.show(screen.text("demo.title", indicators=len(shown.cells)))
        screen.show(demo_tables.targets_table(screen, names, shown.cells))
        screen.show(demo_tables.standings_text(screen, shown.cells))
        screen.show(joint)
        screen.show(screen.text("demo.late"))
        command = f"{_program()} demo --all"
        screen.show(screen.text("demo.more", indicators=len(shown.cells), command=command))


def _overlaps(stub: KpiServiceStub, code: str) -> kpi_service_pb2.ListOverlapsResponse:
    asked = kpi_service_pb2.ListOverlapsRequest(
        unit_id=CONSORTIUM, indicator_code=code, from_month=FROM, to_month=TO
    )
    return stub.ListOverlaps(asked)


def next_steps(screen: Screen, data: Path, url: str) -> str:
    """Return the address of the portal, and below it commands to try next, one per line.

    The commands are complete, so that they can be copied. If the stack has stopped, the text says
    so instead, and the first command starts it again.

    Args:
        screen: language of the texts.
        data: data folder of the demo.
        url: address of the portal; empty if the stack has stopped.
    """
    folder = f"--data {shlex.quote(str(data))}"
    steps = STEPS if url else (RESTART, *STEPS)
    lines = [f"  {_program()} {step} {folder}" for step in steps]
    first = screen.text("up.portal", url=url) if url else screen.text("demo.stopped")
    return "\n".join([first, screen.text("up.next"), *lines])


def _program() -> str:
    """Return the command that runs this program: `kieng` if that is on PATH, else as it was run."""
    return "kieng" if shutil.which("kieng") else shlex.quote(sys.argv[0])
