"""Reads files that users write: tables of submissions, bibliographies, catalogues."""
