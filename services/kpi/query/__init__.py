"""The read side in memory: the live view, and the answers that are computed from it."""
