"""The live projection: leases partitions of the log, folds them in batches and stores the view."""
