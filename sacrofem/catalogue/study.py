"""Studies: what is compared with what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.bmd import DosedLevel
from sacrofem.catalogue.cement import CementVolume
from sacrofem.catalogue.entry import Entry, Part

#: What is modelled of the pelvis.
Extent = Literal["sacrum", "hemisacrum", "pelvic_ring"]


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
        fractures: Several instead, each in a bone of its own, to be compared in one table.
        treatments: The arms; one without cement and implants is the reference.
        bmd_levels: BMD levels, by name or as ``{level: <name>, drug: <drug course>}``.
        loads: Load cases.
        density_law: Law that turns BMD into a modulus.
        cortex: Cortex entry, for a transversely isotropic cortex; null: isotropic, by the BMD level.
        interface: Law of the fracture.
        implant_interface: Law of the faces between screws and bone.
        cement_interface: Law of the faces between cement and bone.
        support: Springs that hold the model.
        extent: What is modelled: the sacrum alone, its right half cut at the midplane (under half the load; the support says
            whether the cut is a plane of symmetry or free), or the pelvic ring with hip bones, cartilage and symphysis.
        cartilage: Material of the sacroiliac cartilage (ring); the default was calibrated together with the default ligaments.
        disc: Material of the symphysis (ring).
        ligaments: Set of ligaments (ring); ``none``, or ``default``: for the ring the set ``pelvic``.
        cut_ligaments: Names of ligaments of that set that are cut, on both sides.
        lumbosacral: Joint between L5 and S1, where an implant reaches L5 (ring).
        body_weight: N.
        order: Polynomial order of the displacement: 2, or 1 for a quick look, which misses strain and stiffness by some 10 %
            (docs/errors.md).
        motion_errors: Whether motions, forces and tensions get error bars, by one more solve for each case (docs/errors.md).
        mesh: Mesh sizes.
        shared_mesh: Whether one mesh holds the bodies of all treatments. Where they would crowd it (many techniques in one
            ala), ``false`` gives each treatment a mesh of its own and solves the reference on it, too.
    """

    kind: Literal["study"] = "study"
    anatomy: str = "female_elderly"
    fracture: str | None = None
    fractures: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = Field(min_length=1)
    bmd_levels: tuple[str | DosedLevel, ...] = Field(min_length=1)
    loads: tuple[str, ...] = Field(min_length=1)
    density_law: str
    cortex: str | None = None
    interface: str
    implant_interface: str = "bonded"
    cement_interface: str = "bonded"
    support: str
    extent: Extent = "sacrum"
    cartilage: str = "sacroiliac_cartilage_calibrated"
    disc: str = "interpubic_disc"
    ligaments: str = "default"
    cut_ligaments: tuple[str, ...] = ()
    lumbosacral: str = "l5_s1"
    body_weight: PositiveFloat = 650.0
    order: Literal[1, 2] = 2
    motion_errors: bool = True
    mesh: MeshSettings = MeshSettings()
    shared_mesh: bool = True

    @model_validator(mode="after")
    def _names_fractures_once(self) -> Study:
        if (self.fracture is None) == (not self.fractures):
            raise ValueError("give either fracture or fractures")
        return self

    @property
    def fracture_names(self) -> tuple[str, ...]:
        """Names of its fractures."""
        return self.fractures if self.fracture is None else (self.fracture,)

    @property
    def level_names(self) -> tuple[str, ...]:
        """Names of its BMD levels, those after a drug under a name of their own."""
        return tuple(item if isinstance(item, str) else item.name for item in self.bmd_levels)

    @property
    def reference(self) -> str | None:
        """The treatment that the others are compared with: the first without cement and implants."""
        return next((arm.name for arm in self.treatments if not arm.cement and not arm.implants), None)
