"""What-if: the numbers under another catalogue, computed in a subprocess and not stored."""
