"""The live projection: partitions are leased, folded in batches and flushed."""
