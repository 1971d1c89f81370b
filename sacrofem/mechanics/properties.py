"""How stiff every part of a model is."""

from __future__ import annotations

from dataclasses import dataclass, field

from sacrofem.catalogue.models import Interface, Support


@dataclass(frozen=True)
class TransverseCortex:
    """A transversely isotropic cortex: moduli in MPa.

    Attributes:
        axis: Direction in frame G, projected into the surface.
        axial_modulus: Along the axis.
        transverse_modulus: Across it.
        shear_modulus: Between the two.
        poisson_ratio: Transverse contraction over extension along the axis.
        transverse_poisson_ratio: Within the plane of isotropy.
    """

    axis: tuple[float, float, float]
    axial_modulus: float
    transverse_modulus: float
    shear_modulus: float
    poisson_ratio: float
    transverse_poisson_ratio: float

    @classmethod
    def isotropic(cls, modulus: float, poisson_ratio: float) -> TransverseCortex:
        """The isotropic cortex as a special case, whatever the axis."""
        shear = modulus / (2.0 * (1.0 + poisson_ratio))
        return cls((0.0, 1.0, 0.0), modulus, modulus, shear, poisson_ratio, poisson_ratio)


@dataclass(frozen=True)
class Properties:
    """Elastic properties of one case.

    Attributes:
        young: region name -> Young's modulus, MPa.
        poisson: region name -> Poisson's ratio.
        cortical_thickness: mm.
        cortical_modulus: MPa.
        cortical_poisson_ratio: Poisson's ratio of the cortex.
        interface: Law of the fractures.
        support: Springs on the supported surfaces.
        stiffened: Region name -> how many times as stiff as the bone it is in.
        body_interfaces: Kind of body (``cement``, ``screw``) -> law of its faces against bone, where they may part.
        cortical_thickness_of: Bone region name -> mm, where it differs from ``cortical_thickness``.
        transverse_cortex: A transversely isotropic cortex; None: isotropic, by ``cortical_modulus`` and its Poisson's ratio.
    """

    young: dict[str, float]
    poisson: dict[str, float]
    cortical_thickness: float
    cortical_modulus: float
    cortical_poisson_ratio: float
    interface: Interface
    support: Support
    cortical_thickness_of: dict[str, float] = field(default_factory=dict)
    stiffened: dict[str, float] = field(default_factory=dict)
    body_interfaces: dict[str, Interface] = field(default_factory=dict)
    transverse_cortex: TransverseCortex | None = None

    @property
    def cortex(self) -> TransverseCortex:
        """The cortex, isotropic or not, by the constants of a transversely isotropic one."""
        return self.transverse_cortex or TransverseCortex.isotropic(self.cortical_modulus, self.cortical_poisson_ratio)
