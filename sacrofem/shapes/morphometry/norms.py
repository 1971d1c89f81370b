"""Expected measures of an adult female sacrum: value, tolerance, unit, source.

Entries of the reference tables that contradict each other:

- Ventral foramina: the template has the S2 pair 33 mm apart, the Korean median is 28.8 mm. Both are listed.
- Canal at S1: 16 mm is the depth in an axial slice; normal to the canal's axis the same landmarks leave 10.7 mm, and along
  the line between them 21 mm. Depths here are those of axial slices.
- Canal at S1-S2: the landmarks of the walls are 11.7 mm apart, but 8.5 mm in an axial slice: the walls of the shape
  stand up to 2 mm outside the landmarks.
- Auricular surface: limbs of 44 and 56 mm length and 20 mm width make 16-18 cm2; the area measured in women is 13.7. The
  template's limbs (44.5 and 50.2 mm) make 14.8 cm2.
- Endplate: 44-50 mm wide on CT surfaces, 40.3 +- 7.0 on dry bone. Both are listed.
"""

from __future__ import annotations

from dataclasses import dataclass

_VSD = "measured on VSDFullBodyBoneModels, women"
_TEMPLATE = "template: one woman of VSDFullBodyBoneModels, scaled by 0.95"
_DRY = "PMC5799488 table 2, dry bones, women"
_JCDR = "J Clin Diagn Res 2018;12(6):AC01"
_SPINE = "Spine 1998 (read.qxmd.com/read/9642709)"
_KOREAN = "biocloudy.com NTQyNTY5MA==, Korean medians"
_RECALLED = "RECALLED"


@dataclass(frozen=True)
class Norm:
    """Expected value, tolerance, unit and source of a measure."""

    expected: float
    tolerance: float
    unit: str
    source: str


def _spread(mean: float, deviation: float, unit: str, source: str) -> Norm:
    """Mean of a sample, accepted within two standard deviations."""
    return Norm(mean, 2.0 * deviation, unit, source)


def _near(value: float, source: str, unit: str = "mm") -> Norm:
    """A value without a published spread: 15 %, for lengths at least 2 mm."""
    return Norm(value, max(0.15 * value, 2.0 if unit == "mm" else 0.0), unit, source)


def _placed(value: float) -> Norm:
    """A place in the template, which was made symmetric by eye to 2 mm; 0.5 mm for the grid it is found on."""
    return Norm(value, 2.5, "mm", _TEMPLATE)


