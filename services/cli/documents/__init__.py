"""Writes a report as a document that is sent or printed: HTML and PDF."""
