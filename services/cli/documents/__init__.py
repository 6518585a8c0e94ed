"""Writes a report or a plot as a file that is sent or printed: HTML and PDF, PNG and SVG."""

from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
"""Folder of the fonts, which have all Vietnamese letters."""
