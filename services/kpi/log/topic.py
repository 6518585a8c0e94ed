"""The name of the submissions log, for everything in this service that reads or writes it."""

SUBMISSIONS = "kieng.submissions.v1"
