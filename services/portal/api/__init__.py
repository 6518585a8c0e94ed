"""HTTP with JSON for programs: the Connect protocol over the same contracts, and its OpenAPI."""
