"""What is found out about a mesh, found once: half of the time of building a model went into finding its facets again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from sacrofem.mesh.facets import Facets, list_facets
from sacrofem.mesh.model import IntArray

_kept: dict[int, dict[str, Any]] = {}


def keep_for[Found](owner: object, name: str, find: Callable[[], Found]) -> Found:
    """What ``find`` finds, or found before under this name for the same object, which must not change; forgotten with it."""
    number = id(owner)
    if number not in _kept:
        _kept[number] = {}
        weakref.finalize(owner, _kept.pop, number)
    known = _kept[number]
    if name not in known:
        known[name] = find()
    found: Found = known[name]
    return found


def facets_of(cells: IntArray) -> Facets:
    """The facets of (m, 4) positive cells."""
    return keep_for(cells, "facets", lambda: list_facets(cells))
