"""sacrofem.report."""
