"""Metrics of the notifications service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

NOTIFICATIONS = Counter(
    "kieng_notifications_made", "Notifications put into inboxes, each once.", ["kind"]
)
RECORDS_SKIPPED = Counter(
    "kieng_notifications_records_skipped",
    "Records of an event type that causes no notification.",
    ["topic"],
)
MAILS = Counter(
    "kieng_notifications_mails",
    "Attempts to send, by outcome. For `failed` read the log and ask the mail server.",
    ["outcome"],
)
MAIL_SERVER_FAILURES = Counter(
    "kieng_notifications_mail_server_failures",
    "Connections that the mail server refused; mails wait, look at its address and password.",
)
WATCHERS = Gauge("kieng_notifications_watchers", "Callers who listen now.")
WATCHERS_LIMIT = Gauge("kieng_notifications_watchers_limit", "Most callers who may listen.")


for _outcome in ("sent", "postponed", "failed", "dropped"):
    MAILS.labels(_outcome)  # exported as 0, so that rates include the first mail
