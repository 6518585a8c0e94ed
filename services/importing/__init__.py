"""Reads the files that users import: tables, and exports of literature databases.

The command line and the portal share this package, so both read a file in the same way. No module
calls a service: each file becomes import requests, and every cell that cannot be read is reported
with its row and column.
"""
