"""The inbox has first what waits for its reader."""

from kieng.notifications.v1 import notification_pb2
from services.cli.commands.inbox import waits


def test_only_a_return_that_is_unread_waits() -> None:
    returned = notification_pb2.Notification(kind=notification_pb2.KIND_SUBMISSION_RETURNED)
    verified = notification_pb2.Notification(kind=notification_pb2.KIND_SUBMISSION_VERIFIED)
    assert (waits(returned), waits(verified)) == (True, False)
    assert sorted([verified, returned], key=waits, reverse=True) == [returned, verified]
    returned.read_at.seconds = 1
    assert not waits(returned)
