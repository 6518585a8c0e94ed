"""The portal: web pages for people, and HTTP with JSON for programs.

It stores nothing but an encrypted session cookie in the browser, and has no rules of its own: each
request passes the caller's token on to the services, and pages explain what these refuse.
"""
