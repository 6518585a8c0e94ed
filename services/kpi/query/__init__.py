"""The in-memory read side: the live view and the answers computed from it."""
