"""Seconds and memory of meshing by stage, beside what Gmsh alone needs for the plain volumes."""
