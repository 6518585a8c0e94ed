"""Readers of user files: spreadsheets of submissions, catalogues."""
