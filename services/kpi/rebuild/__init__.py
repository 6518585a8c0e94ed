"""Blue/green rebuild: loads a second view while one is live, checks it and swaps it in."""
