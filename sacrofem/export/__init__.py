"""Writes a case for other codes (CalculiX and Abaqus, FEBio), so that they can be asked for the same figures."""
