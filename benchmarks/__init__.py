"""How long meshing and solving take, and what that compares with."""
