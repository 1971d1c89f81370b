"""From a displacement to figures that can be compared: fracture motion, bone strain, stiffness, tables and files."""
