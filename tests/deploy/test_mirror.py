"""The script for networks without the internet copies every image, and only those."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.known import COMPOSE, DOCKERFILE, ROOT

SCRIPT = ROOT / "deploy" / "mirror.sh"


def run(
    *arguments: str, docker: str = "docker", **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DOCKER": docker, **variables}
    return subprocess.run(
        [SCRIPT, *arguments], capture_output=True, text=True, check=False, env=environment
    )


def wanted() -> set[str]:
    """Images of others in the Compose file, and what ours is built from."""
    parts = yaml.load(COMPOSE.read_text(), yaml.CSafeLoader)["services"].values()
    named = {part["image"] for part in parts if "build" not in part}
    bases = r"^FROM \$\{REGISTRY\}/([^\s$]+)"
    built_from = re.findall(bases, DOCKERFILE.read_text(), re.MULTILINE)
    copied = {re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", image) for image in named}
    return copied | {f"docker.io/{image}" for image in built_from}


def test_the_list_is_complete() -> None:
    found = run("--list")
    assert found.returncode == 0
    assert set(found.stdout.split()) == wanted()
    assert len(wanted()) >= 3


def test_every_image_is_pulled_tagged_and_pushed(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    docker.chmod(0o755)
    assert run("registry.example.vn/", docker=str(docker)).returncode == 0
    copies = {image: image.replace("docker.io", "registry.example.vn") for image in wanted()}
    expected = [
        line
        for image, copy in sorted(copies.items())
        for line in (f"pull {image}", f"tag {image} {copy}", f"push {copy}")
    ]
    assert calls.read_text().splitlines() == expected


def test_a_failed_pull_ends_it(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    assert run("registry.example.vn", docker=str(docker)).returncode == 1
    assert run().returncode == 2
    assert "usage" in run("--help").stderr


@pytest.fixture
def registry(tmp_path: Path) -> str:
    """A docker that pulls everything, and whose images all have one made-up digest."""
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\n"
        '[ "$1" = image ] && echo "$5" | sed "s/:[^:]*$/@sha256:made-up/" || echo pulled "$3"\n'
    )
    docker.chmod(0o755)
    return str(docker)


def test_digests_are_written_as_the_variables_that_compose_reads(
    registry: str, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    found = run("--pin", "registry.example.vn", docker=registry, ENV_FILE=str(file))
    assert found.returncode == 0
    variables = set(re.findall(r"KIENG_\w+_DIGEST", COMPOSE.read_text()))
    assert len(variables) >= 6
    lines = [f"{name}=@sha256:made-up" for name in by_image(variables)]
    assert file.read_text().splitlines() == lines
    assert "pulled registry.example.vn/apache/kafka" in found.stderr
    assert "Our own image is not pinned" in found.stderr


def test_other_lines_of_the_file_stay_and_our_own_image_is_pinned_where_it_lies(
    registry: str, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    kept = "KIENG_KAFKA_ADMIN_PASSWORD=made-up $1 # as it is"
    file.write_text(f"{kept}\nKIENG_KAFKA_DIGEST=@old\nKIENG_IMAGE=registry.example.vn/kieng:1\n")
    for _ in range(2):
        assert run("--pin", docker=registry, ENV_FILE=str(file)).returncode == 0
    lines = file.read_text().splitlines()
    assert lines[0] == kept
    assert [line for line in lines if "KAFKA_DIGEST" in line] == [
        "KIENG_KAFKA_DIGEST=@sha256:made-up"
    ]
    assert lines[-1] == "KIENG_IMAGE=registry.example.vn/kieng@sha256:made-up"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "it may hold passwords"


def test_the_check_names_every_image_that_is_not_pinned(registry: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    bare = run("--check", ENV_FILE=str(file))
    assert bare.returncode == 1
    assert len(bare.stdout.splitlines()) == len(wanted()) + 1
    assert "KIENG_KAFKA_DIGEST is not set" in bare.stdout
    assert "KIENG_IMAGE names no digest" in bare.stdout
    assert run("--pin", docker=registry, ENV_FILE=str(file)).returncode == 0
    assert run("--check", ENV_FILE=str(file)).stdout.count("\n") == 1, "our own"
    ours = "registry.example.vn/kieng@sha256:made-up"
    assert run("--check", ENV_FILE=str(file), KIENG_IMAGE=ours).returncode == 0


def by_image(variables: set[str]) -> list[str]:
    """The variables in the order of the images."""
    names = [image.rpartition("/")[2].partition(":")[0] for image in sorted(wanted())]
    ordered = [f"KIENG_{name.upper()}_DIGEST" for name in names]
    assert set(ordered) == variables
    return ordered
