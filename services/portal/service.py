"""The portal service.

Topics in and out: none. RPCs: none; it calls those of the others with the caller's own token.
"""

from __future__ import annotations

from typing import Any

from services.portal.application import application
from services.portal.server import OwnSettings, web


class Portal:
    """Serves the pages and HTTP/JSON."""

    name = "portal"

    settings = OwnSettings()

    @web
    def site(self) -> Any:
        """Return the ASGI application, which is served for as long as the process runs."""
        return application(self.settings)
