"""The contracts compile in every language, unedited, by the commands of protos/README.md."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from tests.contracts.folder import PROTOS, command_for, contracts, shipped
from tests.contracts.toolchains import (
    bundled_protoc,
    go_module,
    maven_artifacts,
    needs_compilers,
    node_packages,
    program,
    python_with_csharp,
    run,
)

pytestmark = needs_compilers
OURS = [name for name in contracts() if name.startswith("kieng/")]
SERVICES = sum(name.endswith("_service.proto") for name in OURS)
IMPORT_ALL = """
import importlib, pathlib
root = pathlib.Path("gen")
for path in root.rglob("*_pb2*.py"):
    importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))
import kieng.kpi.v1.kpi_service_pb2 as found
print(found.__file__)
"""
# The grammar knows no `#if` inside a list of base types, so the taken branch is chosen before.
PARSE_CSHARP = """
import pathlib, re, sys
import tree_sitter, tree_sitter_c_sharp
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c_sharp.language()))
line = "(?:.*\\n)*?"
chosen = re.compile(f"^ *#if !.*\\n({line})(?:^ *#else\\n{line})?^ *#endif", re.MULTILINE)
for name in sys.argv[1:]:
    text = chosen.sub(lambda found: found[1], pathlib.Path(name).read_text(encoding="utf-8-sig"))
    if parser.parse(text.encode()).root_node.has_error:
        print(name)
"""


def compile_all(language: str, folder: Path, path: Path) -> list[Path]:
    """Run the README's command in a folder; return the files that it wrote."""
    run(["bash", "-euo", "pipefail", "-c", command_for(language)], folder, path)
    return sorted(file for file in (folder / "gen").rglob("*") if file.is_file())


def test_python_imports_what_the_compiler_writes(tmp_path: Path) -> None:
    shipped(tmp_path)
    written = compile_all("Python", tmp_path, bundled_protoc(tmp_path / "bin"))
    assert sum(file.name.endswith("_pb2.py") for file in written) == len(OURS) + 1
    # Without site's .pth files, which would bring the code of this checkout instead.
    paths = f"import sys; sys.path[:0] = ['gen', {sysconfig.get_path('purelib')!r}]\n"
    found = run([sys.executable, "-I", "-S", "-W", "error", "-c", paths + IMPORT_ALL], tmp_path)
    assert Path(found.strip()).is_relative_to(tmp_path)


def test_go_builds_and_vets_what_the_plugins_write(tmp_path: Path) -> None:
    shipped(tmp_path)
    written = compile_all("Go", tmp_path, go_module(tmp_path / "gen"))
    assert sum(file.name.endswith(".pb.go") for file in written) == len(OURS) + SERVICES
    run([program("go"), "build", "./..."], tmp_path / "gen")
    run([program("go"), "vet", "./..."], tmp_path / "gen")


def test_java_compiles_what_protoc_and_its_plugin_write(tmp_path: Path) -> None:
    tools = maven_artifacts()
    shipped(tmp_path)
    written = compile_all("Java and Kotlin", tmp_path, tools / "bin")
    assert sum(file.name.endswith("ServiceGrpc.java") for file in written) == SERVICES
    jars = f"{tools / 'libs'}/*"
    flags: list[str | Path] = ["-Werror", "-Xlint:all,-processing", "-cp", jars, "-d", "classes"]
    run([program("javac"), *flags, *written], tmp_path)
    assert (tmp_path / "classes/kieng/kpi/v1/KpiServiceGrpc.class").exists()


def test_kotlin_gets_each_file_once(tmp_path: Path) -> None:
    tools = maven_artifacts()
    shipped(tmp_path)
    command = command_for("Java and Kotlin").replace("--java_out=gen", "--kotlin_out=gen", 1)
    run(["bash", "-euo", "pipefail", "-c", command], tmp_path, tools / "bin")
    written = [str(file).lower() for file in (tmp_path / "gen").rglob("*.kt")]
    assert len(written) > len(OURS)
    assert len(set(written)) == len(written)


def test_typescript_is_sound_and_node_loads_the_descriptors(tmp_path: Path) -> None:
    commands = node_packages(tmp_path)
    shipped(tmp_path)
    written = compile_all("TypeScript", tmp_path, commands)
    assert sum(file.name.endswith("_pb.ts") for file in written) == len(contracts())
    run([commands / "tsc", "--noEmit", "--project", "."], tmp_path)
    loaded = run([program("node"), "load.mjs", PROTOS / "baseline.binpb"], tmp_path)
    assert len(loaded.splitlines()) == SERVICES


def test_csharp_gets_each_file_once_and_every_file_parses(tmp_path: Path) -> None:
    tools = maven_artifacts()
    python = python_with_csharp()
    shipped(tmp_path)
    written = compile_all("C#", tmp_path, tools / "bin")
    assert len({str(file).lower() for file in written}) == len(OURS) + 1
    assert run([python, "-c", PARSE_CSHARP, *written], tmp_path) == ""
    broken = tmp_path / "Broken.cs"
    broken.write_text("class Broken { int x = ; }")
    assert run([python, "-c", PARSE_CSHARP, broken], tmp_path).strip() == str(broken)


def test_a_folder_without_its_vendored_files_is_noticed(tmp_path: Path) -> None:
    shipped(tmp_path)
    (tmp_path / "protos/google/rpc/status.proto").unlink()
    with pytest.raises(AssertionError, match=r"google/rpc/status\.proto"):
        compile_all("Python", tmp_path, bundled_protoc(tmp_path / "bin"))
