"""Compilers of other languages, as the files beside this one pin them, kept in build/.tools."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import grpc_tools
import pytest

from tests.deploy.tools import CACHE, locked_environment

HERE = Path(__file__).parent
RUN_SECONDS = 900
PLATFORMS = {
    ("linux", "x86_64"): "linux-x86_64",
    ("linux", "aarch64"): "linux-aarch_64",
    ("darwin", "arm64"): "osx-aarch_64",
}
"""Classifiers of native programs on Maven Central, by system and machine."""

is_full_check = bool(os.environ.get("CHECK_CONTRACTS"))
needs_compilers = pytest.mark.skipif(
    not is_full_check, reason="needs compilers of other languages: make check-contracts"
)


def run(
    command: list[str | Path], folder: Path, path: Path | None = None, may_skip: str = ""
) -> str:
    """Run a command in a folder and return what it prints.

    Args:
        command: program and arguments.
        folder: its working directory.
        path: a directory that goes before the others on PATH.
        may_skip: what the command fetches; a failure then skips the test instead of failing it.
    """
    search = os.pathsep.join(filter(None, [str(path or ""), os.environ["PATH"]]))
    environment = {**os.environ, "PATH": search}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    if done.returncode and may_skip:
        pytest.skip(f"{may_skip} could not be fetched: {(done.stdout + done.stderr)[-300:]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(name: str) -> str:
    """Return the path of a program; skip the test if the machine does not have it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found


def bundled_protoc(folder: Path) -> Path:
    """Return a directory with `protoc` and `python`: the locked compiler, which runs any plugin."""
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    compiler = folder / "protoc"
    compiler.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m grpc_tools.protoc "$@"\n')
    for file in (python, compiler):
        file.chmod(0o755)
    return folder


def go_module(folder: Path) -> Path:
    """Copy the pinned Go module into a folder, build its plugins, and return their directory."""
    go = program("go")
    shutil.copytree(HERE / "go", folder, dirs_exist_ok=True)
    run([go, "mod", "download"], folder, may_skip="Go modules")
    plugins = [
        "google.golang.org/protobuf/cmd/protoc-gen-go",
        "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    ]
    binaries = bundled_protoc(folder / "bin")
    run([go, "build", "-o", f"{binaries}/", *plugins], folder)
    return binaries


def node_packages(folder: Path) -> Path:
    """Copy the pinned npm project to a folder, install it, and return its directory of commands."""
    npm = program("npm")
    program("node")
    shutil.copytree(HERE / "typescript", folder, dirs_exist_ok=True)
    command: list[str | Path] = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run(command, folder, may_skip="npm packages")
    binaries = folder / "node_modules" / ".bin"
    bundled = bundled_protoc(folder / "bin")
    for file in bundled.iterdir():
        file.rename(binaries / file.name)
    return binaries


def maven_artifacts() -> Path:
    """Return a folder with the pinned jars in `libs`, and with protoc and its plugin in `bin`."""
    maven = program("mvn")
    machine = (sys.platform, platform.machine())
    if machine not in PLATFORMS:
        pytest.skip(f"Maven Central has no protoc for {machine}")
    pom = (HERE / "java" / "pom.xml").read_text()
    folder = CACHE / "contracts-java"
    done = folder / "pom.xml"
    if not done.exists() or done.read_text() != pom:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command: list[str | Path] = [maven, "-q", "-B", "-f", HERE / "java" / "pom.xml"]
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder / 'libs'}"]
        command += [*goal, f"-Dplatform={PLATFORMS[machine]}"]
        run(command, folder, may_skip="Maven artifacts")
        (folder / "bin").mkdir()
        for name in ("protoc-gen-grpc-java", "protoc"):
            (found,) = (folder / "libs").glob(f"{name}-[0-9]*.exe")
            found.rename(folder / "bin" / name).chmod(0o755)
        # A release of protoc has google/protobuf beside it.
        shutil.copytree(Path(grpc_tools.__file__).parent / "_proto", folder / "include")
        done.write_text(pom)
    return folder


def python_with_csharp() -> Path:
    """Return an interpreter that can parse C#."""
    return locked_environment("contracts-csharp", HERE / "csharp.lock") / "python"
