"""An independent recompute of a view from the log, in SQL. Needs the extra `oracle` (DuckDB)."""
