"""Subprocesses: what they say, what becomes of one that dies, and of one that does not end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.kernel.errors import Exhausted, Unavailable, WrongState
from services.kernel.front.charging import spent
from services.kpi import process
from services.kpi.config import Settings
from services.kpi.process import Child, ChildFailed, Message, run
from services.kpi.slot import OneAtATime

MODULE = "asked"
SERVED = """
from services.kernel.errors import WrongState
from services.kpi.process import serve

def work(settings, request, send):
    print("not a message")
    {body}

raise SystemExit(serve(work))
"""
ECHO = 'send({"zone": settings.time_zone, **request.fields}, *request.attached)'
FOR_EVER = "import threading; threading.Event().wait()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOR_EVER}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the module of a child is found."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def start(folder: Path, code: str, *attached: bytes) -> Child:
    (folder / f"{MODULE}.py").write_text(code)
    settings = Settings(time_zone="Asia/Tokyo")
    return Child(MODULE, settings, Message({"view_id": "g1"}, attached))


def served(folder: Path, body: str, *attached: bytes) -> Child:
    return start(folder, SERVED.format(body=body), *attached)


def test_a_child_reads_the_settings_of_its_parent_and_a_request_with_its_bytes(
    folder: Path,
) -> None:
    contents = (b"", b"{\n", bytes(range(256)) * 1000)
    child = served(folder, ECHO, *contents)
    said = list(child.messages())
    assert said == [Message({"zone": "Asia/Tokyo", "view_id": "g1"}, contents)]
    child.end()


def test_a_child_works_when_its_parent_does_not_want_the_processor(folder: Path) -> None:
    child = served(folder, 'import os; send({"nice": os.nice(0)})')
    assert child.result() == {"nice": max(os.nice(0), 10)}
    child.end()


BURN = "import time\n    while time.process_time() < 1.5: pass\n    "


def test_what_a_child_computes_is_charged_to_the_call_that_asked_for_it(folder: Path) -> None:
    (folder / f"{MODULE}.py").write_text(SERVED.format(body=f"{BURN}{ECHO}"))
    before = spent()
    settings = Settings(time_zone="Asia/Tokyo")
    list(run(MODULE, settings, Message({"view_id": "g1"}), lambda: True))
    assert spent() - before > 1.4


def test_what_a_child_has_used_is_unknown_once_it_has_crashed(folder: Path) -> None:
    child = start(folder, "raise SystemExit(3)")
    with pytest.raises(ChildFailed):
        child.result()
    assert child.cpu_seconds() == 0.0
    child.end()


def test_what_a_child_has_used_is_unknown_if_it_ends_while_that_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(path: Path, **_: object) -> str:
        raise ProcessLookupError

    child = served(folder, ECHO)
    child.result()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", vanish)
        assert child.cpu_seconds() == 0.0
    child.end()


def test_what_a_child_refuses_is_refused_with_its_reason(folder: Path) -> None:
    child = served(folder, 'raise WrongState("it is gone", reason="LOG_GONE")')
    with pytest.raises(WrongState, match="it is gone") as refused:
        child.result()
    assert refused.value.reason == "LOG_GONE"
    child.end()


def test_what_fails_in_a_child_is_said(folder: Path) -> None:
    child = served(folder, 'send({}); raise LookupError("no view")')
    with pytest.raises(ChildFailed, match=r"^LookupError: no view$"):
        child.result()
    child.end()


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('no JSON'); raise SystemExit(3)"])
def test_a_child_that_leaves_no_result_has_failed(folder: Path, code: str) -> None:
    child = start(folder, code)
    with pytest.raises(ChildFailed, match=f"^process {child.process.pid} ended with code 3$"):
        child.result()
    child.end()


def test_a_child_that_does_not_want_to_end_is_killed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.1)
    child = start(folder, STUBBORN)
    child.end()
    assert child.process.returncode == -signal.SIGKILL


def test_a_child_that_is_not_wanted_is_killed_however_silent(folder: Path) -> None:
    (folder / f"{MODULE}.py").write_text(SERVED.format(body=FOR_EVER))
    wanted = iter([True, True])
    said = list(run(MODULE, Settings(), Message({}), lambda: next(wanted, False)))
    assert said == []


def test_a_caller_is_told_that_a_child_died_and_may_repeat(folder: Path) -> None:
    (folder / f"{MODULE}.py").write_text("raise SystemExit(3)")
    with pytest.raises(Unavailable, match="repeat"):
        list(run(MODULE, Settings(), Message({}), lambda: True))


PARENT = f"""
from services.kpi.config import Settings
from services.kpi.process import Child, Message
child = Child("{MODULE}", Settings(), Message({{}}))
next(child.messages())
print(child.process.pid, flush=True)
{FOR_EVER}
"""


def test_a_child_ends_with_a_parent_that_is_killed(folder: Path) -> None:
    (folder / f"{MODULE}.py").write_text(SERVED.format(body=f"send({{}}); {FOR_EVER}"))
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    with open(descriptor, "rb", buffering=0):
        assert select.select([descriptor], [], [], 20)[0]


def test_a_child_that_is_stopped_while_it_ends_says_nothing_of_it(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # As a driver does that waits for its threads.
    child = served(folder, "import atexit, threading; atexit.register(threading.Event().wait)")
    assert list(child.messages()) == []
    child.process.terminate()
    assert child.process.wait(20) == -signal.SIGTERM
    child.end()
    assert "Traceback" not in capfd.readouterr().err


def test_one_is_admitted_at_a_time() -> None:
    one = OneAtATime("replay")
    with one.admitted():
        with pytest.raises(Exhausted, match="another replay runs in this process"), one.admitted():
            pass
        with pytest.raises(Exhausted) as refusal:
            one.need_free()
    assert refusal.value.retry_after_seconds > 0
    one.need_free()
    with one.admitted():
        pass
