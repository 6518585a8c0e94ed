"""`.ci/run` decides by all parts, runs all of them, and names what it leaves out."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests.interrupts import heeding_ctrl_c
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PYTEST = f"PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 {sys.executable} -m pytest"

TARGETS = [
    "setup",
    "lint",
    "proto-check",
    "test",
    "test-slow",
    "check-contracts",
    "check-deploy",
    "test-kafka",
]
NOT_DECISIVE = {"test-kafka"}
PARTS_OF_OTHERS = {"check", "test-integration"}
"""`make check` is three of the parts; all tests of `make test-integration` are in others."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with `.ci/` and nothing to run yet; tools of the machine are stand-ins."""
    (tmp_path / ".ci").mkdir()
    for name in ("run", "parts.py", "targets.py"):
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci")
    (tmp_path / "bin").mkdir()
    # What pyenv has of this name is a script, which wants more tools.
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    for name in ("make", "env", "bash", "dirname", "sh", "echo", "touch", "cat", "test"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or sys.executable)
    java = "echo 'openjdk version \"17.0.1\"' >&2"
    for name, says in {"npm": "", "mvn": "", "java": java, "chromium": ""}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def recipes(root: Path, **others: str) -> None:
    """Write a Makefile; every target but those that are given says that it has run, and ends."""
    given = {name.replace("_", "-"): recipe for name, recipe in others.items()}
    (root / "Makefile").write_text(
        "".join(
            f"{target}:\n\t@echo '{target} $(ARGS)' >> ran; {given.get(target, 'true')}\n"
            for target in TARGETS
        )
    )


