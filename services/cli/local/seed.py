"""Seeds a stack with what it needs in order to count: directory, catalogue, partners and log."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import grpc
import yaml
from google.protobuf.json_format import ParseDict, ParseError

from kieng.directory.v1 import directory_pb2, directory_service_pb2
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from kieng.kpi.v1 import catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.proposals.v1 import proposal_pb2
from kieng.submissions.v1 import log_service_pb2
from kieng.submissions.v1.log_service_pb2_grpc import LogServiceStub
from services.cli.admin import partner_file, probes
from services.cli.client.clients import Clients, Credential
from services.cli.client.consent import approve_as_all
from services.cli.client.stack import CONSORTIUM
from services.cli.client.troubles import CallFailed
from services.cli.errors import DOWN, USAGE, Failure
from services.cli.files import catalogue_yaml
from services.cli.files.text_file import read_text
from services.cli.local.stack_processes import Launch
from services.cli.terminal.screen import Screen

T = TypeVar("T")
Agree = Callable[[proposal_pb2.Proposal], object]
"""Function that gets a proposal approved by every institution that has to, or raises `Failure`."""

POLL_SECONDS = 0.2
CATALOGUE_SECONDS = 30.0
READY_SECONDS = 60.0
LIVE_SECONDS = 600.0
STARTING = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
NO_DIRECTORY = "NO_DIRECTORY"


def bootstrap(launch: Launch) -> None:
    """Seed a running stack, and wait until a view is live and all services are ready.

    Directory and catalogue are published only if there is no view yet. Safe to repeat.

    Raises:
        Failure: a service refuses a call, or takes too long.
    """
    plan, screen = launch.plan, launch.screen
    credential = Credential(launch.stack, CONSORTIUM, ("steward", "operator", "auditor"))
    with Clients(launch.stack, credential) as clients:
        live = live_view(clients)
        if live is None:
            _publish_first(clients, launch)
        else:
            # Later publications must not be undone by the files of the first start.
            screen.say("up.kept", version=live.catalogue_version)
        if plan.partners is not None:
            with screen.progress() as progress:
                task = progress.add_task(plan.partners.name, total=None)
                again = partial(retry, CATALOGUE_SECONDS, STARTING)
                advance = partial(progress.advance, task)
                partner_file.register(clients, plan.partners, advance, again)
        fill_log(clients, screen, partial(approve_as_all, launch.stack))
        wait_until_live(clients)
    wait_until_ready(launch)


def _publish_first(clients: Clients, launch: Launch) -> None:
    """Publish directory and catalogue of a new stack, with the approval of each institution."""
    plan, screen, agree = launch.plan, launch.screen, partial(approve_as_all, launch.stack)
    units = directory_service_pb2.PublishDirectoryRequest(units=read_units(plan.directory))
    directory = clients.stub(DirectoryServiceStub)
    publish = directory.PublishDirectory
    answer = retry(CATALOGUE_SECONDS, STARTING, lambda: _agreed(publish, units, agree))
    screen.say("up.directory", version=answer.version, units=len(units.units))
    message = catalogue_yaml.read(plan.catalogue, screen.lang)
    wanted = catalogue_service_pb2.PublishCatalogueRequest(
        indicators=message.indicators, taxonomies=message.taxonomies
    )
    catalogue = clients.stub(CatalogueServiceStub)
    freeze = catalogue.PublishCatalogue
    found = retry(CATALOGUE_SECONDS, STARTING, lambda: _agreed(freeze, wanted, agree))
    screen.say("up.catalogue", version=found.version, indicators=len(wanted.indicators))


def _agreed(call: Callable[[Any], Any], request: Any, agree: Agree) -> Any:
    """Return the answer of a call that may need approvals, which ``agree`` obtains."""
    answer = call(request)
    if not answer.HasField("proposal"):
        return answer
    agree(answer.proposal)
    return call(request)


def live_view(clients: Clients) -> catalogue_service_pb2.View | None:
    """Return the live view; None if there is none yet.

    Raises:
        CallFailed: the service refused the call, or does not answer for `CATALOGUE_SECONDS`.
    """
    stub = clients.stub(CatalogueServiceStub)
    request = catalogue_service_pb2.ListViewsRequest()
    views = retry(CATALOGUE_SECONDS, STARTING, lambda: stub.ListViews(request)).views
    live = catalogue_service_pb2.View.STATE_LIVE
    return next((view for view in views if view.state == live), None)


def fill_log(clients: Clients, screen: Screen, agree: Agree, again: bool = False) -> bool:
    """Publish the log again from the submissions databases if the views come from another log.

    Args:
        clients: clients of the services.
        screen: where progress is printed.
        agree: function that gets the proposal of a new generation approved, or raises Failure.
        again: whether to publish even if the views were built from the present log.

    Returns:
        Whether the log was published.

    Raises:
        Failure: institutions have to approve the new generation first.
    """
    open_log = clients.stub(CatalogueServiceStub).OpenLogGeneration
    request = catalogue_service_pb2.OpenLogGenerationRequest()
    opened = retry(CATALOGUE_SECONDS, STARTING, lambda: _agreed(open_log, request, agree))
    if not opened.needs_republish and not again:
        return False
    screen.say("up.republish", generation=opened.generation)
    # A service may not serve yet; publishing some again twice changes nothing.
    retry(CATALOGUE_SECONDS, STARTING, lambda: _republish(clients, opened.generation, screen))
    return True


def _republish(clients: Clients, generation: int, screen: Screen) -> None:
    wanted = log_service_pb2.RepublishLogRequest(generation=generation)
    tasks: dict[str, Any] = {}
    with screen.progress() as progress:
        for step in clients.stub(LogServiceStub).RepublishLog(wanted):
            name = step.institution_id
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=None)
            total = step.submissions if step.done else None
            progress.update(tasks[name], completed=step.submissions, total=total)


def wait_until_live(clients: Clients) -> None:
    """Wait until there is a live view of the newest log generation that any view has.

    Returns at once if there is one. Refused views are ignored.

    Raises:
        Failure: this takes longer than `LIVE_SECONDS`; the message says what the view waits for.
    """
    stub = clients.stub(CatalogueServiceStub)
    deadline = time.monotonic() + LIVE_SECONDS
    while True:
        request = catalogue_service_pb2.ListViewsRequest()
        left = deadline - time.monotonic()
        # On a busy machine an answer may be late; while there is time left, the call is repeated.
        views = list(retry(left, STARTING, partial(stub.ListViews, request)).views)
        # A view whose log was lost while it was being built is refused, and waits for nothing.
        refused = catalogue_service_pb2.View.STATE_REFUSED
        views = [view for view in views if view.state != refused]
        generation = max((view.generation for view in views), default=0)
        newest = [view for view in views if view.generation == generation]
        if any(view.state == catalogue_service_pb2.View.STATE_LIVE for view in newest):
            return
        if time.monotonic() > deadline:
            missing = ", ".join(newest[0].waiting_for) if newest else "a catalogue"
            raise Failure(f"no live view after {LIVE_SECONDS:g} s; it waits for {missing}", DOWN)
        time.sleep(POLL_SECONDS)


def wait_until_ready(launch: Launch) -> None:
    """Wait until every service reports that it is ready.

    Raises:
        Failure: a service is not ready in time; the message contains its reason.
    """
    deadline = time.monotonic() + READY_SECONDS
    for child in launch.services:
        probe = probes.http_probe(launch.stack.processes[child.name].http, "/readyz")
        while reason := probe():
            if time.monotonic() > deadline:
                raise Failure(f"{child.name} is not ready: {reason}; see {child.log_path}", DOWN)
            time.sleep(POLL_SECONDS)


def retry(seconds: float, codes: Collection[grpc.StatusCode], call: Callable[[], T]) -> T:
    """Return the result of ``call``, which is repeated while it fails temporarily.

    A failure is temporary if its status is one of ``codes``, or if no directory has arrived yet.

    Raises:
        CallFailed: the call failed otherwise, or still fails after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except CallFailed as failed:
            is_early = failed.trouble.code in codes or failed.trouble.reason == NO_DIRECTORY
            if not is_early or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def read_units(path: Path) -> list[directory_pb2.Unit]:
    """Return the units in a directory file.

    The file is YAML with a list `units`, each with the fields of the contract's `Unit`; kinds are
    written as lower-case names.

    Raises:
        Failure: the file has another form; the message names the wrong unit.
    """
    units = []
    for entry in _entries(path, "units"):
        kind = f"UNIT_KIND_{str(entry.get('kind', '')).upper()}"
        # YAML reads an unquoted day as a date.
        entry |= {name: str(entry[name]) for name in ("valid_from", "valid_to") if entry.get(name)}
        units.append(_parse(path, {**entry, "kind": kind}, directory_pb2.Unit()))
    return units


def _entries(path: Path, key: str) -> list[dict[str, Any]]:
    try:
        entries = yaml.load(read_text(path), yaml.CSafeLoader)[key]
    except yaml.YAMLError as error:
        raise Failure(f"{path}: is no YAML: {error}", USAGE) from error
    except (KeyError, TypeError):
        entries = None
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise Failure(f"{path}: wanted a list of entries under `{key}`", USAGE)
    return entries


def _parse(path: Path, entry: dict[str, Any], message: T) -> T:
    try:
        return ParseDict(entry, message)  # type: ignore[type-var]
    except ParseError as error:
        name = entry.get("unit_id") or entry.get("code")
        raise Failure(f"{path}: {name}: {error}", USAGE) from error
