"""The inbox of the signed-in user, and their subscription to e-mails."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from kieng.notifications.v1 import notification_pb2, notification_service_pb2
from services.portal.calls import Refused
from services.portal.site import Page

NOTIFICATIONS = notification_service_pb2.DESCRIPTOR.services_by_name[
    "NotificationService"
].methods_by_name
PAGE_SIZE = 50
LOOKED_MAX = 500
"""Newest unread notifications among which those that wait are looked for."""
KINDS = {
    name.removeprefix("KIND_").lower(): number
    for name, number in notification_pb2.Kind.items()
    if number and number != notification_pb2.KIND_EMAIL_CONFIRMATION
}
LANGUAGES = {"vi": notification_pb2.LANGUAGE_VI, "en": notification_pb2.LANGUAGE_EN}


async def inbox(page: Page) -> Response:
    """Answer `/inbox`: one page of the user's notifications; with `unread=1`, of unread ones only.

    Raises:
        Refused: the caller may not read notifications.
    """
    request = notification_service_pb2.ListNotificationsRequest(
        unread_only=page.query.get("unread") == "1",
        page_size=PAGE_SIZE,
        page_token=page.query.get("page", ""),
        language=LANGUAGES[page.lang],
    )
    answer = await page.call(NOTIFICATIONS["ListNotifications"], request)
    waiting = [] if request.page_token else await waiting_for(page)
    shown_first = {each.notification_id for each in waiting}
    others = [each for each in answer.notifications if each.notification_id not in shown_first]
    return page.html(
        "inbox.html",
        waiting=waiting,
        notifications=others,
        unread=answer.unread,
        next_page=answer.next_page_token,
        kind_of=kind_of,
        link_of=link_of,
    )


async def waiting_for(page: Page) -> list[notification_pb2.Notification]:
    """Return the unread notifications of returned submissions, newest first.

    The user is expected to submit a new version of each. Only the newest unread notifications are
    searched, see `LOOKED_MAX`.

    Raises:
        Refused: the caller may not read notifications.
    """
    request = notification_service_pb2.ListNotificationsRequest(
        unread_only=True, page_size=LOOKED_MAX, language=LANGUAGES[page.lang]
    )
    answer = await page.call(NOTIFICATIONS["ListNotifications"], request)
    returned = notification_pb2.KIND_SUBMISSION_RETURNED
    return [each for each in answer.notifications if each.kind == returned]


async def mark_read(page: Page, given: FormData) -> Response:
    """Mark the notifications that the form lists as read, and go back to the inbox.

    Of more than 500, the first 500 are marked.

    Raises:
        Refused: the service refused.
    """
    ids = [str(each) for each in given.getlist("id")][:500]
    request = notification_service_pb2.MarkReadRequest(notification_ids=ids)
    await page.call(NOTIFICATIONS["MarkRead"], request)
    return RedirectResponse(page.href("/inbox"), 303)


async def subscription(page: Page) -> Response:
    """Answer `/subscription`: the form in which users choose what they get by e-mail.

    Raises:
        Refused: the caller may not read their subscription.
    """
    request = notification_service_pb2.GetSubscriptionRequest()
    answer = await page.call(NOTIFICATIONS["GetSubscription"], request)
    return _form(page, answer.subscription)


def _form(page: Page, shown: notification_pb2.Subscription, problem: str = "") -> Response:
    return page.html(
        "subscription.html",
        400 if problem else 200,
        subscription=shown,
        kinds=KINDS,
        is_english=shown.language == notification_pb2.LANGUAGE_EN,
        done="" if problem else page.query.get("done", ""),
        problem=problem,
    )


async def subscribe(page: Page, given: FormData) -> Response:
    """Replace the user's subscription or, if the form has a `code`, confirm its e-mail address.

    Then redirect to the form, or show it as it was filled in if a field is wrong. Kinds of e-mails
    that do not exist are ignored.

    Raises:
        Refused: the service refused for another reason, or refused the code.
    """
    if code := str(given.get("code", "")).strip():
        confirming = notification_service_pb2.ConfirmEmailRequest(code=code)
        await page.call(NOTIFICATIONS["ConfirmEmail"], confirming)
        return RedirectResponse(page.href("/subscription", done="confirmed"), 303)
    wanted = notification_pb2.Subscription(
        email_kinds=[KINDS[str(each)] for each in given.getlist("kind") if str(each) in KINDS],
        email=str(given.get("email", "")).strip(),
        language=LANGUAGES.get(str(given.get("language")), LANGUAGES["vi"]),
        target_unit_ids=str(given.get("units", "")).split(),
    )
    request = notification_service_pb2.SetSubscriptionRequest(subscription=wanted)
    try:
        await page.call(NOTIFICATIONS["SetSubscription"], request)
    except Refused as refused:
        if not refused.fields:
            raise
        return _form(page, wanted, "; ".join(map(page.said, refused.fields.values())))
    return RedirectResponse(page.href("/subscription", done="kept"), 303)


def kind_of(notification: notification_pb2.Notification) -> str:
    """Return the key of the text for the kind of a notification.

    For example, `KIND_TARGET_REACHED` gives `target_reached`.
    """
    return notification_pb2.Kind.Name(notification.kind).removeprefix("KIND_").lower()


def link_of(notification: notification_pb2.Notification) -> str:
    """Return the path of the page that a notification is about, e.g. `/submissions/ID`.

    That is a submission, the unit of a target, or the subscription; empty for anything else.
    """
    kind, _, name = notification.about.partition(":")
    if kind == "submission":
        return f"/submissions/{name}"
    if kind == "target" and name.count(":") == 2:
        return f"/units/{name.partition(':')[0]}"
    return "/subscription" if kind == "subscription" else ""
