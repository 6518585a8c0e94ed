"""Writes a plot as a picture file, to be sent or printed: PNG and SVG."""
