"""Backups: the archive's format, how one is written, and how it is restored."""
