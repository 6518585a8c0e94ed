"""A log that once was, and the digest it must always lead to."""
