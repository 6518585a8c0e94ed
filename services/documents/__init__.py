"""Writes a report as an HTML or PDF file; the same report always gives the same bytes.

The command line and the portal each lay out their reports as a `Page`, and share these writers.
"""

from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
"""Folder of the fonts that are embedded in PDF files; they have all Vietnamese letters."""
