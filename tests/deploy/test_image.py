"""The image: what the Dockerfile promises, read from it. Building it needs an engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from services.cli.local import apache_kafka
from tests.deploy.image import final_stage, instructions
from tests.deploy.known import COMPOSE, DOCKERFILE, ROOT, settings

LOCKS = ("image.lock", "image-build.lock")


def pins(text: str) -> dict[str, set[str]]:
    """Requirement and hashes of every line of a lock."""
    found = re.findall(r"^([\w.\-\[\]]+==[^\s;]+)[^\n]*((?:\n\s+--hash=\S+[^\n]*)*)", text, re.M)
    return {name: set(re.findall(r"sha256:(\w+)", hashes)) for name, hashes in found}


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_user_is_a_number_and_not_root() -> None:
    users = [text for word, text in final_stage() if word == "USER"]
    assert users == ["10001:10001"]


def test_what_builds_is_what_runs() -> None:
    bases = [text.removesuffix(" AS build") for word, text in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert bases[0] == bases[1]
    (label,) = re.findall(r'base\.name="docker\.io/([^"]+)"', DOCKERFILE.read_text())
    assert bases[0] == f"${{REGISTRY}}/{label}${{PYTHON_DIGEST}}"


def test_running_needs_no_shell() -> None:
    commands = [text for word, text in final_stage() if word in ("CMD", "ENTRYPOINT")]
    probes = [text for word, text in final_stage() if word == "HEALTHCHECK"]
    assert len(commands) == 1
    assert len(probes) == 1
    assert commands[0].startswith("[")
    assert re.search(r"CMD \[", probes[0])


def test_everything_installed_is_locked_with_hashes() -> None:
    installs = [
        step
        for word, text in instructions()
        if word == "RUN"
        for step in text.split("&&")
        if " install " in step and "pip" in step
    ]
    assert len(installs) == 3
    for step in installs:
        assert "--require-hashes" in step or "--no-deps --no-index" in step, step


@pytest.mark.parametrize("name", LOCKS)
def test_the_image_holds_what_was_tested(name: str) -> None:
    tested = pins((ROOT / "requirements.lock").read_text())
    image = pins((ROOT / "deploy" / name).read_text())
    assert len(image) >= 5
    wrong = [pin for pin, hashes in image.items() if not hashes or tested.get(pin) != hashes]
    assert not wrong, "run make lock"


def test_the_image_has_every_dependency_of_the_product_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "deploy" / "image.lock").read_text()
    locked = {pin.partition("==")[0].partition("[")[0] for pin in pins(text)}
    extras = project["optional-dependencies"]
    wanted = {_name(line) for line in [*project["dependencies"], *extras["oracle"]]}
    only_for_tests = {_name(line) for line in [*extras["dev"], *extras["embedded"]]} - wanted
    assert wanted <= locked, "run make lock"
    # What the product itself needs, and a test or a script of its own imports, too.
    shared = {"packaging", "fonttools"}
    assert not locked & only_for_tests - shared, "run make lock"


def _name(requirement: str) -> str:
    found = re.match(r"[\w.\-]+", requirement)
    assert found is not None
    return found.group().lower().replace("_", "-").replace(".", "-")


def test_the_labels_say_version_revision_and_licence() -> None:
    labels = dict(
        re.findall(
            r'org\.opencontainers\.image\.([\w.]+)="([^"]*)"',
            " ".join(text for word, text in final_stage() if word == "LABEL"),
        )
    )
    assert labels.keys() >= {"title", "description", "licenses", "version", "revision", "created"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = dict(text.split("=") for word, text in final_stage() if word == "ARG")["VERSION"]
    assert (labels["licenses"], version) == (project["license"], project["version"])
    assert labels["version"] == "${VERSION}"


def test_what_is_copied_is_let_in_and_exists() -> None:
    """The build context leaves out everything but these."""
    ignore = (ROOT / ".dockerignore").read_text().split("\n")
    let_in = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    copied = {
        source
        for word, text in instructions()
        if word == "COPY" and "--from" not in text
        for source in text.split()[:-1]
    }
    assert copied == let_in
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_wheel_takes_the_data_that_the_image_copies() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    taken = {*wheel["packages"], *wheel["force-include"]}
    folders = {
        text.split()[0]
        for word, text in instructions()
        if word == "COPY" and "--from" not in text and text.startswith(("deploy/", "services"))
    } - {f"deploy/{name}" for name in LOCKS}
    assert folders <= taken


def test_every_variable_of_the_image_is_a_setting() -> None:
    text = " ".join(text for word, text in final_stage() if word == "ENV")
    assert set(re.findall(r"KIENG_\w+", text)) <= settings()


def test_compose_runs_the_kafka_that_the_tests_run_on() -> None:
    image = yaml.load(COMPOSE.read_text(), yaml.CSafeLoader)["services"]["kafka"]["image"]
    assert image.partition("${KIENG_KAFKA_DIGEST")[0].endswith(f":{apache_kafka.VERSION}")
