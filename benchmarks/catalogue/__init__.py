"""What became of every entry of the catalogue in a mesh, from the slow tests that make it."""
