"""The `kieng` command, and the parts of a local installation that it starts."""
