"""The notifications service: notifies people of decisions, reached targets and proposals.

Owns the database ``kieng_notifications``: inboxes, subscriptions, and the ledger of e-mails.
Consumes ``kieng.submissions.v1``, ``kieng.kpi.v1`` and ``kieng.directory.v1`` in the consumer group
``kieng.notifications``.
Publishes NotificationDelivered on ``kieng.notifications.v1`` (key: notification id).
Serves NotificationService.
"""