def run(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / ".ci" / "run"],
        env={**os.environ, "PATH": str(root / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


def ran(root: Path) -> list[str]:
    return [line.partition(" ")[0] for line in (root / "ran").read_text().splitlines()]


def row(printed: str, part: str) -> list[str]:
    """The words of a line of the table."""
    table = printed[printed.index("\npart ") :].splitlines()
    (found,) = (line.split() for line in table if line.startswith(f"{part} "))
    return found


def test_everything_that_passes_is_a_row_of_the_table(root: Path) -> None:
    recipes(root, test="echo '===== 3 passed, 1 skipped in 2.50s ====='")
    done = run(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(ran(root)) == sorted(TARGETS)
    assert {row(done.stdout, target)[1] for target in TARGETS} == {"passed"}
    assert " ".join(row(done.stdout, "test")[4:]) == "3 passed, 1 skipped in 2.50s"
    assert row(done.stdout, "whole")[1] == "passed"
    assert "make test-simulation" in done.stdout


@pytest.mark.parametrize("target", [each for each in TARGETS if each not in NOT_DECISIVE])
def test_a_part_that_fails_fails_the_whole_and_all_others_run(target: str, root: Path) -> None:
    recipes(root, **{target: "echo no; false"})
    done = run(root)
    assert done.returncode == 1
    assert set(ran(root)) == set(TARGETS)
    assert {one for one in TARGETS if row(done.stdout, one)[1] == "FAILED"} == {target}
    assert row(done.stdout, "whole")[-1] == target
    assert f"{target} | no\n" in done.stdout


@pytest.mark.parametrize("target", sorted(NOT_DECISIVE))
def test_a_part_that_does_not_decide_yet_is_told(target: str, root: Path) -> None:
    recipes(root, **{target: "false"})
    done = run(root)
    assert done.returncode == 0
    assert set(ran(root)) == set(TARGETS)
    assert row(done.stdout, target)[1:3] == ["NOT", "GREEN"]
    assert f"Not green, and not yet decisive: {target}." in done.stdout


def test_what_passes_when_it_is_repeated_is_told_as_flaky(root: Path) -> None:
    recipes(root, test_slow="test -e again || { touch again; false; }")
    done = run(root)
    assert done.returncode == 0
    first, second = (
        line for line in (root / "ran").read_text().splitlines() if "test-slow " in line
    )
    assert "--last-failed" not in first
    assert second.startswith(f"{first} --last-failed ")
    assert "\ntest-slow        FLAKY" in done.stdout
    assert "Flaky, to be mended before the next change: test-slow." in done.stdout


def test_of_apache_kafka_only_what_is_about_it_alone_runs(root: Path) -> None:
    recipes(root, test_kafka="echo $(ARGS) >> given; test -e again || { touch again; false; }")
    run(root)
    given = (root / "given").read_text().splitlines()
    assert len(given) == 2
    assert all(" -m kafka" in arguments for arguments in given)


def test_a_failure_that_no_test_is_does_not_pass_by_repeating_no_test(root: Path) -> None:
    (root / "test_one.py").write_text("def test_one() -> None:\n    pass\n")
    recipes(root, test=f"{PYTEST} $(ARGS) && test ! -e ran")
    done = run(root)
    assert done.returncode == 1
    assert "FAILED" in row(done.stdout, "test")
    assert ran(root).count("test") == 2


@pytest.mark.parametrize(("tool", "part"), [("npm", "check-deploy"), ("mvn", "test-kafka")])
def test_what_the_machine_cannot_run_is_named(tool: str, part: str, root: Path) -> None:
    (root / "bin" / tool).unlink()
    recipes(root)
    done = run(root)
    assert done.returncode == 0
    assert part not in ran(root)
    assert row(done.stdout, part)[1:3] == ["left", "out"]
    assert f"{tool} is not on PATH: make {part}\n" in done.stdout


def test_kafka_wants_java_17(root: Path) -> None:
    (root / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    recipes(root)
    assert "java is 11, not 17 or later: make test-kafka" in run(root).stdout


HANGS = """
import pathlib, threading
def test_one() -> None:
    assert False
def test_two() -> None:
    pathlib.Path("hangs").touch()
    threading.Event().wait()
"""


def loaded(root: Path) -> ModuleType:
    """`.ci/parts.py` as a module, that runs things in a folder."""
    loader = importlib.machinery.SourceFileLoader("ci_parts", str(root / ".ci" / "parts.py"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    # What it imports lies beside it, and knows its folder by that.
    sys.modules.pop("targets", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / ".ci"))
        loader.exec_module(module)
    return module


def test_a_part_that_is_late_says_what_failed_so_far(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class WhenItHangs(threading.Timer):
        def run(self) -> None:
            if self.args == [signal.SIGINT]:
                wait_until((root / "hangs").exists)
                self.interval = 0
            super().run()

    (root / "test_both.py").write_text(HANGS)
    (root / "Makefile").write_text(f"test:\n\t{PYTEST} -p no:cacheprovider test_both.py\n")
    ci = loaded(root)
    monkeypatch.setattr(sys.modules["targets"], "Timer", WhenItHangs)
    with heeding_ctrl_c():
        row = ci.outcome(ci.Part("test", 5), time.monotonic() + 3600)
    assert row.result == "FAILED"
    assert row.said.startswith("not done after 5 minutes; 1 failed in ")
    assert "test | FAILED test_both.py::test_one" in capsys.readouterr().out


@pytest.mark.parametrize(("decides", "result"), [(True, "FAILED"), (False, "NOT GREEN")])
def test_a_part_for_which_no_time_is_left_does_not_begin(
    decides: bool, result: str, root: Path
) -> None:
    recipes(root)
    ci = loaded(root)
    row = ci.outcome(ci.Part("test", 5, decides=decides), time.monotonic())
    assert (row.result, row.said) == (result, "no time was left for it: make test")
    assert not (root / "ran").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_it_leaves_no_part_behind(number: signal.Signals, root: Path) -> None:
    recipes(root, lint="cat held")
    os.mkfifo(root / "held")
    environment = {**os.environ, "PATH": str(root / "bin")}
    with subprocess.Popen([root / ".ci" / "run"], env=environment) as running:
        # It can be opened as soon as the part reads it.
        held = os.open(root / "held", os.O_WRONLY)
        running.send_signal(number)
        assert running.wait() == 128 + number
    ended = select.poll()
    ended.register(held, select.POLLERR)
    assert ended.poll(10_000), "the part is still running"
    os.close(held)
    assert ran(root) == ["setup", "lint"]


WHILE_IT_STARTS = """
import os, signal, subprocess, sys
sys.path.insert(0, ".ci")
import parts

class Interrupted(subprocess.Popen):
    def __init__(self, argv, **options):
        super().__init__(argv, **options)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Interrupted
sys.exit(parts.main())
"""


def test_who_interrupts_it_while_a_part_starts_leaves_none_behind(root: Path) -> None:
    recipes(root, setup="cat held")
    os.mkfifo(root / "held")
    command = [str(root / "bin" / "python3"), "-c", WHILE_IT_STARTS]
    environment = {**os.environ, "PATH": str(root / "bin")}
    done = subprocess.run(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 128 + signal.SIGTERM
    group = int(done.stdout.splitlines()[0])
    wait_until(lambda: not runs(group))


def runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_no_target_that_tests_something_is_left_out_in_silence() -> None:
    ci = loaded(ROOT)
    phony = (ROOT / "Makefile").read_text().replace("\\\n", "").partition(".PHONY:")[2]
    targets = {
        name
        for name in phony.partition("\n")[0].split()
        if name.startswith(("test", "check", "fuzz", "bench", "lint", "proto-check", "setup"))
    }
    listed = [part for lane in (ci.FIRST, *ci.LANES) for part in lane]
    parts = {part.target for part in listed}
    never = {command.removeprefix("make ") for command in ci.NEVER}
    assert parts == set(TARGETS)
    assert targets == parts | never | PARTS_OF_OTHERS
    assert parts & never == {part.target for part in listed if part.only}
