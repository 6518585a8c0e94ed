"""Image and Compose file, carried out without an engine: from nothing to the demo's numbers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.cli.client.local_issuer import LocalIssuer
from tests.deploy.charts import Object, environment, example, name_of, of_kind, pod_of
from tests.deploy.image import carry_out_build_stage, final_stage, may_change_user
from tests.deploy.known import needs_tools
from tests.deploy.rehearsal import JOB_SECONDS, LEFT_OUT, PARTS, USER, Rehearsal

pytestmark = needs_tools


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that the image's user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="kieng-rehearsal-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def programs(place: Path) -> Path:
    """The commands of the image's environment."""
    return carry_out_build_stage(place) / "bin"


def as_image_user(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    who: dict[str, Any] = {}
    if may_change_user(program.parent / "python"):
        who = {"user": USER, "group": USER}
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, cwd="/", env={}, **who
    )


def test_the_default_command_answers(programs: Path) -> None:
    found = as_image_user(programs / "kieng", "--version")
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[-1] in str(final_stage())


def test_nothing_can_be_installed_into_it(programs: Path) -> None:
    found = as_image_user(programs / "python", "-m", "pip", "--version")
    assert "No module named pip" in found.stderr


def test_only_what_the_product_needs_is_in_it(programs: Path) -> None:
    for name in ("pytest", "mypy", "hatchling", "secantus", "grafana_foundation_sdk"):
        found = as_image_user(programs / "python", "-c", f"import {name}")
        assert "ModuleNotFoundError" in found.stderr, name


def commands_of_the_chart() -> dict[str, Object]:
    """Hook jobs and the test of the chart, by names of their own."""
    values = example("small", doctor__existingSecret="kieng-doctor")
    return {name_of(each): each for each in of_kind(values, "Job", "Pod")}


def run_of_the_chart(rehearsal: Rehearsal, name: str, each: Object) -> int:
    """Run what a pod of the chart runs, with its environment and its secrets as files."""
    (rehearsal.folder / "etc/kieng/mongodb/uri").write_text(f"{rehearsal.mongo}\n")
    keys = LocalIssuer(rehearsal.folder / "var/lib/kieng/issuer")
    token = keys.mint("consortium", "doctor", ["operator", "viewer"], "", 600)
    given = {
        variable: token if isinstance(value, dict) else value
        for variable, value in environment(each).items()
    }
    (container,) = pod_of(each)["containers"]
    process = rehearsal.begin_command(name, container["command"], given)
    return process.wait(JOB_SECONDS)


def test_compose_goes_from_nothing_to_the_numbers_of_the_demo(place: Path, programs: Path) -> None:
    rehearsal = Rehearsal(place / "machine", programs)
    try:
        rehearsal.start_stand_ins()
        for name in rehearsal.ports:
            if name not in rehearsal.running:
                rehearsal.serve(name)
        assert rehearsal.run("demo") == 0, rehearsal.told("demo")
        print(rehearsal.told("demo"))
        assert rehearsal.run("kieng") == 0, rehearsal.told("kieng")
        print(rehearsal.told("kieng"))
        for name, each in commands_of_the_chart().items():
            assert run_of_the_chart(rehearsal, name, each) == 0, rehearsal.told(name)
            print(rehearsal.told(name))
        # Done twice, jobs change nothing.
        for name in ("topics", "databases", "issuer", "certificate"):
            assert rehearsal.run(name) == 0, rehearsal.told(name)
    finally:
        codes = rehearsal.end()
    assert codes == dict.fromkeys(rehearsal.ports, 0)
    ours = {name for name, part in PARTS.items() if "build" in part}
    assert set(rehearsal.running) >= ours - set(LEFT_OUT)
