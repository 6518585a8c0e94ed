"""Submissions: what units claim, who decided about it, and the events that tell the world.

Owns: one MongoDB database per institution (`kieng_submissions_<institution_id>`).
Consumes: nothing; asks the partners service over gRPC for units and partners.
Publishes: `kieng.submissions.v1`, keyed by work key, through the outbox in each document.
Serves: SubmissionService, ReviewService, ImportService, LogService.
"""
