"""sacrofem.mechanics."""
