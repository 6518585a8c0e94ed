"""What operators administer: topics and access rights, database schemas, the log, settings."""