NORMS: dict[str, Norm] = {
    "maximal breadth": _spread(108.7, 11.0, "mm", _DRY),
    "straight ventral height": _spread(98.0, 9.2, "mm", _DRY),
    "ventral arc length": _near(121.0, _TEMPLATE),
    "curvature index, chord over arc": Norm(0.89, 0.03, "", f"{_TEMPLATE}; 0.92 {_KOREAN}"),
    "depth of the pelvic concavity": _near(24.0, _TEMPLATE),
    "ventral height of S1": _near(31.1, f"{_TEMPLATE}; 28.0 {_KOREAN}"),
    "ventral height of S2": _near(27.2, f"{_TEMPLATE}; 29.7 {_KOREAN}"),
    "ventral height of S3": _near(23.5, _TEMPLATE),
    "ventral height of S4": _near(21.1, _TEMPLATE),
    "ventral height of S5": _near(18.3, _TEMPLATE),
    "S1 endplate width": Norm(47.0, 3.0, "mm", f"{_VSD}: 44-50 (mesh depth maps)"),
    "S1 body width, dry bone": _spread(40.3, 7.0, "mm", _DRY),
    "S1 endplate depth": _near(30.0, _TEMPLATE),
    "S1 endplate unevenness": Norm(0.0, 0.5, "mm", "flat in 82.5 % (Britspine 2010-056); 0.5 mm taken as flat"),
    "sacral slope": Norm(37.0, 5.6, "deg", f"{_TEMPLATE}; 24-55 (PubMed 21833574)"),
    "endplate centre to promontory": _spread(14.7, 1.0, "mm", _VSD),
    "body thickness at S1-S2": _near(20.4, _TEMPLATE),
    "body thickness at S2-S3": _near(14.3, _TEMPLATE),
    "body thickness at S3-S4": _near(10.0, _TEMPLATE),
    "body thickness at S4-S5": _near(8.7, _TEMPLATE),
    "canal depth at S1": _near(16.0, _TEMPLATE),
    "canal depth at S1-S2": _near(12.0, _TEMPLATE),
    "canal depth at S2-S3": _near(6.0, _TEMPLATE),
    "canal depth at S3-S4": _near(5.0, _TEMPLATE),
    "canal width at S1": _near(28.0, f"{_TEMPLATE}; partly {_RECALLED}"),
    "canal width at S1-S2": _near(20.0, f"{_TEMPLATE}; partly {_RECALLED}"),
    "canal width at S2-S3": _near(15.0, f"{_TEMPLATE}; partly {_RECALLED}"),
    "canal width at S3-S4": _near(12.0, f"{_TEMPLATE}; partly {_RECALLED}"),
    "hiatus apex, height y": _near(-69.0, _TEMPLATE),
    "hiatus length": _spread(18.5, 7.4, "mm", "statperson 6_1_12"),
    "distance between the cornua": _spread(11.8, 2.5, "mm", "statperson 6_1_12"),
    "ventral foramen S1 height": _near(13.0, _JCDR),
    "ventral foramen S1 width": _near(12.2, _JCDR),
    "ventral foramen S2 height": _near(12.9, _JCDR),
    "ventral foramen S2 width": _near(13.1, _JCDR),
    "ventral foramen S3 height": _near(10.0, _SPINE),
    "ventral foramen S3 width": _near(10.0, f"{_RECALLED}: as high as wide"),
    "ventral foramen S4 height": _near(8.5, f"{_RECALLED}: 8-9"),
    "ventral foramen S4 width": _near(8.5, f"{_RECALLED}: 8-9"),
    "dorsal foramen S1 height": _near(10.4, _JCDR),
    "dorsal foramen S1 width": _spread(8.6, 1.6, "mm", "Epain 2023 (synapse 1516080638), women; 7.7 " + _JCDR),
    "dorsal foramen S2 height": _near(7.1, _JCDR),
    "dorsal foramen S2 width": _spread(7.5, 1.8, "mm", "Surg Radiol Anat 2010 (s00276-010-0735-0); 7.3 " + _JCDR),
    "dorsal foramen S3 height": _near(6.0, _RECALLED),
    "dorsal foramen S3 width": _near(6.0, _RECALLED),
    "dorsal foramen S4 height": _near(6.0, _RECALLED),
    "dorsal foramen S4 width": _near(6.0, _RECALLED),
    "ventral foramen S1 to midplane": _placed(18.0),
    "ventral foramen S2 to midplane": _placed(16.5),
    "ventral foramen S3 to midplane": _placed(15.5),
    "ventral foramen S4 to midplane": _placed(16.0),
    "dorsal foramen S1 to midplane": _spread(22.9, 2.6, "mm", "Epain 2023 (synapse 1516080638), women"),
    "dorsal foramen S2 to midplane": _placed(16.5),
    "dorsal foramen S3 to midplane": _placed(15.5),
    "dorsal foramen S4 to midplane": _placed(16.0),
    "ventral foramina S1 apart": _near(36.1, _KOREAN),
    "ventral foramina S2 apart": _near(28.8, f"{_KOREAN}; template 33"),
    "dorsal foramina S2 apart": _spread(29.8, 2.7, "mm", "Surg Radiol Anat 2010 (s00276-010-0735-0)"),
    "dorsal foramina S1 to S2, edge to edge": _spread(14.2, 2.7, "mm", "Surg Radiol Anat 2010 (s00276-010-0735-0)"),
    "dorsal foramina S2 to S3, edge to edge": _spread(12.8, 1.5, "mm", "Surg Radiol Anat 2010 (s00276-010-0735-0)"),
    "ventral foramen S1 along the arc from the promontory": _placed(36.9),
    "ventral foramen S2 along the arc from the promontory": _placed(62.9),
    "ventral foramen S3 along the arc from the promontory": _placed(83.7),
    "ventral foramen S4 along the arc from the promontory": _placed(101.0),
    "auricular area": _spread(13.7, 1.6, "cm2", "researcher.life f0b42cad (SIJD cohort), women; 14-18 " + _VSD),
    "auricular height": _spread(56.2, 4.6, "mm", _DRY),
    "angle between the auricular limbs": _near(105.0, f"{_TEMPLATE}; 93 (J Orthop Trauma 1993, 7)", "deg"),
    "ala below the endplate, in front": _near(11.0, _SPINE),
    "S1 trans-sacral corridor, radius": _spread(6.55, 2.5, "mm", "limiting height 13.1+-5 (qxmd 28373081)"),
    "S2 trans-sacral corridor, radius": _spread(6.9, 1.2, "mm", "limiting height 13.8+-2.4 (qxmd 28373081)"),
    "bone volume": _near(162.0, "Visible Human Male 245 mL, times the cube of the breadths' ratio 109/125", "mL"),
    "bone in walls thinner than 2.4 mm": Norm(
        0.0, 1.0, "%", "no feather edges; thinnest wall expected, lamina S4 3 mm " + _RECALLED
    ),
}
