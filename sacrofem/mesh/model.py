"""The mesh that meshing hands to mechanics: plain arrays with named regions and surfaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


#: The surface of a hemisacrum where it is cut.
MIDPLANE = "midplane"


@dataclass(frozen=True)
class ModelMesh:
    """One conforming tetrahedral mesh that holds the volumes of all treatments of a study.

    Attributes:
        points: (n, 3) node coordinates, mm, frame G.
        cells: (m, 4) node numbers, positively oriented.
        regions: (m,) region number of each cell.
        region_names: region number -> name. Bone regions are ``body``, ``ala``, ``alar_void``; treatment
            regions are ``cement:<pattern name>`` and ``screw:<implant name>``.
        host_regions: (m,) the bone region number a cell has where its treatment is absent
            (equal to ``regions`` outside treatment volumes).
        surfaces: name -> (k, 3) node numbers of facets. ``cortex`` (all outer bone facets that carry a cortex),
            ``auricular_right``, ``auricular_left``, ``endplate`` and ``fracture:<fracture name>`` (interior, ordered
            so that its normal points from the medial side to the lateral). Names may overlap: an endplate facet is
            a cortex facet too.
        measures: name -> number, such as ``cement_ml:<pattern>`` (achieved volume), ``quality_min``.
        digest: sha256 of everything that went into the mesh.
    """

    points: FloatArray
    cells: IntArray
    regions: IntArray
    region_names: dict[int, str]
    host_regions: IntArray
    surfaces: dict[str, IntArray]
    measures: dict[str, float] = field(default_factory=dict)
    digest: str = ""

    def region_number(self, name: str) -> int:
        """Number of the region called ``name``; KeyError names the regions there are."""
        for number, known in self.region_names.items():
            if known == name:
                return number
        raise KeyError(f"no region {name!r}; the mesh has {sorted(self.region_names.values())}")

    @property
    def fractures(self) -> tuple[str, ...]:
        """Names of the fractures, ascending."""
        return tuple(sorted(name.removeprefix("fracture:") for name in self.surfaces if name.startswith("fracture:")))

    def volumes(self) -> FloatArray:
        """(m,) signed cell volumes, mm^3."""
        edges = self.points.T[:, self.cells[:, 1:]] - self.points.T[:, self.cells[:, :1]]
        (ux, vx, wx), (uy, vy, wy), (uz, vz, wz) = edges.transpose(0, 2, 1)
        volumes: FloatArray = ((uy * vz - uz * vy) * wx + (uz * vx - ux * vz) * wy + (ux * vy - uy * vx) * wz) / 6.0
        return volumes

    def save(self, path: Path) -> None:
        """Write the mesh to an ``.npz`` file (atomically: written beside, then renamed)."""
        names = sorted(self.surfaces)
        arrays: dict[str, Any] = {f"surface_{i}": self.surfaces[n] for i, n in enumerate(names)}
        partial = path.with_name(path.name + ".partial.npz")
        np.savez_compressed(
            partial,
            points=self.points,
            cells=self.cells,
            regions=self.regions,
            host_regions=self.host_regions,
            region_keys=np.array(list(self.region_names), dtype=np.int64),
            region_values=np.array(list(self.region_names.values()), dtype=np.str_),
            surface_names=np.array(names, dtype=np.str_),
            measure_names=np.array(list(self.measures), dtype=np.str_),
            measure_values=np.array(list(self.measures.values()), dtype=np.float64),
            digest=np.array(self.digest, dtype=np.str_),
            **arrays,
        )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> ModelMesh:
        """Read a mesh written by :meth:`save`."""
        with np.load(path, allow_pickle=False) as data:
            names = [str(n) for n in data["surface_names"]]
            return cls(
                points=data["points"],
                cells=data["cells"],
                regions=data["regions"],
                region_names={int(k): str(v) for k, v in zip(data["region_keys"], data["region_values"], strict=True)},
                host_regions=data["host_regions"],
                surfaces={n: data[f"surface_{i}"] for i, n in enumerate(names)},
                measures={str(k): float(v) for k, v in zip(data["measure_names"], data["measure_values"], strict=True)},
                digest=str(data["digest"]),
            )
