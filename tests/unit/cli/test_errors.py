"""A file that cannot be read ends a command with the exit code that says whose turn it is."""

from __future__ import annotations

import pytest

from services.cli.errors import DOWN, NO, USAGE, failure_of
from services.importing.errors import NoRoom, Unclear, Unreadable
from services.texts import Lang


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Unreadable("a.csv", "the file is empty"), NO, "a.csv: the file is empty"),
        (Unclear("a.xlsx", "choose one", "sheet"), USAGE, "a.xlsx: choose one (--sheet)"),
        (Unclear("a.pdf", "only .csv"), USAGE, "a.pdf: only .csv"),
        (NoRoom("", "no temporary file"), DOWN, "no temporary file"),
    ],
)
def test_the_exit_code_follows_the_error(error: Unreadable, code: int, message: str) -> None:
    failure = failure_of(error)
    assert (failure.exit_code, failure.message) == (code, message)


def test_what_is_known_is_said_in_the_language_of_the_command() -> None:
    failure = failure_of(Unreadable("a.csv", "the file is empty"), Lang.vi)
    assert failure.message == "a.csv: tệp trống"
