"""Services that are forked behave, are watched and end like those that start by themselves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.cli.admin.probes import http_probe
from services.cli.admin.processes import usage_of
from services.cli.local.child_process import Child, ChildFailed, Start
from services.cli.local.nursery import Nursery
from services.cli.local.ports import free_ports
from tests.waiting import wait_until

READY_SECONDS = 60.0
ROOT = Path(__file__).parents[4]
SERVICE = "portal"
"""The service that needs neither broker nor database to start."""


def environment(**more: str) -> dict[str, str]:
    web, http = free_ports(2)
    ports = {"KIENG_GRPC_PORT": "0", "KIENG_WEB_PORT": str(web), "KIENG_HTTP_PORT": str(http)}
    return {**os.environ, "KIENG_HOST": "127.0.0.1", **ports, **more}


ANEW = {"KIENG_TESTED": "anew"}
"""A variable that this process does not have, so that the nursery is not a fork of it."""


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    log = tmp_path_factory.mktemp("nursery") / "log"
    with Nursery({**os.environ, **ANEW}, log) as started:
        yield started


def by_a_command(tmp_path: Path, *lines: str) -> list[str]:
    """Run lines of Python as a command does whose nursery is a fork of it; `nursery` is that one.

    Returns:
        The words that they print.
    """
    log = str(tmp_path / "log")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from services.cli.commands import up\n"
        "from services.cli.local import supervisor\n"
        "from services.cli.local.nursery import Nursery\n"
        "supervisor.interrupt_on_signals()\n"
        f"log, lock = Path({log!r}), open({str(tmp_path / 'lock')!r}, 'w')\n"
        "with Nursery(dict(os.environ), log) as nursery:\n"
        + textwrap.indent("\n".join(lines), "    ")
    )
    return subprocess.check_output(
        (sys.executable, "-c", program), cwd=ROOT, env=environment(), text=True
    ).split()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Makes services that are not started yet; what still runs at the end is killed."""
    made: list[Child] = []

    def make(name: str = SERVICE, **more: str) -> Child:
        argv = (sys.executable, "-m", "services.kernel.runner", name)
        made.append(Child(name, argv, environment(**more), tmp_path / f"{len(made)}.log"))
        return made[-1]

    yield make
    for child in made:
        child.kill()


def start(child: Child, how: Start | None) -> str:
    """Start it and return the address of its metrics when it answers."""
    assert child.env is not None
    address = f"127.0.0.1:{child.env['KIENG_HTTP_PORT']}"
    child.start(how)
    child.wait_until_ready(http_probe(address, "/healthz"), READY_SECONDS)
    return address


def ended(child: Child) -> int | None:
    assert child._wait(READY_SECONDS), child.tail()
    return child.poll()


def families(address: str) -> set[str]:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as page:
        return set(re.findall(r"^# TYPE (\S+)", page.read().decode(), re.MULTILINE))


def test_a_fork_is_a_child_of_ours_in_a_session_of_its_own_and_drains_on_sigterm(
    nursery: Nursery, service: Callable[..., Child]
) -> None:
    child = service()
    start(child, nursery.fork)
    parent = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[1]
    assert int(parent) == os.getpid()
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
    assert Path(f"/proc/{child.pid}/comm").read_text().strip() == SERVICE
    assert child.death() is None
    assert child.stop(READY_SECONDS) == 0
    assert '"event": "stopped"' in child.tail()


def test_a_fork_shows_the_metrics_of_a_service_that_starts_by_itself(
    nursery: Nursery, service: Callable[..., Child]
) -> None:
    # Another service before it, whose metrics must not be among them.
    other = service("submissions", KIENG_GRPC_PORT="many")
    other.start(nursery.fork)
    assert ended(other) == 2
    forked, alone = (start(service(), how) for how in (nursery.fork, None))
    assert families(forked) == families(alone)


def test_services_of_a_command_keep_nothing_of_it_drain_and_end_with_their_own_code(
    tmp_path: Path,
) -> None:
    said = by_a_command(
        tmp_path,
        "from services.cli.admin.probes import http_probe",
        "from tests.waiting import wait_until",
        "fork = nursery.fork(('portal',), dict(os.environ), log)",
        # `realpath` of a file that the fork closes meanwhile is its number.
        "held = [os.path.realpath(each) for each in Path(f'/proc/{fork.pid}/fd').iterdir()]",
        "print(any(name.endswith('lock') for name in held))",
        "lines = [Path(f'/proc/{pid}/cmdline').read_bytes() for pid in ('self', nursery.pid)]",
        "print(lines[0] == lines[1])",
        "wrong = nursery.fork(('nobody',), dict(os.environ), log)",
        "print(wrong.wait())",
        "probe = http_probe('127.0.0.1:' + os.environ['KIENG_HTTP_PORT'], '/healthz')",
        "wait_until(lambda: not probe(), 60, 'it answers')",
        "os.kill(fork.pid, signal.SIGTERM)",
        "print(fork.wait())",
    )
    assert said == ["False", "True", "1", "0"]
    assert "No module named 'services.nobody'" in (tmp_path / "log").read_text()


