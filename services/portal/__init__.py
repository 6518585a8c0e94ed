"""The portal: web pages for people, and HTTP with JSON for programs.

Owns nothing but an encrypted session cookie and has no rule of its own: each request passes the
caller's token on to the services, and what they refuse, a page explains.
"""
