"""How iterations and time grow: with ranks, mesh size, contrast of moduli, stiffness of the fracture, Poisson's ratio."""
