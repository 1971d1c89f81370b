"""Expands a study into cases, runs them on n ranks, resumes, and collects the comparison."""
