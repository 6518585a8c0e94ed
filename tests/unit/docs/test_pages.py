"""What the pages say exists, exists."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from services.cli.main import app
from services.kernel import errors
from services.kernel.errors import Refusal
from tests.unit.docs.pages import ROOT, anchors, commands, links, pages


def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [
        f"{target}#{anchor}"
        for target, anchor in links(page)
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]
    assert not broken


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_command_line_names_a_real_command_with_real_options(page: Path) -> None:
    mistakes = [mistake for call in commands(page) for mistake in mistakes_of(call)]
    assert not mistakes


def test_a_wrong_command_line_is_noticed() -> None:
    assert mistakes_of(["make", "everything"]) == ["make has no target everything"]
    assert mistakes_of(["kieng", "kpi", "shew"]) == ["kieng kpi has no command shew"]
    assert mistakes_of(["kieng", "up", "--fast"]) == ["kieng up has no option --fast"]
    assert mistakes_of(["kieng", "kpi", "show", "--to=2025-01"]) == []


def test_the_pages_hold_command_lines_of_both_kinds() -> None:
    found = {call[0] for page in pages() for call in commands(page)}
    assert found == {"make", "kieng"}


def test_the_generated_tables_are_current() -> None:
    found = {path.name: old == new for path, old, new in tables().pages()}
    assert found == {"indicators.md": True, "operating.md": True, "README.md": True}, (
        "run docs/tables.py"
    )


def test_every_setting_has_a_docstring() -> None:
    module = tables()
    for service in module.SERVICES:
        config = importlib.import_module(f"services.{service}.config")
        cls = config.KernelSettings if service == "kernel" else config.Settings
        described = module.attribute_docstrings(cls)
        assert set(vars(cls).get("__annotations__", {})) - {"model_config"} == set(described)


def test_every_service_with_settings_or_metrics_stands_in_the_tables() -> None:
    found = {path.parent.name for path in (ROOT / "services").glob("*/metrics.py")}
    found |= {path.parent.name for path in (ROOT / "services").glob("*/config.py")}
    assert found == set(tables().SERVICES)


def test_every_reason_of_a_refusal_is_explained_to_integrators() -> None:
    page = (ROOT / "docs" / "integrating.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([A-Z_]+)` \| [A-Z_]+ \|", page, re.MULTILINE)
    assert sorted(explained) == sorted(set(explained))
    assert set(explained) == reasons()


def test_every_decision_record_answers_the_four_questions() -> None:
    headings = ["Context", "Decision", "Consequences", "How we would know it was wrong"]
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [path.name[:4] for path in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    for path in records:
        found = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert found == headings, path.name


def reasons() -> set[str]:
    """Return the default reasons, and those that the services name where they refuse."""
    found = {
        kind.default_reason
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
    }
    for path in (ROOT / "services").rglob("*.py"):
        if "cli" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "reason":
                    value = getattr(node.value, "value", None)
                    found |= {value} if re.fullmatch("[A-Z_]+", str(value)) else set()
    return found


def mistakes_of(call: list[str]) -> list[str]:
    """Say what a call of make or kieng names that is not there."""
    if call[0] == "make":
        return [f"make has no target {word}" for word in call[1:] if word not in make_words()]
    command, path = get_command(app), "kieng"
    words = call[1:]
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        if words[0] not in command.commands:
            return [f"{path} has no command {words[0]}"]
        command, path = command.commands[words[0]], f"{path} {words[0]}"
        words = words[1:]
    known = {"-h", "--help"} | {name for option in command.params for name in option.opts}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [f"{path} has no option {name}" for name in given if name not in known]


def make_words() -> "Words":
    return Words((ROOT / "Makefile").read_text(encoding="utf-8"))


class Words:
    """What may follow `make`: its targets, and variables that the Makefile reads."""

    def __init__(self, makefile: str) -> None:
        self.targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
        self.variables = set(re.findall(r"\$[({](?:if \$\()?([A-Z]+)\)", makefile))

    def __contains__(self, word: str) -> bool:
        name, is_variable, _ = word.partition("=")
        return name in (self.variables if is_variable else self.targets)
