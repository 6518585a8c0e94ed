"""Backups: the format of their files, how one is made, and how it is restored."""
