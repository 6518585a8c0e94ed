"""The decorator of the commands adds the shared options once, and passes an opened session."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import grpc
import pytest
import typer
from typer.testing import CliRunner

from services.cli.client.stack import CONSORTIUM
from services.cli.client.troubles import CallFailed, Trouble
from services.cli.errors import Failure
from services.cli.session import Session, with_session
from services.cli.terminal.screen import Output, Screen
from services.refusals.suggestion import unknown_unit
from services.texts import Lang

SHARED = {"institution", "subject", "output", "lang", "data"}


def run(
    *arguments: str, env: dict[str, str] | None = None, **decorated: Any
) -> tuple[Session, str, set[str]]:
    """Run a command; return its session, its own argument, and the shared options it has."""
    seen: list[tuple[Session, str]] = []
    app = typer.Typer()

    @app.command()
    @with_session("viewer", **decorated)
    def command(session: Session, name: Annotated[str, typer.Argument()] = "none") -> None:
        """Note what was passed."""
        seen.append((session, name))

    result = CliRunner(env={"KIENG_INSTITUTION": None, **(env or {})}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    group: Any = typer.main.get_command(app)
    return *seen[0], {parameter.name for parameter in group.params} & SHARED


def test_a_command_has_output_language_and_data_unless_it_says_otherwise() -> None:
    assert run()[2] == {"output", "lang", "data"}
    assert run(data=False)[2] == {"output", "lang"}
    assert run(institution="", subject=True)[2] == SHARED


def test_the_session_is_made_of_the_options_and_the_rest_is_the_commands_own() -> None:
    arguments = ["it", "-o", "json", "--lang", "en", "--data", "here", "--subject", "an"]
    session, name, _ = run(*arguments, "--institution", "hust", institution="vnu", subject=True)
    assert (session.screen.output, session.screen.lang) == (Output.json, Lang.en)
    assert (session.data, session.institution, session.subject) == (Path("here"), "hust", "an")
    assert name == "it"


def test_defaults_are_those_of_the_decorator_and_of_the_environment() -> None:
    assert run()[0].institution == CONSORTIUM
    assert run(institution="vnu")[0].institution == "vnu"
    env = {"KIENG_INSTITUTION": "hust"}
    assert run(institution="vnu", env=env)[0].institution == "hust"
    assert run(env=env)[0].institution == CONSORTIUM


def test_a_unit_is_acted_for_by_its_institution_unless_another_is_named() -> None:
    assert run(institution="")[0].for_unit("vnu/hus").institution == "vnu"
    assert run(institution="hust")[0].for_unit("vnu/hus").institution == "hust"


def test_nothing_is_read_or_opened_before_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("not JSON")
    session, _, _ = run("--data", str(tmp_path))
    with pytest.raises(Exception, match="cannot be read"):
        _ = session.clients


def test_calls_are_closed_when_the_command_ends(tmp_path: Path) -> None:
    closed: list[str] = []
    app = typer.Typer()

    @app.command()
    @with_session("viewer")
    def command(session: Session) -> None:
        """Open the calls."""
        channels = session.clients._channels
        channels["here"] = type("Channel", (), {"close": lambda self: closed.append("here")})()
        assert closed == []

    result = CliRunner().invoke(app, ["--data", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert closed == ["here"]


@pytest.mark.parametrize(
    "raised",
    [
        Failure(unknown_unit("KHTN", ())),
        CallFailed(
            Trouble(
                grpc.StatusCode.INVALID_ARGUMENT,
                unknown_unit("KHTN", ()),
                "INVALID_FIELD",
                (("unit_id", unknown_unit("KHTN", ())),),
            ),
            "kpi",
            "",
        ),
    ],
    ids=["command", "service"],
)
def test_what_a_service_cannot_guess_is_searched_by_name(
    raised: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()

    @app.command()
    @with_session("viewer")
    def command(session: Session) -> None:
        """Name a unit."""
        raise raised

    monkeypatch.setattr(Session, "units_named", lambda session, name: ["vnu/hus"])
    answer = CliRunner().invoke(app, ["--lang", "vi"])
    assert isinstance(answer.exception, Failure)
    assert "không có đơn vị 'KHTN'; có phải ý bạn là 'vnu/hus'?" in answer.exception.message


def test_a_directory_that_cannot_be_searched_names_no_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session: Session, stub: object) -> Any:
        raise Failure("down")

    monkeypatch.setattr(Session, "stub", refuse)
    with ExitStack() as resources:
        assert Session(resources, (), Screen(), data=tmp_path).units_named("KHTN") == []


def test_a_unit_without_its_institution_is_refused_with_the_one_that_may_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KIENG_TOKEN", raising=False)
    for name in ("consortium", "vnu"):
        (tmp_path / f"{name}.pem").touch()
    stack: Any = SimpleNamespace(issuer_folder=tmp_path)
    monkeypatch.setattr("services.cli.session.find", lambda data: stack)
    monkeypatch.setattr(Session, "units_named", lambda session, name: [])
    monkeypatch.setattr(Session, "unit_ids", lambda session: ["vnu", "vnu/hus", "hust/scs"])
    with ExitStack() as resources:
        session = Session(resources, ("contributor",), Screen(), institution="")
        with pytest.raises(Failure, match="no unit 'hus'; did you mean 'vnu/hus'"):
            session.for_unit("hus")
        assert session.for_unit("vnu/hus").institution == "vnu"
        assert session.acting_for("vnu").for_unit("hus").institution == "vnu"
        monkeypatch.setenv("KIENG_TOKEN", "given")
        assert session.for_unit("hus").institution == "hus"
