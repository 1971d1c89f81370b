"""The kinds of entry a catalogue holds, as pydantic models. Lengths mm, forces N, moduli MPa, BMD mg/cm^3."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, ValidationInfo, field_validator, model_validator

from sacrofem.catalogue.cement import CementPattern, CementVolume
from sacrofem.catalogue.entry import Entry, Part, Point, UnitFraction
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.hip import Hip
from sacrofem.catalogue.implant import Implant
from sacrofem.catalogue.variation import FrameTurns, Variation

__all__ = [
    "Anatomy",
    "BmdLevel",
    "CementPattern",
    "CementVolume",
    "DensityLaw",
    "Entry",
    "Extent",
    "Fracture",
    "Implant",
    "Interface",
    "Load",
    "Material",
    "MeshSettings",
    "Point",
    "Section",
    "Study",
    "Support",
    "Treatment",
]


class Section(Part):
    """One section across the sacrum, normal to its pelvic surface; the right half of a symmetric bone.

    Attributes:
        level: 0 at the promontory, 1 at S1-S2, 2 at S2-S3, 3 at S3-S4, 4 at S4-S5, 5 at the apex; between, a fraction.
        half_width: From the midplane to the lateral margin, mm; above S3 the auricular surface cuts first.
        body_half_width: From the midplane to the side of the vertebral body, mm.
        ventral: Rise of the pelvic surface over its midline at each of the anatomy's ``across``, mm.
        dorsal: Depth of the dorsal surface behind the midline of the pelvic surface at each of ``across``, mm.
    """

    level: Annotated[float, Field(ge=0, le=5)]
    half_width: PositiveFloat
    body_half_width: PositiveFloat
    ventral: tuple[float, ...]
    dorsal: tuple[PositiveFloat, ...]


class Anatomy(Entry):
    """A parametric sacrum: midline and paired landmarks, the sizes of openings, and sections.

    Attributes:
        landmarks: name -> (x, y, z) in frame G, mm; paired landmarks with z > 0 (right side).
        across: Distances from the midplane, from 0 outwards, at which sections give their surfaces, mm.
        sections: Sections from the promontory (level 0) to the apex (level 5).
        auricular_half_width: Half the width of the limbs of the auricular surface, mm.
        endplate_shoulder: From the rim of the S1 endplate down to the ala, measured along the endplate, mm.
        hiatus_width: Between the sacral cornua, mm.
        ventral_foramen_size: (height, width) of S1..S4, mm.
        dorsal_foramen_size: (height, width) of S1..S4, mm.
        canal_size: (anteroposterior in an axial slice, transverse) at S1, S1-S2, S2-S3, S3-S4, mm.
        scale: Uniform scale about the origin.
        hip: The right hip bone, of which the left one is the mirror image; null: the sacrum alone can be modelled.
        variation: How an individual differs from these figures.
        turns: Turns of the bones' own frames against frame G.
    """

    kind: Literal["anatomy"] = "anatomy"
    landmarks: dict[str, Point]
    ventral_foramen_size: tuple[tuple[PositiveFloat, PositiveFloat], ...] = Field(min_length=4, max_length=4)
    dorsal_foramen_size: tuple[tuple[PositiveFloat, PositiveFloat], ...] = Field(min_length=4, max_length=4)
    canal_size: tuple[tuple[PositiveFloat, PositiveFloat], ...] = Field(min_length=4, max_length=4)
    across: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=3)
    sections: tuple[Section, ...] = Field(min_length=3)
    auricular_half_width: PositiveFloat = 10.0
    endplate_shoulder: PositiveFloat = 8.0
    hiatus_width: PositiveFloat = 11.8
    scale: PositiveFloat = 1.0
    hip: Hip | None = None
    variation: Variation = Variation()
    turns: FrameTurns = FrameTurns()

    @field_validator("across")
    @classmethod
    def _rises_from_midplane(cls, across: tuple[float, ...]) -> tuple[float, ...]:
        if across[0] != 0 or any(a >= b for a, b in pairwise(across)):
            raise ValueError(f"across must rise from 0; got {list(across)}")
        return across

    @field_validator("sections")
    @classmethod
    def _fit_across(cls, sections: tuple[Section, ...], others: ValidationInfo) -> tuple[Section, ...]:
        levels = [section.level for section in sections]
        if levels[0] != 0 or levels[-1] != 5 or any(a >= b for a, b in pairwise(levels)):
            raise ValueError(f"sections must rise in level from 0 (promontory) to 5 (apex); got {levels}")
        count = len(others.data.get("across", sections[0].ventral))
        for section in sections:
            if not len(section.ventral) == len(section.dorsal) == count:
                raise ValueError(
                    f"section at level {section.level:g} needs {count} values of ventral and of dorsal, as across has"
                )
        return sections


class DensityLaw(Entry):
    """Young's modulus from BMD: E = coefficient * rho_app ** exponent, at least ``minimum``.

    rho_app = (slope * BMD / 1000 + offset) / ash_fraction in g/cm^3.
    """

    kind: Literal["density_law"] = "density_law"
    coefficient: PositiveFloat
    exponent: PositiveFloat
    slope: PositiveFloat = 1.0
    offset: float = 0.0
    ash_fraction: UnitFraction = 0.6
    minimum: PositiveFloat
    poisson_ratio: Annotated[float, Field(gt=-1, lt=0.5)] = 0.2


class BmdLevel(Entry):
    """A bone-mineral-density level, by region, with its cortex.

    Attributes:
        rank: 0 is the densest; studies order levels by it.
        bmd: region -> mg/cm^3: ``body``, ``ala``, ``alar_void`` of the sacrum, and for the ring ``hip`` (both hip bones) and
            ``posterior_ilium`` (their part behind the sacroiliac joint).
        cortical_thickness: mm.
        hip_cortical_thickness: mm; null: as ``cortical_thickness``.
        cortical_modulus: MPa.
        cortical_poisson_ratio: Poisson's ratio of the cortex.
    """

    kind: Literal["bmd_level"] = "bmd_level"
    rank: Annotated[int, Field(ge=0)]
    bmd: dict[Literal["body", "ala", "alar_void", "hip", "posterior_ilium"], float]
    cortical_thickness: PositiveFloat
    hip_cortical_thickness: PositiveFloat | None = None
    cortical_modulus: PositiveFloat
    cortical_poisson_ratio: Annotated[float, Field(gt=-1, lt=0.5)] = 0.3


class Material(Entry):
    """An isotropic elastic material (cement, metal): modulus MPa and Poisson's ratio."""

    kind: Literal["material"] = "material"
    young_modulus: PositiveFloat
    poisson_ratio: Annotated[float, Field(gt=-1, lt=0.5)]


