"""What the docstring of a public function owes to its reader: its failures and its parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.sources import Function, parse, python_files

EXPLAINED_FROM = 4
"""Number of parameters from which each of them is explained."""
OF_COMMANDS = ("with_session", ".command", ".callback")
"""Decorators of commands: `--help` explains their options, and their failures are exit codes."""
OWN_MISTAKES = {"AssertionError", "NotImplementedError"}


def failures_are_told(root: Path) -> list[str]:
    """A public function that raises says so in a section `Raises:`."""
    return [
        f"{where}: {name} raises {', '.join(raised)}, and its docstring has no `Raises:`"
        for where, name, function, _ in _public_functions(root)
        if (raised := _raised(function)) and "Raises:" not in _docstring(function)
    ]


def parameters_are_explained(root: Path) -> list[str]:
    """A public function with four or more parameters explains each in a section `Args:`."""
    found = []
    for where, name, function, is_method in _public_functions(root):
        given = function.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        wanted = names[1:] if is_method else names
        _, _, explained = _docstring(function).partition("Args:")
        if len(wanted) >= EXPLAINED_FROM and (
            missing := [each for each in wanted if f"{each}: " not in explained]
        ):
            found.append(f"{where}: {name} does not explain {', '.join(missing)}")
    return found


@cache
def _public_functions(root: Path) -> list[tuple[str, str, Function, bool]]:
    return [*_found(root)]


def _found(root: Path) -> Iterator[tuple[str, str, Function, bool]]:
    for path in python_files(root / "services"):
        for scope in ast.walk(parse(path)):
            is_private = isinstance(scope, ast.ClassDef) and scope.name.startswith("_")
            if not isinstance(scope, ast.Module | ast.ClassDef) or is_private:
                continue
            for node in scope.body:
                if not isinstance(node, Function) or node.name.startswith("_"):
                    continue
                decorators = [ast.unparse(each) for each in node.decorator_list]
                if any(mark in each for mark in OF_COMMANDS for each in decorators):
                    continue
                is_method = isinstance(scope, ast.ClassDef) and "staticmethod" not in decorators
                yield f"{path.relative_to(root)}:{node.lineno}", node.name, node, is_method


def _docstring(function: Function) -> str:
    return ast.get_docstring(function) or ""


def _raised(function: Function) -> list[str]:
    """What the body itself raises; what functions within it raise is theirs."""
    found, left = set(), list[ast.AST](function.body)
    while left:
        node = left.pop()
        if isinstance(node, Function | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found.add(ast.unparse(kind))
        left.extend(ast.iter_child_nodes(node))
    return sorted(found - OWN_MISTAKES)