UNFORKABLE = {
    "thread": "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "metrics": "import services.portal.metrics",
    "key": "os.environ['KIENG_EDITION_KEY'] = 'secret'",
}
"""What a process has done of which no service must be a fork."""


def test_a_process_that_services_must_not_be_forks_of_is_not_forked() -> None:
    asked = (
        "import os, threading\n"
        "from services.cli.commands import up\n"
        "from services.cli.local import nursery\n"
        "from services.cli.local.service_environment import inherited\n"
        f"for name, line in {UNFORKABLE!r}.items():\n"
        # Each in a process of its own, as none can be undone.
        "    if not (child := os.fork()):\n"
        "        before = nursery._can_fork_here(inherited())\n"
        "        exec(line)\n"
        "        print(name, before, nursery._can_fork_here(inherited()), flush=True)\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
    )
    argv = (sys.executable, "-c", asked)
    said = subprocess.check_output(argv, cwd=ROOT, text=True).splitlines()
    assert said == [f"{name} True False" for name in UNFORKABLE]


def test_a_fork_that_is_killed_is_missed_and_starts_again_by_itself(
    nursery: Nursery, service: Callable[..., Child]
) -> None:
    child = service()
    start(child, nursery.fork)
    first = child.pid
    os.kill(first, signal.SIGKILL)
    assert ended(child) == -signal.SIGKILL
    start(child, None)
    assert child.pid != first


@pytest.mark.parametrize(
    ("name", "more", "code", "said"),
    [
        ("notifications", {"KIENG_GRPC_PORT": "many"}, 2, "KIENG_GRPC_PORT"),
        ("nobody", {}, 1, "No module named 'services.nobody'"),
    ],
    ids=["setting", "name"],
)
def test_a_fork_that_cannot_start_ends_with_the_code_and_the_words_of_the_service(
    name: str,
    more: dict[str, str],
    code: int,
    said: str,
    nursery: Nursery,
    service: Callable[..., Child],
) -> None:
    child = service(name, **more)
    child.start(nursery.fork)
    assert ended(child) == code
    assert said in child.tail()


def test_a_log_that_cannot_be_written_is_told_before_anything_is_forked(
    nursery: Nursery, service: Callable[..., Child]
) -> None:
    child = service()
    child.log_path.mkdir()
    with pytest.raises(IsADirectoryError, match=str(child.log_path)):
        child.start(nursery.fork)


def test_exit_codes_are_read_where_the_signal_of_children_was_ignored(
    tmp_path: Path, service: Callable[..., Child]
) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with Nursery({**os.environ, **ANEW}, tmp_path / "log") as nursery:
            for child in (service(KIENG_GRPC_PORT="many"), service(KIENG_GRPC_PORT="many")):
                child.start(nursery.fork)
                assert ended(child) == 2
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_fork_outlives_the_nursery_and_is_stopped_as_any_child(
    tmp_path: Path, service: Callable[..., Child]
) -> None:
    child = service()
    with Nursery({**os.environ, **ANEW}, tmp_path / "log") as nursery:
        start(child, nursery.fork)
        # However it ends.
        os.kill(nursery.pid, signal.SIGKILL)
    assert child.death() is None
    child.kill()
    assert child.poll() == -signal.SIGKILL


def test_a_nursery_that_has_died_is_reported_with_its_last_words(
    tmp_path: Path, service: Callable[..., Child]
) -> None:
    log = tmp_path / "log"
    with (
        Nursery({**os.environ, "PYTHONHOME": "/nowhere"}, log) as nursery,
        pytest.raises(ChildFailed, match=r"(?s)portal cannot be forked: .*encodings"),
    ):
        service().start(nursery.fork)


def test_a_nursery_with_threads_forks_nothing(
    tmp_path: Path, service: Callable[..., Child]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import threading, sys\n"
        "if 'nursery' in ' '.join(sys.orig_argv):\n"
        "    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    with (
        Nursery({**os.environ, "PYTHONPATH": path}, tmp_path / "log") as nursery,
        pytest.raises(ChildFailed, match="2 threads after the imports: not safe to fork"),
    ):
        service().start(nursery.fork)


def test_a_fork_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        from services.cli.local.nursery import Nursery
        with Nursery(dict(os.environ), Path({str(tmp_path / "log")!r})) as nursery:
            fork = nursery.fork(({SERVICE!r},), dict(os.environ), Path({str(tmp_path / "log")!r}))
            print(nursery.pid, fork.pid, flush=True)
            signal.pause()
    """)
    argv = (sys.executable, "-c", parent)
    env = environment()
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pids = [int(word) for word in running.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(usage_of, pids))
        running.kill()
    wait_until(lambda: not any(map(usage_of, pids)), what="nursery and fork have ended")
