"""The inbox has first what waits for its reader."""

import asyncio

import html5lib
import httpx

from kieng.notifications.v1 import notification_pb2, notification_service_pb2
from services.portal.calls import Refused
from tests.unit.portal.answered import Answers, Portal

Request = notification_service_pb2.ListNotificationsRequest
Response = notification_service_pb2.ListNotificationsResponse


def notification(name: str, kind: int, *, is_read: bool = False) -> notification_pb2.Notification:
    found = notification_pb2.Notification(notification_id=name, subject=name, kind=kind)  # type: ignore[arg-type]
    if is_read:
        found.read_at.seconds = 1
    return found


def listed(request: Request) -> Response:
    """An inbox whose oldest notification is a return that nobody has read."""
    verified = notification_pb2.KIND_SUBMISSION_VERIFIED
    newest = [notification(f"verified-{n}", verified) for n in range(60)]
    returned = notification("returned", notification_pb2.KIND_SUBMISSION_RETURNED)
    return Response(notifications=[*newest, returned][: request.page_size], unread=61)


def test_notices_are_asked_for_in_the_language_of_the_page() -> None:
    for lang, number in (("vi", 1), ("en", 2)):
        answers = Answers(ListNotifications=listed)
        asyncio.run(Portal(answers, "contributor").get("/inbox", lang=lang))
        asked = [each.language for each in answers.asked if isinstance(each, Request)]
        assert asked == [number, number]


def test_an_old_return_that_is_unread_comes_before_what_is_newer() -> None:
    page = asyncio.run(Portal(Answers(ListNotifications=listed), "contributor").get("/inbox"))
    text = page.text
    assert text.index("<strong>returned") < text.index("<strong>verified-0")
    assert text.count("<strong>returned") == 1


def subscribing(refusal: Refused) -> httpx.Response:
    """The answer to a subscription that is refused."""

    def refuse(request: notification_service_pb2.SetSubscriptionRequest) -> None:
        raise refusal

    portal = Portal(Answers(SetSubscription=refuse), "contributor")
    csrf = portal.site.sessions.seal("form", {"holder": portal.session.holder})
    form = {
        "csrf": csrf,
        "email": "an@vnu",
        "kind": ["submission_returned"],
        "language": "en",
        "units": "a/x b",
    }

    async def sent() -> httpx.Response:
        async with portal.client() as client:
            return await client.post("/subscription", data=form)

    return asyncio.run(sent())


def test_a_refused_subscription_is_shown_as_it_was_filled_in() -> None:
    wrong = {"subscription.email": "<not an address>"}
    page = subscribing(Refused("INVALID_ARGUMENT", "wrong", fields=wrong))
    html5lib.HTMLParser(strict=True).parse(page.text)
    assert page.status_code == 400
    assert "&lt;not an address&gt;</p>" in page.text
    for kept in (
        'value="an@vnu"',
        'value="submission_returned" checked',
        'value="en" lang="en" selected',
        ">a/x\nb</textarea>",
    ):
        assert kept in page.text
    assert 'name="code"' not in page.text


def test_a_subscription_that_is_refused_for_another_reason_is_an_error() -> None:
    assert subscribing(Refused("PERMISSION_DENIED", "not yours")).status_code == 403
