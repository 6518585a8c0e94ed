"""The topic name of the submissions log, for every module of this service that reads it."""

SUBMISSIONS = "kieng.submissions.v1"
