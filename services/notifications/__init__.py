"""notifications: notifies people of decisions on their submissions and of reached targets.

Owns the database ``kieng_notifications``: inboxes, subscriptions, and the ledger of e-mails.
Consumes ``kieng.submissions.v1`` and ``kieng.kpi.v1`` in the group ``kieng.notifications``.
Publishes NotificationDelivered on ``kieng.notifications.v1`` (key: notification id).
Serves kieng.notifications.v1.NotificationService.
"""
