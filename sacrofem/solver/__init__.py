"""sacrofem.solver."""
