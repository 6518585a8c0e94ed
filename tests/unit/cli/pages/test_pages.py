"""Every command prints what its page shows: read the pages when they change, they are the product.

After a wanted change: `python -m tests.unit.cli.pages.rendering [NAME...]`, then read `git diff`.
"""

from __future__ import annotations

from difflib import unified_diff

import pytest
import typer

from services.cli.app import app
from tests.unit.cli.help_pages import commands
from tests.unit.cli.pages.rendering import FOLDER, LANGUAGES, Page, names, path_of, rendered
from tests.unit.cli.pages.surroundings import SURROUNDINGS


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", names())
def test_a_command_prints_its_page(name: str, lang: str) -> None:
    path = path_of(name, lang)
    recorded = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = rendered(Page.read(name), lang).splitlines()
    difference = "\n".join(unified_diff(recorded, found, path.name, "now", lineterm=""))
    remedy = f"if it is wanted: python -m tests.unit.cli.pages.rendering {name}"
    assert not difference, f"{remedy}\n{difference}"


def test_every_command_has_a_page() -> None:
    every = set(commands(typer.main.get_command(app)))
    groups = {path[:end] for path in every for end in range(len(path))}
    shown = [Page.read(name).command for name in names()]
    without = [
        " ".join(path)
        for path in sorted(every - groups)
        if not any(tuple(command[: len(path)]) == path for command in shown)
    ]
    assert without == [], "record a page: see recording.py, or surroundings.py without a service"


def test_every_page_has_a_command_and_what_it_meets_belongs_to_a_page() -> None:
    pages = {path.name.rsplit(".", 2)[0] for path in FOLDER.glob("*.txt")}
    assert pages == set(names())
    assert sorted(set(SURROUNDINGS) - pages) == []
