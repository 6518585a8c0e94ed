"""Page tokens of list calls: opaque, and valid only for the query that returned them."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from services.kernel.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes and reads the page tokens of one query.

    Args:
        query: everything that determines what is listed, including the caller, as JSON values.
    """

    query: Any

    @property
    def _digest(self) -> str:
        # Hashed, so that a token reveals nothing of the query.
        text = json.dumps(self.query, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def token(self, last: str) -> str:
        """Return the page token with which a caller continues after a row.

        Args:
            last: sort key of that row, i.e. of the last row of the page that is being returned.
        """
        return base64.urlsafe_b64encode(f"{self._digest}/{last}".encode()).decode()

    def after(self, token: str) -> str:
        """Return the sort key after which a page starts, as given to `token`.

        An empty token means the first page; the sort key is then empty too.

        Raises:
            InvalidArgument: the text is not a token, or is one of another query. The caller's
                fault.
        """
        if not token:
            return ""
        try:
            given, _, last = base64.urlsafe_b64decode(token).decode().partition("/")
        except ValueError:
            given, last = "", ""
        if given != self._digest:
            text = "is of another query; begin again without it"
            raise InvalidArgument(f"page_token: {text}", fields={"page_token": text})
        return last
