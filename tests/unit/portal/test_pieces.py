"""Templates are compiled once, and kept where Python keeps compiled modules."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import pytest

from services.portal import pieces


def said(folder: Path, templates: Path, name: str = "a.html") -> str:
    loader = jinja2.FileSystemLoader(templates)
    found = jinja2.Environment(loader=loader, bytecode_cache=pieces.compiled_templates(folder))
    return found.get_template(name).render()


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/a.html").write_text("first")
    (tmp_path / "kept").mkdir()
    return tmp_path / "templates"


def test_a_template_is_compiled_once_and_again_when_it_changes(
    templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = 0
    compile_source = jinja2.Environment.compile

    def counted(*given: object, **named: object) -> object:
        nonlocal compiled
        compiled += 1
        return compile_source(*given, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(jinja2.Environment, "compile", counted)
    kept = tmp_path / "kept"
    assert (said(kept, templates), said(kept, templates), compiled) == ("first", "first", 1)
    (templates / "a.html").write_text("second")
    assert (said(kept, templates), compiled) == ("second", 2)


def test_nothing_is_kept_where_nothing_can_be_written_or_python_keeps_nothing(
    templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pieces.compiled_templates(tmp_path / "absent") is None
    assert said(tmp_path / "absent", templates) == "first"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert pieces.compiled_templates(tmp_path / "kept") is None
