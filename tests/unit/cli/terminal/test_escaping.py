"""What other institutions wrote is shown, never obeyed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from rich.console import RenderableType
from rich.text import Text

from services.cli.terminal.escaping import EscapingConsole, json_visible, visible
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang
from tests.architecture.test_texts import BAD

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u200b"


@pytest.mark.parametrize("character", BAD)
def test_nothing_that_the_contracts_refuse_is_printed(character: str) -> None:
    shown = visible(f"a{character}b")
    assert character not in shown
    assert shown.startswith("a\\")
    assert shown.endswith("b")
    assert visible(shown) == shown


@pytest.mark.parametrize(
    "text", ["Trường Đại học", "a\nb", "x “y” §7 漢字 ✓", "[bold] :smile: \\x1b"]
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("character", BAD)
def test_json_has_the_same_value_and_nothing_hidden(character: str) -> None:
    document = json_visible(json.dumps({"a": f"Đ{character}"}, ensure_ascii=False))
    assert character not in document
    assert json.loads(document) == {"a": f"Đ{character}"}


def in_a_table(screen: Screen) -> RenderableType:
    table = screen.table("record", title=HOSTILE)
    table.add_row(HOSTILE)
    table.add_row(Text(HOSTILE))
    table.caption = HOSTILE
    return table


def unpacked(content: bytes) -> str:
    """The text of an answer, also of the parts of a workbook."""
    if not content.startswith(b"PK"):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "".join(book.read(name).decode() for name in book.namelist())


WAYS: dict[str, Callable[[Screen], None]] = {
    "table": lambda s: s.answer({}, lambda: in_a_table(s)),
    "text": lambda s: s.answers.print(Text(HOSTILE)),
    "line": lambda s: s.answers.print(HOSTILE),
    "fields": lambda s: s.fields({"a": HOSTILE}),
    "message": lambda s: s.say("import.more", more=HOSTILE),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("output", Output)
def test_every_way_to_the_terminal_escapes(
    way: str, output: Output, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    screen = Screen(output, Lang.en)
    WAYS[way](screen)
    written = "".join(map(unpacked, capsysbinary.readouterr()))
    assert "\\x1b" in written or "\\u001b" in written or (way, output) == ("table", Output.json)
    assert not set(written) & set("\x1b\x07\x9b\u202e\u200b")


def test_brackets_and_colons_are_no_markup() -> None:
    console = EscapingConsole(file=io.StringIO(), width=40)
    console.print("[red]a[/] :smile: [/]")
    assert console.file.getvalue() == "[red]a[/] :smile: [/]\n"  # type: ignore[attr-defined]


def test_styles_still_reach_a_terminal() -> None:
    console = EscapingConsole(file=io.StringIO(), force_terminal=True, width=40)
    console.print(Text("down", style="red"))
    assert "\x1b[31mdown" in console.file.getvalue()  # type: ignore[attr-defined]
