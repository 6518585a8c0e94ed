"""The blue/green rebuild: another view is loaded beside the live one, checked, and swapped in."""
