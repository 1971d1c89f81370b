"""Shapes of a hip bone: iliac plate, socket, ischium and pubis, and the joints they take part in."""
