"""Plain options are read as typer reads them, and what is not plain is left to typer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from services.cli import plain_options
from services.cli.plain_options import read_plainly

read_plainly()


class Colour(StrEnum):
    red = "red"
    blue = "blue"


def command(
    name: str,
    colour: Colour = Colour.red,
    folder: Path = Path("here"),
    file: Annotated[Path | None, typer.Option()] = None,
    tags: Annotated[list[str], typer.Option("--tag")] = [],  # noqa: B006  typer copies it
    is_quick: Annotated[bool, typer.Option("--quick")] = False,
    count: int = 3,
) -> dict[str, Any]:
    return locals()


CASES = [
    ["n"],
    ["", "--colour", "blue", "--folder", "f/g", "--file", "x", "--tag", "a", "--tag", ""],
    ["n", "--quick", "--count", "7"],
    ["n", "--colour", "green"],
    ["n", "--count", "many"],
    [],
]


def result(arguments: list[str]) -> Any:
    app = typer.Typer(add_completion=False)
    app.command()(command)
    try:
        return get_command(app).main(arguments, standalone_mode=False)
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("arguments", CASES, ids=" ".join)
def test_values_and_refusals_are_those_of_typer(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = result(arguments)
    monkeypatch.setattr(plain_options, "_is_plain", lambda annotation: False)
    assert plainly == result(arguments)


def test_a_plain_value_is_not_given_to_typer() -> None:
    def refuse() -> Any:
        raise AssertionError("typer was asked")

    param: Any = None
    for annotation, value, read in (
        (str, "a", "a"),
        (bool, False, False),
        (Path, "a/b", Path("a/b")),
        (list[str], ("a", "b"), ["a", "b"]),
        (Colour, "blue", Colour.blue),
        (Colour, Colour.red, Colour.red),
    ):
        assert plain_options.PlainReader(annotation, refuse).coerce(value, param, None) == read
    with pytest.raises(AssertionError, match="typer was asked"):
        plain_options.PlainReader(Colour, refuse).coerce("green", param, None)
