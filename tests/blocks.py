"""The small model meshes of the tests; they ship with the program, for ``sacrofem verify``."""

from __future__ import annotations

from sacrofem.verification.blocks import block

__all__ = ["block"]
