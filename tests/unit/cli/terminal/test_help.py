"""Help and refusals of arguments are in the user's language, all of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer
from typer import rich_utils
from typer.exceptions import TyperException

from services.cli.app import app
from services.cli.main import main
from services.cli.terminal.help import EXAMPLE, FILE, USAGE, asked_language, paragraphs
from services.refusals import Sentences
from services.texts import Lang

TABLE = tomllib.loads(FILE.read_text(encoding="utf-8"))


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words that lead to every group and command, and the command."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *path, name)


@cache
def every() -> dict[tuple[str, ...], Any]:
    """The words that lead to a group or a command -> the group or command."""
    return dict(commands(typer.main.get_command(app)))


def said(command: Any) -> set[str]:
    """The paragraphs of a command and of its options; one that is only an example has no prose."""
    options = command.get_params(typer.Context(command))
    texts = [command.help, command.epilog, *(option.help for option in options)]
    found = {each for text in texts for each in paragraphs(text)}
    return {each for each in found if not each.startswith(EXAMPLE) or each in TABLE["help"]}


def test_every_help_text_has_a_vietnamese_one_and_none_is_left_over() -> None:
    known = set().union(*(said(command) for command in every().values()))
    assert sorted(known - set(TABLE["help"])) == [], "add them to help.vi.toml"
    assert sorted(set(TABLE["help"]) - known) == [], "English has changed: translate it anew"
    assert all(text.strip() and text != english for english, text in TABLE["help"].items())


def test_the_words_of_typers_pages_are_known_and_are_typers() -> None:
    texts = {text for text in vars(rich_utils).values() if isinstance(text, str)}
    metavars = {getattr(each, "subcommand_metavar", "") for each in every().values()}
    metavars |= {each.options_metavar for each in every().values()}
    assert set(TABLE["words"]) <= texts | metavars | {USAGE, EXAMPLE}
    titles = {"Arguments", "Options", "Commands", "Error"}
    assert titles | (metavars - {""}) <= set(TABLE["words"])


def refusals_of(command: Any) -> Iterator[str]:
    """What typer says of an option that is missing, and of texts that are no value of it."""
    context = typer.Context(command)
    # A flag is not given a text.
    for option in (each for each in command.params if not getattr(each, "is_flag", False)):
        for text in (None, "nosuch", "-9999", "9999999999"):
            several = option.multiple or option.nargs == -1
            try:
                if option.callback is None:
                    option.process_value(context, (text,) if several and text else text)
            except TyperException as refused:
                yield refused.format_message()


def test_every_refusal_of_an_option_is_known_in_vietnamese() -> None:
    told = Sentences(TABLE["refusals"]).told
    found = {text for command in every().values() for text in refusals_of(command)}
    assert len(found) > 50
    english = ("Missing", "Invalid", "Input", "Value", "env var")
    assert sorted(text for text in found if any(word in told(text) for word in english)) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["kp"], "Không có lệnh 'kp'. Có phải bạn muốn 'kpi'?"),
        (["nosuch"], "Không có lệnh 'nosuch'."),
        (["kpi", "show", "--fro", "x"], "Không có tùy chọn --fro (có thể là: --from, --on, --to)"),
        (["kpi", "show", "-x"], "Không có tùy chọn -x"),
        (["kpi", "plot"], "Thiếu tùy chọn '--indicator'."),
        (["submission", "show"], "Thiếu tham số 'ID'."),
        (["kpi", "show", "--from"], "Tùy chọn '--from' cần một giá trị."),
        (["kpi", "show", "--children=1"], "Tùy chọn '--children' không nhận giá trị."),
        (["kpi", "days", "a", "b"], "Thừa tham số: a b"),
        (["logs", "--lines", "-3"], "Giá trị của '--lines' không đúng: cần một số từ 0 trở lên"),
        (["logs", "--lines", "x"], "Giá trị của '--lines' không đúng: cần một số nguyên"),
        (["kpi", "days", "-o", "x"], "không đúng: 'x' không phải một trong 'table', 'json'"),
        (["kpi", "days", "--lang", "x"], "'--lang' (biến môi trường: 'KIENG_LANG') không đúng"),
    ],
)
def test_a_wrong_use_is_refused_in_vietnamese(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("KIENG_LANG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert words in told.err
    assert "─ Lỗi ─" in told.err
    assert "Cách dùng: kieng" in told.err or "cần một giá trị" in words or "không nhận" in words


def test_a_wrong_use_is_refused_in_english_as_typer_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(["kpi", "plot", "--lang", "en"])
    told = capsys.readouterr().err
    assert "Usage: kieng kpi plot [OPTIONS]" in told
    assert "Missing option '--indicator'." in told


@pytest.mark.parametrize(
    ("arguments", "environment", "lang"),
    [
        ([], "", Lang.vi),
        ([], "en", Lang.en),
        (["kpi", "--lang", "en"], "", Lang.en),
        (["kpi", "--lang=en", "--help"], "vi", Lang.en),
        (["--lang", "en", "kpi", "show", "--lang", "vi"], "en", Lang.vi),
        (["kpi", "--lang"], "", Lang.vi),
        (["kpi", "--lang", "fr"], "en", Lang.vi),
    ],
)
def test_the_language_is_that_of_the_last_option_or_of_the_environment(
    arguments: list[str], environment: str, lang: Lang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIENG_LANG", environment)
    assert asked_language(arguments) is lang


def test_the_language_before_a_command_is_that_of_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the option writes into the environment is taken back.
    monkeypatch.setenv("KIENG_LANG", "vi")
    with pytest.raises(SystemExit):
        main(["--lang", "en", "kpi", "show", "--from", "2025-13", "--to", "2025-13"])
    assert "write a month" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--lang", "en", "kpi", "days", "--help"])
    assert "Usage: kieng kpi days" in capsys.readouterr().out


def test_help_in_one_language_leaves_nothing_behind_for_the_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = []
    for lang in ("en", "vi", "en"):
        with pytest.raises(SystemExit):
            main(["logs", "--help", "--lang", lang])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[2] != shown[1]
    assert "[mặc định: 20]" in shown[1]
