"""Reads the files that are imported: tables, and exports of literature databases.

The command line and the portal read the same files, so both use these rules. Nothing here calls a
service: what a file holds becomes import requests, and what cannot be read is named cell by cell.
"""