class Interface(Entry):
    """Traction law of a fracture: stiffnesses in MPa/mm.

    Attributes:
        law: ``linear`` (springs in both directions) or ``compression_only`` (opens freely, faces press).
        normal_stiffness: MPa/mm, in compression (and in tension where linear).
        tangential_stiffness: MPa/mm, open or closed.
        open_fraction: Share of the normal stiffness left where a compression-only interface is open (keeps the
            problem definite).
    """

    kind: Literal["interface"] = "interface"
    law: Literal["linear", "compression_only"]
    normal_stiffness: PositiveFloat
    tangential_stiffness: PositiveFloat
    open_fraction: Annotated[float, Field(ge=0, lt=1)] = 1e-4


class Support(Entry):
    """Springs on named surfaces: MPa/mm normal and tangential.

    Attributes:
        acts_on: ``auricular`` (to rigid ilia, for ``extent: sacrum``) or ``acetabulum`` (to rigid femoral heads, for the ring).
        normal_stiffness: MPa/mm; in a socket along its radius.
        tangential_stiffness: MPa/mm; 0 is a frictionless ball-and-socket.
        flexion_stiffness: N mm/rad, for each hip, against the rotation of the ring about the axis through both hip centres,
            which frictionless sockets leave free.
    """

    kind: Literal["support"] = "support"
    acts_on: Literal["auricular", "acetabulum"] = "auricular"
    normal_stiffness: PositiveFloat
    tangential_stiffness: Annotated[float, Field(ge=0)]
    flexion_stiffness: PositiveFloat | None = None

    @model_validator(mode="after")
    def _holds(self) -> Support:
        if self.acts_on == "auricular" and self.flexion_stiffness is not None:
            raise ValueError("flexion_stiffness belongs to acts_on: acetabulum")
        if self.tangential_stiffness == 0 and self.flexion_stiffness is None:
            raise ValueError("tangential_stiffness 0 leaves a rotation free: give it, or (in sockets) a flexion_stiffness")
        return self


