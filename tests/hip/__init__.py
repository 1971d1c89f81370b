"""The parametric hip bone and pelvic ring, measured on the shape itself."""
