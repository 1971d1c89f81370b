"""sacrofem.shapes."""
