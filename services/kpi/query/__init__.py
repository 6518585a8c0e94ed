"""The in-memory read side: the live view, and every answer that is made of it."""
