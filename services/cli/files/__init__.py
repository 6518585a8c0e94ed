"""Reads and writes files for commands: catalogues, decisions, exports."""
