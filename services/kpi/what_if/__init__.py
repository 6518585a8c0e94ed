"""What another catalogue would change, computed in a subprocess without storing anything."""
