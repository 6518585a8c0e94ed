"""Real processes, a real broker and a real database, killed and frozen."""
