"""How often a dying process is started again."""

from __future__ import annotations

import pytest

from services.cli.keeper import RESTARTS_SECONDS, RestartPolicy, Task


def test_pauses_grow_and_end() -> None:
    policy = RestartPolicy()
    assert [policy.pause(float(now)) for now in range(6)] == [1.0, 2.0, 4.0, 8.0, 16.0, None]


def test_old_deaths_are_forgotten() -> None:
    policy = RestartPolicy()
    for now in range(5):
        policy.pause(float(now))
    assert policy.pause(RESTARTS_SECONDS + 10) == 1.0


def test_the_error_of_a_task_comes_back_to_the_one_who_waits() -> None:
    def fail() -> None:
        raise ValueError("of the task")

    task = Task(fail)
    task.start()
    task.join()
    with pytest.raises(ValueError, match="of the task"):
        task.is_done()
