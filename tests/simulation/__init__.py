"""The real fold and flush over a simulated log, database and scheduler."""
