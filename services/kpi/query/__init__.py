"""The read side: the live view in memory, and the answers that are computed from it."""
