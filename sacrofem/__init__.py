"""sacrofem."""
