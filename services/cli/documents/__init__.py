"""Writes a plot as a picture that is sent or printed: PNG and SVG."""
