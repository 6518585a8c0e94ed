"""The line of a long command says how fast it is and how long it will take."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from services.cli.terminal.progress import progress_bar


def line(rows: int, done: int, seconds: int) -> str:
    """What is shown when so many of the rows were done, evenly, in so many seconds."""
    console = Console(file=StringIO(), force_terminal=True, width=120, color_system=None)
    bar, now = progress_bar(console), 1000.0
    bar.get_time = lambda: now
    task = bar.add_task("publication.csv", total=rows)
    for _ in range(seconds):
        now += 1.0
        bar.advance(task, done / seconds)
    with console.capture() as said:
        console.print(bar.make_tasks_table(bar.tasks))
    return said.get()


def test_rows_a_second_and_the_time_that_remains_are_shown() -> None:
    shown = line(rows=50_000, done=12_000, seconds=60)
    assert "publication.csv" in shown
    assert "12000/50000" in shown
    assert "200/s" in shown
    assert "0:01:00" in shown
    assert "0:03:10" in shown  # 38,000 rows at 200 a second


def test_at_the_end_nothing_remains_and_the_whole_pace_is_shown() -> None:
    shown = line(rows=50_000, done=50_000, seconds=125)
    assert "50000/50000" in shown
    assert "0:02:05" in shown
    assert "0:00:00" in shown


def test_before_the_first_row_no_pace_is_guessed() -> None:
    shown = line(rows=50_000, done=0, seconds=0)
    assert "/s" not in shown
    assert "-:--:--" in shown


def test_without_a_terminal_nothing_is_written() -> None:
    file = StringIO()
    with progress_bar(Console(file=file)) as bar:
        bar.advance(bar.add_task("publication.csv", total=2))
    assert file.getvalue() == ""
