import queue
from collections.abc import Iterator

from services.submissions.batching import groups, without_repeats
from services.submissions.store import GROUP_MAX


def test_a_full_stream_comes_in_full_groups_and_in_order() -> None:
    found = list(groups(range(GROUP_MAX * 2 + 5)))
    assert [number for group in found for number in group] == list(range(GROUP_MAX * 2 + 5))
    assert max(map(len, found)) == GROUP_MAX


def test_a_sender_that_waits_for_each_answer_gets_it() -> None:
    turn: queue.Queue[int] = queue.Queue()

    def stream() -> Iterator[int]:
        yield 0
        for number in (1, 2):
            turn.get(timeout=10)
            yield number

    answers = []
    for group in groups(stream()):
        answers.append(group)
        turn.put(1)
    assert answers == [[0], [1], [2]]


def test_what_came_whole_before_a_break_is_handled() -> None:
    def stream() -> Iterator[int]:
        yield 1
        raise RuntimeError("gone")

    assert list(groups(stream())) == [[1]]


def test_a_part_names_nothing_twice_and_order_holds() -> None:
    assert list(without_repeats("abacca", str)) == [["a", "b"], ["a", "c"], ["c", "a"]]
    assert list(without_repeats("", str)) == []
