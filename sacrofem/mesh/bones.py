"""Which regions of a mesh make up a bone."""

from __future__ import annotations

import numpy as np

from sacrofem.mesh.host import SOFT_REGIONS
from sacrofem.mesh.model import ModelMesh

_SIDES = ("right", "left")


def bone_regions(mesh: ModelMesh, bone: str) -> tuple[str, ...]:
    """Names of the host regions of a bone: ``sacrum``, ``hip_right`` or ``hip_left``."""
    hosts = {mesh.region_names[int(number)] for number in np.unique(mesh.host_regions)} - set(SOFT_REGIONS)
    sides = {name: name.rsplit("_", 1)[-1] for name in hosts}
    if bone == "sacrum":
        return tuple(sorted(name for name in hosts if sides[name] not in _SIDES))
    return tuple(sorted(name for name in hosts if sides[name] == bone.rsplit("_", 1)[-1]))
