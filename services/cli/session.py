"""The session that a command works with, and the decorator that adds the shared options to it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import cached_property, update_wrapper
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Concatenate, cast, get_type_hints

import typer

from services.cli.client.clients import Clients, Credential
from services.cli.client.stack import CONSORTIUM, DATA, Stack, find
from services.cli.completion_words import Words, remember
from services.cli.errors import USAGE, Failure, failure_of
from services.cli.terminal.help import LangOption
from services.cli.terminal.screen import Output, Screen
from services.importing.errors import Unreadable
from services.texts import Lang

InstitutionOption = Annotated[
    str,
    typer.Option(
        "--institution",
        envvar="KIENG_INSTITUTION",
        help="Institution to act for, e.g. vnu; its local key signs unless KIENG_TOKEN is set.",
    ),
]
SubjectOption = Annotated[
    str,
    typer.Option("--subject", envvar="KIENG_SUBJECT", help="Who acts; by default named by role."),
]
OUTPUT = typer.Option("--output", "-o", help="Format of the answer; json is complete and exact.")
OutputOption = Annotated[Output, OUTPUT]
DataOption = Annotated[
    Path, typer.Option("--data", envvar="KIENG_DATA", help="Data folder of the local stack.")
]


SHARED: dict[str, tuple[Any, Any]] = {
    "institution": (InstitutionOption, ""),
    "subject": (SubjectOption, ""),
    "output": (OutputOption, Output.table),
    "lang": (LangOption, Lang.vi),
    "data": (DataOption, DATA),
}
"""Name of a shared option -> its annotation and default, in the order of the help page."""

SEARCH = "`kieng unit search`"
"""Command in the message about an unknown unit that has no suggestion."""
Command = Callable[..., None]
Decorated = Callable[Concatenate["Session", ...], None]


class Session:
    """What a command works with: the screen, and on first use the stack and its services.

    Args:
        resources: exit stack of the command, which closes connections when the command ends.
        roles: roles of the token, if a local issuer makes it.
        screen: where the command prints.
        data: data folder of the stack.
        institution: id of the institution that the command acts for.
        subject: subject of the token; empty for a name derived from the first role.
    """

    def __init__(
        self,
        resources: ExitStack,
        roles: tuple[str, ...],
        screen: Screen,
        data: Path = DATA,
        institution: str = CONSORTIUM,
        subject: str = "",
    ) -> None:
        self.screen = screen
        self.data = data
        self.institution = institution
        self.subject = subject
        self.document = ""
        """Format of the document that the command writes; empty if it prints an answer."""
        self._resources = resources
        self._roles = roles

    @cached_property
    def stack(self) -> Stack:
        """The local stack in the data folder, or else the addresses that the settings name.

        Raises:
            Failure: the file of the stack cannot be read.
        """
        return find(self.data)

    @cached_property
    def clients(self) -> Clients:
        """Clients of the services of the stack, with the credential of this session.

        Raises:
            Failure: the file of the stack cannot be read.
        """
        credential = Credential(self.stack, self.institution, self._roles, self.subject)
        return self._resources.enter_context(Clients(self.stack, credential))

    def stub(self, stub_class: Any) -> Any:
        """Return a stub whose methods take only a request; credential and deadline are added.

        Raises:
            Failure: the address of the service is not known.
        """
        return self.clients.stub(stub_class)

    def remember(self, kind: str, words: Words) -> None:
        """Store suggestions for completion in a shell; see `completion_words.remember`.

        ``kind`` is `UNITS`, `INDICATORS` or `SUBMISSIONS`; ``words`` maps ids to explanations.
        """
        remember(self.data, kind, words)

    @property
    def options(self) -> str:
        """Options by which the user's next command acts for the same institution and person.

        E.g. ` --institution vnu`, with a blank in front; empty if none was given.
        """
        given = {"institution": self.institution, "subject": self.subject}
        return "".join(f" --{name} {quote(value)}" for name, value in given.items() if value)

    def for_unit(self, unit: str) -> Session:
        """Return a session for the institution in `--institution`, or else for that of the unit.

        The institution of a unit is the first part of its id, e.g. `vnu` of `vnu/hus`.

        Raises:
            Failure: the local issuer has no key of this institution, so the unit must be wrong; the
                message says which one may be meant.
        """
        # A unit's id begins with its institution.
        institution = self.institution or unit.partition("/")[0]
        if institution and institution != self.institution and self._lacks(institution):
            # Imported here, because only a mistake needs it.
            from services.refusals.suggestion import unknown_unit

            viewer = self.acting_for(CONSORTIUM, "viewer")
            raise Failure(unknown_unit(unit, viewer.unit_ids(), self.units_named))
        return self.acting_for(institution)

    def _lacks(self, institution: str) -> bool:
        """Return True if the local issuer signs the tokens but has no key of this institution."""
        if os.environ.get("KIENG_TOKEN") or not self.stack.issuer_folder.is_dir():
            return False
        from services.cli.client.local_issuer import LocalIssuer

        return institution not in LocalIssuer(self.stack.issuer_folder).institutions()

    def unit_ids(self) -> list[str]:
        """Return the ids of all units in the directory.

        Raises:
            Failure: the directory cannot be read.
        """
        # Imported here, because only few commands read the directory.
        from kieng.directory.v1 import directory_service_pb2 as api
        from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub

        answer = self.stub(DirectoryServiceStub).GetDirectory(api.GetDirectoryRequest())
        return [unit.unit_id for unit in answer.directory.units]

    @contextmanager
    def suggesting_units(self) -> Iterator[None]:
        """In a failure of the block, suggest the units that an unknown id may mean as a name.

        No service but that of the directory knows the names of units.
        """
        try:
            yield
        except Failure as failure:
            if SEARCH in failure.message:
                # Imported here, because only a mistake needs it.
                from services.refusals.suggestion import searched

                failure.reword(lambda text: searched(text, self.units_named))
            raise

    def units_named(self, name: str) -> list[str]:
        """Return the ids of the units that a name, an alias or its initials may mean, best first.

        There are more than can be suggested, or none, if the name says too little or the directory
        cannot be searched.
        """
        from kieng.directory.v1 import directory_service_pb2 as api
        from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
        from services.refusals.suggestion import FOUND_MAX

        request = api.SearchUnitsRequest(query=name, page_size=FOUND_MAX + 1)
        try:
            viewer = self.acting_for(self.institution or CONSORTIUM, "viewer")
            answer = viewer.stub(DirectoryServiceStub).SearchUnits(request)
        except Failure:
            return []
        return [unit.unit_id for unit in answer.units]

    def acting_for(self, institution: str, *roles: str) -> Session:
        """Return a session for another institution, with other roles if any are given.

        Screen, data folder and subject are those of this session.
        """
        return Session(
            self._resources,
            roles or self._roles,
            self.screen,
            self.data,
            institution,
            self.subject,
        )


def with_session(
    *roles: str,
    institution: str | None = None,
    subject: bool = False,
    data: bool = True,
    documents: Sequence[str] = (),
) -> Callable[[Decorated], Command]:
    """Return a decorator that adds the shared options to a command and passes it a `Session`.

    The session is the first argument of the command. The shared options are listed after the
    command's own; `--output` and `--lang` are always among them. Write this decorator below that of
    typer, so that it is applied first.

    Args:
        roles: roles that the command needs; none if it calls no service.
        institution: default of `--institution`; None for a command without this option, which
            acts for the consortium.
        subject: whether the command has `--subject`.
        data: whether the command has `--data`.
        documents: further values of `--output` that the command writes itself; the session has
            the one that was chosen.
    """
    is_wanted = {"institution": institution is not None, "subject": subject, "data": data}
    shared = {name: kind for name, kind in SHARED.items() if is_wanted.get(name, True)}
    if institution is not None:
        shared["institution"] = (InstitutionOption, institution)
    if documents:
        formats = StrEnum("Format", {name: name for name in (*Output, *documents)})  # type: ignore[misc]
        shared["output"] = (Annotated[formats, OUTPUT], formats("table"))

    def decorate(command: Decorated) -> Command:
        def run(**values: Any) -> None:
            chosen = {name: values.pop(name) for name in shared}
            output = str(chosen.pop("output"))
            document = output if output in documents else ""
            screen = Screen(Output.table if document else Output(output), chosen.pop("lang"))
            is_printed = values.get("file") is None
            if screen.output is Output.xlsx and screen.answers.is_terminal and is_printed:
                raise Failure(screen.text("output.xlsx_to_terminal"), USAGE)
            try:
                with ExitStack() as resources:
                    session = Session(resources, roles, screen, **chosen)
                    session.document = document
                    with session.suggesting_units():
                        command(session, **values)
            except Failure as failure:
                failure.message = failure.told_in(screen.lang)
                raise
            except Unreadable as error:
                raise failure_of(error, screen.lang) from error

        update_wrapper(run, command)
        signature = _signature(command, shared)
        cast(Any, run).__signature__ = signature
        run.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
        return run

    return decorate


def _signature(command: Decorated, shared: dict[str, tuple[Any, Any]]) -> inspect.Signature:
    """Return the signature for typer: the command's parameters without the session, then shared."""
    hints = get_type_hints(command, include_extras=True)
    own = list(inspect.signature(command).parameters.values())[1:]
    by_name = inspect.Parameter.KEYWORD_ONLY
    parameters = [p.replace(kind=by_name, annotation=hints[p.name]) for p in own]
    parameters += [
        inspect.Parameter(name, by_name, default=default, annotation=kind)
        for name, (kind, default) in shared.items()
    ]
    return inspect.Signature(parameters)
