"""Blue/green rebuild: loads a second view beside the live one, checks it and swaps it in."""
