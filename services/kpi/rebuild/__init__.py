"""The blue/green rebuild: a second view is loaded beside the live one, checked and swapped in."""
