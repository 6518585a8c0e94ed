"""The requests by which events are tried."""

from services.importing.event_previews import MESSAGE_BYTES, MESSAGE_EVENTS, event_previews


def test_events_go_in_messages_that_are_small_enough_and_in_order() -> None:
    large = [bytes([number]) * (MESSAGE_BYTES // 2) for number in range(3)]
    many = [b"x"] * (MESSAGE_EVENTS + 1)
    head, *messages = event_previews(large, many, by_month=True)
    assert head.by_month
    assert not head.submitted
    assert not head.verified
    assert [len(each.submitted) for each in messages] == [2, 1, 0, 0]
    assert [len(each.verified) for each in messages] == [0, 0, MESSAGE_EVENTS, 1]
    assert [event for each in messages for event in each.submitted] == large


def test_an_event_beyond_the_limit_has_a_message_of_its_own() -> None:
    _, *messages = event_previews([b"a", b"b" * (MESSAGE_BYTES + 1), b"c"], [])
    assert [len(each.submitted) for each in messages] == [1, 1, 1]
