"""From shapes to one conforming, named tetrahedral mesh (Gmsh and MMG)."""
