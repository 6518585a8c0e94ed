"""The folder protos/ compiles by itself: its imports, and the places of the code made from it."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.folder import PROTOS, command_for, contracts

IMPORT = re.compile(r'^import (?:public |weak )?"([^"]+)";', re.MULTILINE)
OURS = [name for name in contracts() if name.startswith("kieng/")]


def descriptor(name: str) -> Any:
    module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    return module.DESCRIPTOR


def pascal(words: str) -> str:
    return "".join(word.capitalize() for word in words.split("_"))


def missing_imports(texts: dict[str, str]) -> list[str]:
    """Return the imports that neither the files nor a compiler have."""
    return [
        f"{name}: {wanted}"
        for name, text in texts.items()
        for wanted in IMPORT.findall(text)
        if wanted not in texts and not wanted.startswith("google/protobuf/")
    ]


def test_every_import_is_in_the_folder_or_comes_with_the_compiler() -> None:
    texts = {name: (PROTOS / name).read_text(encoding="utf-8") for name in contracts()}
    assert len(texts) > 25
    assert missing_imports(texts) == []


def test_an_import_from_elsewhere_is_noticed() -> None:
    texts = {"a.proto": 'import "b.proto";\nimport "google/protobuf/any.proto";\n'}
    assert missing_imports(texts) == ["a.proto: b.proto"]


@pytest.mark.parametrize("name", OURS)
def test_every_contract_names_its_place_in_each_language(name: str) -> None:
    _, area, version, file = name.removesuffix(".proto").split("/")
    options = descriptor(name).GetOptions()
    assert options.go_package == f"kieng.internal/protos/kieng/{area}/{version};{area}{version}"
    assert options.java_package == f"kieng.{area}.{version}"
    assert options.java_multiple_files
    assert options.java_outer_classname == f"{pascal(file)}Proto"
    assert options.csharp_namespace == f"Kieng.{pascal(area)}.{version.upper()}"


def test_no_two_contracts_write_the_same_class() -> None:
    classes: Counter[str] = Counter()
    for name in OURS:
        file = descriptor(name)
        options = file.GetOptions()
        types = [*file.message_types_by_name, *file.enum_types_by_name]
        types += [f"{service}Grpc" for service in file.services_by_name]
        java = {options.java_outer_classname, *types}
        # File systems that ignore case hold one of two names that differ by it only.
        classes.update(f"{options.java_package}.{each}".lower() for each in java)
        stem = pascal(Path(name).stem)
        classes.update([f"C# {options.csharp_namespace}.{stem}".lower()])
    assert [name for name, count in classes.items() if count > 1] == []


def test_vendored_files_of_google_are_those_of_the_python_package() -> None:
    vendored = [name for name in contracts() if name.startswith("google/")]
    assert vendored == ["google/rpc/error_details.proto", "google/rpc/status.proto"]
    published = {str(path): path for path in files("googleapis-common-protos") or []}
    for name in vendored:
        assert published[name].read_text() == (PROTOS / name).read_text(encoding="utf-8"), (
            f"{name} is another version than the locked package's: copy it from there"
        )


@pytest.mark.parametrize("language", ["Python", "Go", "Java and Kotlin", "TypeScript", "C#"])
def test_the_readme_has_a_command_for_every_language(language: str) -> None:
    assert command_for(language).startswith(("protoc -I protos ", "python -m grpc_tools.protoc "))
