"""The submissions service: accepts the claims of units, records their review, publishes events.

Owns: one MongoDB database per institution (`kieng_submissions_<institution_id>`).
Consumes: nothing. Calls the partners service over gRPC to look up units and partners.
Publishes: `kieng.submissions.v1`, keyed by work key, through the outbox in each document.
Serves: SubmissionService, ReviewService, ImportService, LogService.
"""
