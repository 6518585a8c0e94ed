"""Independent recomputation of a view from the log, in SQL. Needs the extra `oracle` (DuckDB)."""
