"""The checks of `kieng doctor`: each yields findings with a remedy."""
