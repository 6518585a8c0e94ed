"""An independent recompute of the view from the log, in SQL."""
