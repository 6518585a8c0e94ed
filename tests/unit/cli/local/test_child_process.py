"""Children are started, waited for, missed when they die, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.cli.local.child_process import Child, ChildFailed, ChildGroup

DEADLINE_SECONDS = 10.0


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Makes children that run a piece of Python; what still runs at the end is killed."""
    children: list[Child] = []

    def make(code: str, name: str = "child", env: dict[str, str] | None = None) -> Child:
        argv = (sys.executable, "-u", "-c", textwrap.dedent(code))
        children.append(Child(name, argv, env, tmp_path / "logs" / f"{name}.log"))
        return children[-1]

    yield make
    for child in children:
        child.kill()


def logged(child: Child, word: str) -> Callable[[], str]:
    return lambda: "" if word in child.tail() else f"no {word} yet"


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


WAITS = "import signal; print('up'); signal.pause()"
IGNORES_SIGTERM = """
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("up")
    while True:
        signal.pause()
"""


def test_a_ready_child_runs_until_it_is_stopped(python: Callable[..., Child]) -> None:
    child = python(WAITS)
    child.start()
    child.wait_until_ready(logged(child, "up"), DEADLINE_SECONDS)
    assert is_alive(child.pid)
    assert child.death() is None
    assert child.stop() == -signal.SIGTERM
    assert not is_alive(child.pid)


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(
    python: Callable[..., Child],
) -> None:
    child = python(IGNORES_SIGTERM)
    child.start()
    child.wait_until_ready(logged(child, "up"), DEADLINE_SECONDS)
    assert child.stop(grace_seconds=0.1) == -signal.SIGKILL


def test_a_child_that_dies_while_starting_is_reported_with_its_last_words(
    python: Callable[..., Child],
) -> None:
    child = python("import sys; print('no disk left'); sys.exit(3)", name="database")
    child.start()
    with pytest.raises(ChildFailed, match=r"(?s)database ended with code 3.*no disk left"):
        child.wait_until_ready(lambda: "never", DEADLINE_SECONDS)


def test_a_child_that_is_not_ready_in_time_is_reported_with_the_reason(
    python: Callable[..., Child],
) -> None:
    child = python(WAITS)
    child.start()
    with pytest.raises(ChildFailed, match=r"child is not ready after 0\.1 s: no port"):
        child.wait_until_ready(lambda: "no port", 0.1)


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    child = Child("broker", ("no-such-program",), None, tmp_path / "log")
    child.start()
    with pytest.raises(ChildFailed, match="cannot run no-such-program: No such file"):
        child.wait_until_ready(lambda: "never", DEADLINE_SECONDS)


def test_the_environment_is_replaced_when_one_is_given(python: Callable[..., Child]) -> None:
    child = python("import os; print(sorted(os.environ))", env={"KIENG_ONLY": "1"})
    child.start()
    assert eventually(lambda: child.poll() is not None)
    assert "KIENG_ONLY" in child.tail()
    assert "'HOME'" not in child.tail()


def test_a_stopped_child_starts_again_and_appends_to_its_log(python: Callable[..., Child]) -> None:
    child = python("print('hello')")
    for _ in range(2):
        child.start()
        assert eventually(lambda: child.poll() is not None)
    assert child.tail().split() == ["hello", "hello"]


def test_a_running_child_is_not_started_twice(python: Callable[..., Child]) -> None:
    child = python(WAITS)
    child.start()
    with pytest.raises(RuntimeError, match="runs already"):
        child.start()


def test_the_tail_is_the_last_lines(python: Callable[..., Child]) -> None:
    child = python("print(*range(50_000), sep='\\n')")
    child.start()
    assert eventually(lambda: child.poll() is not None)
    assert child.tail(lines=2) == "49998\n49999"


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import signal, sys
        from pathlib import Path
        from services.cli.local.child_process import Child
        argv = (sys.executable, "-u", "-c", {WAITS!r})
        child = Child("child", argv, None, Path({str(tmp_path / "log")!r}))
        child.start()
        child.wait_until_ready(lambda: "" if "up" in child.tail() else "not up", 10)
        print(child.pid, flush=True)
        signal.pause()
    """)
    root = Path(__file__).parents[4]
    argv = (sys.executable, "-c", parent)
    with subprocess.Popen(argv, cwd=root, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        assert is_alive(pid)
        running.kill()
    assert eventually(lambda: not is_alive(pid))


def test_stopping_ends_what_a_child_started(python: Callable[..., Child]) -> None:
    child = python("""
        import subprocess, sys
        grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        print("grandchild", grandchild.pid)
        grandchild.wait()
    """)
    child.start()
    child.wait_until_ready(logged(child, "grandchild"), DEADLINE_SECONDS)
    grandchild = int(child.tail().split()[1])
    child.stop()
    assert eventually(lambda: not is_alive(grandchild))


def test_a_supervisor_tells_who_died_and_stops_the_others(python: Callable[..., Child]) -> None:
    first, second = python(WAITS, name="first"), python(WAITS, name="second")
    with ChildGroup() as supervisor:
        for child in (first, second):
            supervisor.start(child, logged(child, "up"), DEADLINE_SECONDS)
        assert supervisor.deaths() == []
        os.kill(second.pid, signal.SIGKILL)
        (death,) = supervisor.watch(threading.Event())
        assert (death.name, death.returncode) == ("second", -signal.SIGKILL)
        assert is_alive(first.pid)
    assert not is_alive(first.pid)


def test_a_supervisor_told_to_stop_reports_nobody(python: Callable[..., Child]) -> None:
    told_to_stop = threading.Event()
    told_to_stop.set()
    child = python(WAITS)
    with ChildGroup() as supervisor:
        supervisor.start(child, logged(child, "up"), DEADLINE_SECONDS)
        assert supervisor.watch(told_to_stop) == []


def test_a_supervisor_stops_the_last_started_first(
    python: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(Child, "stop", lambda self, grace_seconds: stopped.append(self.name))
    with ChildGroup() as supervisor:
        for name in ("broker", "database", "service"):
            supervisor.start(python(WAITS, name=name), lambda: "", DEADLINE_SECONDS)
    assert stopped == ["service", "database", "broker"]
