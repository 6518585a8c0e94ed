"""What the pages say exists, exists."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

from services.kernel import errors
from services.kernel.errors import Refusal
from tests.unit.docs.command_lines import mistakes_of
from tests.unit.docs.pages import (
    ROOT,
    anchors,
    commands,
    links,
    mentioned,
    named_tests,
    pages,
    pasted,
)


def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_every_link_leads_somewhere() -> None:
    found = [(page, target, anchor) for page in pages() for target, anchor in links(page)]
    assert len(found) > 400
    broken = [
        f"{name_of(page)}: {target}#{anchor}"
        for page, target, anchor in found
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]
    assert broken == []


def test_every_test_that_a_page_names_exists() -> None:
    named = [(name_of(page), name) for page in pages() for name in named_tests(page)]
    assert len(named) > 30
    assert [each for each in named if not (ROOT / each[1]).exists()] == []


def test_every_command_in_running_text_is_real_and_so_are_its_options() -> None:
    assert [
        f"{name_of(page)}: {mistake}"
        for page in pages()
        for call in mentioned(page)
        for mistake in mistakes_of(call)
    ] == []


def test_every_command_line_of_a_fence_can_be_pasted() -> None:
    assert [
        f"{name_of(page)}: {mistake}"
        for page in pages()
        for call in pasted(page)
        for mistake in mistakes_of(call, complete=True)
    ] == []


def test_a_wrong_command_line_is_noticed() -> None:
    assert mistakes_of(["make", "everything"]) == ["make has no target everything"]
    assert mistakes_of(["kieng", "kpi", "shew"]) == ["kieng kpi has no command shew"]
    assert mistakes_of(["kieng", "up", "--fast"]) == ["kieng up has no option --fast"]
    assert mistakes_of(["kieng", "kpi", "show", "--to=2025-01"]) == []


def test_a_command_line_that_cannot_be_pasted_is_noticed() -> None:
    lacking = ["kieng", "kpi", "plot", "--to", "2025-01"]
    assert mistakes_of(lacking, complete=True) == ["kieng kpi plot: Missing option '--indicator'."]
    assert mistakes_of([*lacking, "--indicator", "KNW-01"], complete=True) == []
    assert "Missing argument" in mistakes_of(["kieng", "submission", "show"], complete=True)[0]
    assert "no service kpi;" in mistakes_of(["kieng", "config", "print", "kpi"], complete=True)[0]
    assert mistakes_of(["kieng", "config", "check", "kpi.query"], complete=True) == []


def test_the_pages_hold_command_lines_of_both_kinds() -> None:
    found = {call[0] for page in pages() for call in commands(page)}
    assert found == {"make", "kieng"}


def test_each_row_of_a_table_stands_on_one_line() -> None:
    broken = [
        f"{path.name}:{number}"
        for path in (ROOT / "docs").rglob("*.md")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.startswith("| ") and not line.rstrip().endswith("|")
    ]
    assert not broken


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
    records = decision_records()
    assert [path.name[:4] for path in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    for path in records:
        found = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert found == headings, path.name


def test_the_index_lists_every_decision_record_with_its_title() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| .+ \|$", index, re.MULTILINE)
    titles = [path.read_text(encoding="utf-8").partition("\n")[0] for path in decision_records()]
    assert [name for _, name, _ in listed] == [path.name for path in decision_records()]
    assert [f"# {number}. {title}" for number, _, title in listed] == titles


def decision_records() -> list[Path]:
    """Return the numbered pages of docs/adr, in order; the index is no record."""
    return sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def reasons() -> set[str]:
    """Return the default reasons, and those that the services name where they refuse."""
    found = {
        kind.default_reason
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
    }
    for path in (ROOT / "services").rglob("*.py"):
        if "cli" not in path.relative_to(ROOT).parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "reason":
                    value = str(getattr(node.value, "value", None))
                    found |= {value} if re.fullmatch("[A-Z_]+", value) else set()
    return found


def test_what_the_readme_writes_is_ignored_by_git() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    fences = "\n".join(re.findall(r"^```bash\n(.*?)^```", readme, re.MULTILINE | re.DOTALL))
    written = re.findall(r"(?:^|\s)(?:>|--to|--report|--plan) (\S*[./]\S*)", fences)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert written
    assert not [path for path in written if f"{path.partition('/')[0]}/" not in ignored]
