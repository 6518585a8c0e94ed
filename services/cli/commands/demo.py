"""`kieng demo`: runs the whole platform with synthetic data, and prints its indicators."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.admin import log_offsets, target_file
from services.cli.client.clients import Clients, Credential
from services.cli.client.stack import CONSORTIUM, DEPLOY, PORTAL, find
from services.cli.commands import review, up
from services.cli.commands.demo_answer import FROM, OVERLAPS, TO, DemoAnswer, next_steps
from services.cli.commands.import_report import Report, local_mistakes, show
from services.cli.commands.import_run import bar
from services.cli.commands.import_sending import patience_of, send
from services.cli.errors import Failure
from services.cli.local.data_folder import take_lock
from services.cli.local.seed import STARTING, bootstrap, retry
from services.cli.local.stack_processes import Launch, Plan
from services.cli.session import Session, with_session
from services.cli.terminal.render import decimal_text
from services.cli.terminal.screen import Screen
from services.importing import submission_file
from services.importing.headings import TYPES
from services.importing.submission_file import Reading

DATA = Path("build/demo/data")
ANSWER = Path("build/demo/kpis.json")
FILES = DEPLOY / "demo"
SYSTEM = "demo"
CAUGHT_UP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Demo:
    """One run of the demo: fills a started stack with synthetic data, and prints the indicators.

    Args:
        launch: the running stack.
        files: folder of the data, with a subfolder for each institution.
        answer_to: file to which the values of all units are written; None for none.
        begin: when the command began, in monotonic seconds.
        shows_all: whether to print every indicator, not only a summary.
    """

    launch: Launch
    files: Path
    answer_to: Path | None
    begin: float
    shows_all: bool = False

    @property
    def screen(self) -> Screen:
        """The screen of the command, on which the demo prints."""
        return self.launch.screen

    def clients(self, institution: str, *roles: str) -> Clients:
        """Return clients that call services for an institution, with a token that has these roles.

        Use them as a context manager, which closes their channels.
        """
        return Clients(self.launch.stack, Credential(self.launch.stack, institution, roles))

    def run(self) -> None:
        """Seed the stack, import all data, wait until they are counted, and print the indicators.

        Raises:
            Failure: a row or decision was refused, or a service is down.
        """
        bootstrap(self.launch)
        with self.clients(CONSORTIUM, "steward") as clients:
            targets = target_file.set_targets(clients, self.files / "targets.csv")
        self.screen.say("demo.targets", targets=targets)
        began = time.monotonic()
        self.fill()
        imported = time.monotonic()
        self.screen.say("demo.waiting")
        with self.clients(CONSORTIUM, "viewer") as clients:
            self.wait(clients)
            caught_up = time.monotonic()
            self._answer(clients)
        self.screen.say(
            "demo.times",
            imported=self._seconds(imported - began),
            caught_up=self._seconds(caught_up - imported),
            total=self._seconds(time.monotonic() - self.begin),
        )

    def _seconds(self, seconds: float) -> str:
        return decimal_text(seconds, self.screen.lang)

    def _answer(self, clients: Clients) -> None:
        answer = DemoAnswer(self.screen, clients.stub(KpiServiceStub), self.launch.institutions)
        catalogue = clients.stub(CatalogueServiceStub).GetCatalogue(
            catalogue_service_pb2.GetCatalogueRequest()
        )
        answer.show(catalogue.catalogue, self.answer_to, self.shows_all)

    def fill(self) -> None:
        """Import all institutions; decide on the rows of each while those of the next come in.

        Imports and decisions each keep the order of the institutions, because which claim leads a
        work depends on it.

        Raises:
            Failure: a row or decision was refused, so the demo data are wrong.
        """
        with self.screen.progress() as progress:
            for institution, began in self._imported(progress):
                folder = self.files / institution
                self._decide(institution, folder / "decisions-1.csv", progress)
                self._import(institution, folder / "changes", progress)
                self._decide(institution, folder / "decisions-2.csv", progress)
                seconds = self._seconds(time.monotonic() - began)
                self.screen.say("demo.institution", institution=institution, seconds=seconds)

    def _imported(self, progress: Progress) -> Iterator[tuple[str, float]]:
        """Import the first files of all institutions in a thread of its own, one after the other.

        Yield each institution as soon as its rows are in, and when its import began.
        """
        institutions = [i for i in self.launch.institutions if (self.files / i).is_dir()]
        finished: queue.Queue[tuple[str, float] | BaseException] = queue.Queue()

        def work() -> None:
            try:
                for institution in institutions:
                    began = time.monotonic()
                    self._import(institution, self.files / institution, progress)
                    finished.put((institution, began))
            except BaseException as error:
                finished.put(error)

        threading.Thread(target=work, name="imports", daemon=True).start()
        for _ in institutions:
            found = finished.get()
            if isinstance(found, BaseException):
                raise found
            yield found

    def _decide(self, institution: str, path: Path, progress: Progress) -> None:
        file = review.read(path, SYSTEM)
        task = progress.add_task(f"{institution} {path.name}", total=len(file.requests))
        advance, patience = _advance(progress.advance, task), patience_of(self.screen)
        sent = review.send(self.launch.stack, institution, file.requests, advance, patience)
        sent.refused += file.refused
        if sent.refused:
            review.answer(self.screen, sent)
            raise Failure(f"{path}: {len(sent.refused)} decisions were refused")

    def _import(self, institution: str, folder: Path, progress: Progress) -> None:
        with self.clients(institution, "contributor", "registry", "system") as clients:
            for type_name in TYPES:
                path = folder / f"{type_name}.csv"
                if not path.exists():
                    continue
                report = Report(lang=self.screen.lang)
                parsed = submission_file.read(path, Reading(type_name=type_name, system=SYSTEM))
                local_mistakes(self.screen, parsed, report)
                advance = bar(progress, f"{institution} {folder.name}/{path.name}", parsed)
                send(clients, parsed.requests, report, advance, patience_of(self.screen))
                if report.refused:
                    self.screen.messages.print(show(self.screen, report))
                    raise Failure(f"{path}: {report.counts['refused']} rows were refused")

    def wait(self, clients: Clients) -> None:
        """Wait until the live view has read all that was imported.

        Raises:
            CallFailed: the view has not read it within `CAUGHT_UP_SECONDS`, or the service is down.
        """
        request = kpi_service_pb2.GetKpisRequest(
            selection=view_pb2.Selection(
                unit_ids=[CONSORTIUM], indicator_codes=[OVERLAPS[0]], from_month=FROM, to_month=TO
            ),
            min_progress=log_offsets.submissions(self.launch.stack.broker),
        )
        stub = clients.stub(KpiServiceStub)
        retry(CAUGHT_UP_SECONDS, STARTING, lambda: stub.GetKpis(request))


def _advance(advance: Callable[[TaskID], None], task: TaskID) -> Callable[[], None]:
    return lambda: advance(task)


@with_session(data=False)
def demo(
    session: Session,
    once: Annotated[bool, typer.Option("--once", help="Write the answer, stop and exit.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every indicator, not only the targets.")
    ] = False,
    data: Annotated[Path, typer.Option(help="Data folder; emptied first.")] = DATA,
    json_out: Annotated[
        Path | None, typer.Option("--json-out", help="Write the numbers of all units here.")
    ] = None,
    files: Annotated[Path, typer.Option(help="Folder with the data to import.")] = FILES,
    broker: up.Broker = "embedded",
    kafka: up.Kafka = "",
    mongo: up.Mongo = "",
    ports: up.Ports = 0,
    running: Annotated[
        bool, typer.Option(help="Start nothing; fill the empty stack named by --data or KIENG_*.")
    ] = False,
) -> None:
    """Start everything with synthetic data and print the indicators; stay until Ctrl-C.

    Example: kieng demo --once --lang en
    """
    begin = time.monotonic()
    screen = session.screen
    if not running:
        empty(data)
    plan = Plan(
        data,
        up.DIRECTORY,
        up.CATALOGUE,
        broker,
        kafka,
        mongo,
        ports,
        partners=files / "partners.csv",
    )
    answer_to = json_out or (ANSWER if once and not running else None)
    if running:
        launch = Launch(plan, screen)
        launch.stack = find(data)
        Demo(launch, files, answer_to, begin, everything).run()
        return

    def work(launch: Launch) -> None:
        Demo(launch, files, answer_to, begin, everything).run()
        if not once and not screen.is_json:
            web = launch.stack.processes[PORTAL].web
            screen.show(next_steps(screen, data, f"http://{web}/"))

    up.run(Launch(plan, screen), work, stay=not once)
    if once and not screen.is_json:
        screen.show(next_steps(screen, data, ""))


def empty(data: Path) -> None:
    """Delete a data folder, if there is one, so that the demo starts from scratch.

    Raises:
        Failure: a stack is running there, or the folder is not the data folder of a stack.
    """
    if not data.exists():
        return
    if any(data.iterdir()) and not (data / "up.lock").exists():
        raise Failure(f"{data} is not a data folder of kieng; choose another with --data")
    if (data / "up.lock").exists():
        take_lock(data).close()
    shutil.rmtree(data)
