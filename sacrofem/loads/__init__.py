"""What acts on a pelvis: load cases, muscles, static optimisation; without a mesh."""
