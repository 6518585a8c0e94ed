"""Every command prints what its page shows: read the pages when they change, they are the product.

After a wanted change: `python -m tests.unit.cli.pages.rendering [NAME...]`, then read `git diff`.
"""

from __future__ import annotations

from difflib import unified_diff

import pytest

from tests.unit.cli.pages.rendering import LANGUAGES, Page, names, path_of, rendered


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", names())
def test_a_command_prints_its_page(name: str, lang: str) -> None:
    path = path_of(name, lang)
    recorded = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = rendered(Page.read(name), lang).splitlines()
    difference = "\n".join(unified_diff(recorded, found, path.name, "now", lineterm=""))
    remedy = f"if it is wanted: python -m tests.unit.cli.pages.rendering {name}"
    assert not difference, f"{remedy}\n{difference}"
