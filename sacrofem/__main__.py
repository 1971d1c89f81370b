"""Lets ``python -m sacrofem`` be the command line."""

from sacrofem.cli import main

main()
