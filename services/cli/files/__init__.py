"""Reads and writes files of the command line: catalogues, decisions, templates, exports."""
