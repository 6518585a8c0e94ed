"""What every number costs: `make bench`, docs/performance.md."""
