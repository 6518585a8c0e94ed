"""Writes a report as a file that is sent or printed: HTML and PDF, equal bytes for equal reports.

The command line and the portal lay reports out; both write them by this.
"""

from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
"""Folder of the fonts, which have all Vietnamese letters."""
