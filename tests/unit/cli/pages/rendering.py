"""What commands print, made from recorded answers of the services, as files that a person reads.

`NAME.answers.json` holds a command line and what the services answered; `NAME.vi.txt` and
`NAME.en.txt` what the command prints, at 80 and at 120 columns. `python -m
tests.unit.cli.pages.rendering` writes the pages again; `git diff` then shows what a change means to
a reader. `recording.py` records the answers of a running stack.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Self
from unittest import mock

from google.protobuf import symbol_database
from google.protobuf.json_format import ParseDict

# Imported for the messages that a recorded refusal may have; commands import them late.
from google.rpc import (
    error_details_pb2,  # noqa: F401
    status_pb2,
)

import services.cli
from services.cli.client.clients import SERVICE_OF, Clients
from services.cli.client.troubles import CallFailed, trouble_of_status
from services.cli.main import main
from tests.unit.cli.pages.surroundings import DATA, NOTHING, SURROUNDINGS

FOLDER = Path(__file__).parent
LANGUAGES = ("vi", "en")
WIDTHS = (80, 120)
ANSWERS = ".answers.json"
NOW = datetime(2025, 8, 1, 2, 0, tzinfo=UTC)
SETTINGS = {"NO_COLOR": "1", "TERM": "dumb", "TZ": "Asia/Ho_Chi_Minh", "KIENG_TOKEN": "recorded"}
"""What would make a page depend on the machine is fixed; `NOW` is the time of day."""


@dataclass(frozen=True)
class Page:
    """A command line, and the answers that the services gave to it, by method, in order."""

    name: str
    command: list[str]
    answers: Mapping[str, list[dict[str, Any]]]

    @classmethod
    def read(cls, name: str) -> Self:
        """The page as it was recorded."""
        held: dict[str, Any] = json.loads((FOLDER / f"{name}{ANSWERS}").read_text(encoding="utf-8"))
        return cls(name, held["command"], held.get("answers", {}))


class Recorded:
    """Stands for a stub: each method gives its recorded answers in order; the last one repeats."""

    def __init__(self, service: str, answers: Mapping[str, list[dict[str, Any]]]) -> None:
        self._service = service
        self._left = {name: list(given) for name, given in answers.items()}

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        def invoke(request: Any) -> Any:
            # A stream of requests is sent by reading the answers.
            _ = request if hasattr(request, "DESCRIPTOR") else list(request)
            left = self._left[method]
            answer = left.pop(0) if len(left) > 1 else left[0]
            if "refused" in answer:
                status = ParseDict(answer["refused"], status_pb2.Status())
                raise CallFailed(trouble_of_status(status), self._service, "127.0.0.1:1")
            found = [_message(answer["type"], each) for each in answer["messages"]]
            return iter(found) if answer["stream"] else found[0]

        return invoke


def _message(type_name: str, content: dict[str, Any]) -> Any:
    return ParseDict(content, symbol_database.Default().GetSymbol(type_name)())


class _FixedTime(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return NOW.astimezone(tz) if tz else NOW.replace(tzinfo=None)


@contextmanager
def surrounded(page: Page) -> Iterator[None]:
    """Run the block in a folder of its own, with what the command meets beside the services."""
    met = SURROUNDINGS.get(page.name, NOTHING)
    with TemporaryDirectory() as folder, chdir(folder), ExitStack() as patched:
        patched.enter_context(mock.patch.object(sys, "argv", ["kieng"]))
        # Files that a command reads are named from the root of the repository.
        for name in ("deploy", "tests"):
            Path(name).symlink_to(FOLDER.parents[3] / name)
        for name, content in met.files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(content, encoding="utf-8")
        for patch in met.patches():
            patched.enter_context(patch)
        yield


@cache
def clocks() -> list[ModuleType]:
    """The modules of the command line that ask what time it is."""
    names = [
        module.name for module in pkgutil.walk_packages(services.cli.__path__, "services.cli.")
    ]
    loaded = map(importlib.import_module, names)
    return [module for module in loaded if getattr(module, "datetime", None) is datetime]


@contextmanager
def fixed(width: int) -> Iterator[None]:
    """Fix time, time zone and width of the screen within the block."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("KIENG_", "LC_", "LANG"))}
    given = kept | SETTINGS | {"COLUMNS": str(width)}
    # What commands remember of a user is kept with the user where there is no data folder.
    with TemporaryDirectory() as own, mock.patch.dict(os.environ, given, clear=True):
        os.environ |= {"KIENG_DATA": DATA, "XDG_CONFIG_HOME": own}
        patches = [mock.patch.object(module, "datetime", _FixedTime) for module in clocks()]
        for patch in patches:
            patch.start()
        time.tzset()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()
    time.tzset()


def printed(page: Page, lang: str, width: int) -> str:
    """What the command prints and how it ends, in a language and at a width."""
    stubs: dict[str, Recorded] = {}

    def stub(_: Clients, stub_class: Any) -> Recorded:
        kind = stub_class.__name__
        # Where two services serve one contract, their answers are told apart by the stub.
        own = {m.removeprefix(f"{kind}."): given for m, given in page.answers.items()}
        return stubs.setdefault(kind, Recorded(SERVICE_OF[kind], own))

    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in "oe")
    code = 0
    replayed = mock.patch.object(Clients, "stub", stub)
    with (
        fixed(width),
        replayed,
        surrounded(page),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main([*page.command, "--lang", lang])
        except SystemExit as ended:
            code = int(ended.code or 0)
    parts = [f"$ kieng {' '.join(page.command)}    ({width} columns)", _text(out)]
    if said := _text(err):
        parts.append(f"(stderr)\n{said}")
    if code:
        parts.append(f"(exit code {code})")
    return "\n".join(part for part in parts if part)


def _text(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return "\n".join(line.rstrip() for line in stream.read().rstrip().splitlines())


def rendered(page: Page, lang: str) -> str:
    """The page of a command in a language, at every width."""
    return "\n\n\n".join(printed(page, lang, width) for width in WIDTHS) + "\n"


def names() -> list[str]:
    """The names of all pages."""
    return sorted(path.name.removesuffix(ANSWERS) for path in FOLDER.glob(f"*{ANSWERS}"))


def path_of(name: str, lang: str) -> Path:
    """The file that a page is kept in."""
    return FOLDER / f"{name}.{lang}.txt"


if __name__ == "__main__":
    for name in sys.argv[1:] or names():
        for lang in LANGUAGES:
            path_of(name, lang).write_text(rendered(Page.read(name), lang), encoding="utf-8")
