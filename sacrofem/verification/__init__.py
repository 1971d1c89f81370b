"""Checks that ship with the program: known answers, solved with the product's own forms, cut space, contact and solver."""
