"""The joint between the fifth lumbar vertebra and the sacrum, for constructs that reach that vertebra. N, mm, rad."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat

from sacrofem.catalogue.entry import Entry


class DiscJoint(Entry):
    """Stiffness of a lumbosacral segment (disc, facets, ligaments) about the centre of the S1 endplate.

    Attributes:
        compression: Along the endplate's normal, N/mm.
        anterior_shear: N/mm.
        lateral_shear: N/mm.
        flexion: Flexion and extension, N mm/rad.
        lateral_bending: N mm/rad.
        torsion: About the endplate's normal, N mm/rad.
    """

    kind: Literal["disc_joint"] = "disc_joint"
    compression: PositiveFloat
    anterior_shear: PositiveFloat
    lateral_shear: PositiveFloat
    flexion: PositiveFloat
    lateral_bending: PositiveFloat
    torsion: PositiveFloat