class Load(Entry):
    """A force on the S1 endplate, as a share of body weight or newtons.

    Attributes:
        force: (x, y, z) in frame G.
        unit: ``N`` or ``body_weight``.
    """

    kind: Literal["load"] = "load"
    force: Point
    unit: Literal["N", "body_weight"]


#: What is modelled of the pelvis.
Extent = Literal["sacrum", "pelvic_ring"]


class Treatment(Part):
    """One arm of a study: the cement patterns and implants it holds (none: untreated).

    Attributes:
        name: Of the arm.
        cement: Names of patterns, or ``{pattern: <name>, volume: <mL>}``.
        implants: Names of implants.
        augmented: Whether cement and implants may lie in each other, as in a screw augmented with cement.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    cement: tuple[str | CementVolume, ...] = ()
    implants: tuple[str, ...] = ()
    augmented: bool = False

    @property
    def cement_names(self) -> tuple[str, ...]:
        """Names of its patterns, those with a volume of their own under a name of their own."""
        return tuple(item if isinstance(item, str) else item.name for item in self.cement)


class MeshSettings(Part):
    """Mesh sizes in mm: far from features, at features, in the joints of the ring, and the grid that samples the shape."""

    size: PositiveFloat = 4.0
    feature_size: PositiveFloat = 2.0
    joint_size: PositiveFloat = 2.5
    sampling: PositiveFloat = 1.0
    minimum_quality: Annotated[float, Field(gt=0, lt=1)] = 0.05


class Study(Entry):
    """What is compared with what.

    Every name refers to a catalogue entry, packaged or in a folder beside the study.

    Attributes:
        anatomy: Anatomy entry.
        fracture: Fracture entry.
        treatments: The arms; one without cement and implants is the reference.
        bmd_levels: BMD levels.
        loads: Load cases.
        density_law: Law that turns BMD into a modulus.
        interface: Law of the fracture.
        support: Springs that hold the model.
        extent: What is modelled: the sacrum alone, or the pelvic ring with hip bones, sacroiliac cartilage and symphysis.
        cartilage: Material of the sacroiliac cartilage (ring).
        disc: Material of the symphysis (ring).
        body_weight: N.
        order: Polynomial order of the displacement, 1 or 2.
        mesh: Mesh sizes.
        shared_mesh: Whether one mesh holds the bodies of all treatments. Where they would crowd it (many techniques in one
            ala), ``false`` gives each treatment a mesh of its own and solves the reference on it, too.
    """

    kind: Literal["study"] = "study"
    anatomy: str
    fracture: str
    treatments: tuple[Treatment, ...] = Field(min_length=1)
    bmd_levels: tuple[str, ...] = Field(min_length=1)
    loads: tuple[str, ...] = Field(min_length=1)
    density_law: str
    interface: str
    support: str
    extent: Extent = "sacrum"
    cartilage: str = "articular_cartilage"
    disc: str = "interpubic_disc"
    body_weight: PositiveFloat = 650.0
    order: Literal[1, 2] = 1
    mesh: MeshSettings = MeshSettings()
    shared_mesh: bool = True

    @property
    def reference(self) -> str | None:
        """The treatment that the others are compared with: the first without cement and implants."""
        return next((arm.name for arm in self.treatments if not arm.cement and not arm.implants), None)
