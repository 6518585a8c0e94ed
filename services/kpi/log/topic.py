"""Name of the topic of submission events, which every reader of the log in this service uses."""

SUBMISSIONS = "kieng.submissions.v1"
