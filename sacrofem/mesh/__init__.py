"""sacrofem.mesh."""
