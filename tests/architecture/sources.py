"""Reads the sources for the rules: which there are, what they import, how long they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Written by tools, or not by us.
UNREAD_FOLDERS = {"__pycache__", "build", "gen", "node_modules"}
TEXT_SUFFIXES = {
    *("", ".cfg", ".css", ".html", ".j2", ".js", ".json", ".lock", ".md", ".proto"),
    *(".py", ".sh", ".toml", ".tpl", ".txt", ".xml", ".yaml", ".yml"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(folder: Path) -> list[Path]:
    """Every module below a folder in a fixed order; none when there is no such folder."""
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def module_parts(root: Path, path: Path) -> tuple[str, ...]:
    """The dotted name in parts: services/kpi/__init__.py is ("services", "kpi")."""
    parts = path.relative_to(root).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything a module imports, wherever in it.

    `from a import b` gives `a.b`, because b may be a module.
    """
    package = path.relative_to(root).parent.parts
    for line, level, stem, names in _imported(path.read_text(encoding="utf-8"), str(path)):
        start = package[: len(package) - level + 1] if level else ()
        yield from ((line, ".".join([*start, *stem, name])) for name in names)


@cache
def _imported(source: str, name: str) -> list[tuple[int, int, list[str], list[str]]]:
    """Line, level, module and names of each statement that imports; many rules ask for them."""
    found = []
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            level, module = getattr(node, "level", 0), getattr(node, "module", None)
            stem = module.split(".") if module else []
            found.append((node.lineno, level, stem, [alias.name for alias in node.names]))
    return found


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    return body if text_of(body[0]) is None else body[1:]


def text_of(node: ast.AST) -> str | None:
    """The text that stands alone as a statement, as docstrings do."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else None
    return None


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last, blank lines included."""
    body = without_docstring(function.body)
    if not body:
        return 0
    first = body[0]
    decorators: list[ast.expr] = getattr(first, "decorator_list", [])
    start = min([first.lineno, *(line.lineno for line in decorators)])
    return (function.end_lineno or function.lineno) - start + 1


def code_line_count(path: Path) -> int:
    """Lines that hold code: docstrings and comments are owed to the reader and cost nothing.

    A text that stands alone is a docstring wherever it is: of a setting or a constant, too.
    """
    docstrings = {
        line
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Expr) and text_of(node) is not None
        for line in range(node.lineno, (node.end_lineno or 0) + 1)
    }
    return sum(
        1
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and number not in docstrings
    )


def text_files(root: Path) -> Iterator[Path]:
    """Every text file of the repository; hidden folders are tools' own, except .ci."""
    for path in sorted(root.iterdir()):
        if path.is_dir():
            hidden = path.name.startswith(".") and path.name != ".ci"
            if not hidden and path.name not in UNREAD_FOLDERS:
                yield from text_files(path)
        elif path.suffix in TEXT_SUFFIXES:
            yield path
