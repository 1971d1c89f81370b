"""The kinds of entry a catalogue holds, gathered. Lengths mm, forces N, moduli MPa, BMD mg/cm^3."""

from sacrofem.catalogue.anatomy import Anatomy, Section
from sacrofem.catalogue.bmd import BmdLevel, Calibration, DosedLevel, DrugCourse
from sacrofem.catalogue.cement import CementPattern, CementVolume
from sacrofem.catalogue.entry import Entry, Point
from sacrofem.catalogue.fracture import Fracture
from sacrofem.catalogue.implant import Implant
from sacrofem.catalogue.interface import Interface
from sacrofem.catalogue.joint import DiscJoint
from sacrofem.catalogue.ligament import LigamentSet
from sacrofem.catalogue.load_case import Load, Support
from sacrofem.catalogue.material import Cortex, DensityLaw, Material
from sacrofem.catalogue.muscle import Musculature
from sacrofem.catalogue.storage import StorageMap
from sacrofem.catalogue.study import Extent, MeshSettings, Study, Treatment
from sacrofem.catalogue.validation import Validation

__all__ = [
    "Anatomy",
    "BmdLevel",
    "Calibration",
    "CementPattern",
    "CementVolume",
    "Cortex",
    "DensityLaw",
    "DiscJoint",
    "DosedLevel",
    "DrugCourse",
    "Entry",
    "Extent",
    "Fracture",
    "Implant",
    "Interface",
    "LigamentSet",
    "Load",
    "Material",
    "MeshSettings",
    "Musculature",
    "Point",
    "Section",
    "StorageMap",
    "Study",
    "Support",
    "Treatment",
    "Validation",
]
