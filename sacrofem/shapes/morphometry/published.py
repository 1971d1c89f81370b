"""Published dimensions of the pelvis of women and of men, and of the sacrum of men: mean, spread, source.

Where no spread is published the deviation is given, but nothing is claimed of it. MEAS: measured on VSDFullBodyBoneModels.
"""

from __future__ import annotations

from dataclasses import dataclass

_VSD = "VSDFullBodyBoneModels, {} (MEAS)"
_WOMEN, _MEN = _VSD.format("6 women"), _VSD.format("13 men")
_TWO = _VSD.format("2 women")
_PI = "mean and half of 2 SD, PubMed 21833574; no effect of sex"
_LIBHIP = "LibHip"
_LENZ = "PubMed 12601187"
_RICHARDS = "mymedr, RG Richards; conjugata vera"
_MAZURA = "Mazura 2022; PMC3035856"


@dataclass(frozen=True)
class Published:
    """A published mean with its standard deviation (None: none published)."""

    mean: float
    deviation: float | None
    source: str


WOMEN: dict[str, Published] = {
    "ASIS-ASIS": Published(218.0, 14.5, _WOMEN),
    "AIIS-AIIS": Published(190.0, 16.0, _WOMEN),
    "PSIS-PSIS": Published(97.0, 11.0, _WOMEN),
    "tubercle-tubercle": Published(54.0, 8.5, _WOMEN),
    "spine-spine (ischial)": Published(111.0, 8.0, f"{_WOMEN}; 112.3 +- 7.9 {_LENZ}"),
    "bicristal breadth": Published(252.0, None, _TWO),
    "pelvic height": Published(202.5, None, f"{_TWO}: 200-205"),
    "acetabular radius, bone": Published(24.0, None, f"{_TWO}: 23.4-24.3"),
    "inter-hip-centre": Published(164.0, None, f"{_TWO}: 159-169"),
    "sacral slope": Published(39.5, 7.75, _PI),
    "pelvic tilt": Published(13.5, 6.75, _PI),
    "pelvic incidence": Published(53.0, 10.5, _PI),
    "promontory to tubercle": Published(139.0, 7.0, _WOMEN),
    "obstetric conjugate": Published(121.7, 8.6, _LENZ),
    "symphysis height": Published(36.0, None, f"36-37.7, {_MAZURA}"),
    "symphysis depth": Published(15.0, None, f"14.8-15.2, {_MAZURA}"),
    "symphysis gap": Published(3.2, None, f"2.2-4.2, {_MAZURA}; 4.6 in the middle, josr s13018-021-02561-9"),
    "sacroiliac gap": Published(2.6, None, "cartilage 1.81 + 0.80, McLauchlan and Gardner 2002"),
    "ilium thickness, Fossa_centre": Published(5.5, None, f"{_TWO}: 5-6"),
    "ilium thickness, Pillar_upper": Published(14.5, None, f"{_TWO}: 13-16"),
    "ilium thickness, Pillar_lower": Published(14.5, None, f"{_TWO}: 13-16"),
    "ilium thickness, Supra_acetabular": Published(22.0, None, _TWO),
}
MEN: dict[str, Published] = {
    "ASIS-ASIS": Published(243.0, 15.0, _MEN),
    "AIIS-AIIS": Published(200.0, 11.0, _MEN),
    "PSIS-PSIS": Published(87.0, 7.0, _MEN),
    "tubercle-tubercle": Published(51.0, 5.0, _MEN),
    "spine-spine (ischial)": Published(97.0, 6.0, _MEN),
    "bicristal breadth": Published(279.0, 20.0, f"{_LIBHIP}, pelvis width"),
    "ilium above the hip centre": Published(148.0, 8.0, _LIBHIP),
    "acetabular radius, bone": Published(28.5, None, f"head 26.7, {_LIBHIP}, and its cartilage 1.8 RECALLED"),
    "inter-hip-centre": Published(176.0, 9.0, _LIBHIP),
    "sacral slope": WOMEN["sacral slope"],
    "pelvic tilt": WOMEN["pelvic tilt"],
    "pelvic incidence": WOMEN["pelvic incidence"],
    "promontory to tubercle": Published(125.0, 10.0, _MEN),
    "obstetric conjugate": Published(105.0, 10.0, _RICHARDS),
    "symphysis height": Published(42.0, None, _MAZURA),
    "symphysis depth": Published(19.0, None, _MAZURA),
    "symphysis gap": Published(3.45, None, f"2.4-4.5, {_MAZURA}"),
    "sacroiliac gap": WOMEN["sacroiliac gap"],
}
#: Of the sacrum, where figures of men alone or of both sexes are published; other measures stand without one.
MEN_SACRUM: dict[str, Published] = {
    "maximal breadth": Published(103.6, 6.8, "both sexes, researcher.life 4daff67"),
    "straight ventral height": Published(106.7, 10.2, "both sexes, researcher.life 4daff67"),
    "endplate centre to promontory": Published(16.8, 1.2, _MEN),
    "auricular area": Published(16.2, 2.5, "SIJD cohort, men, researcher.life f0b42cad"),
    "dorsal foramen S1 to midplane": Published(24.1, 2.9, "Epain 2023 (synapse 1516080638), men"),
    "hiatus length": Published(18.5, 7.4, "statperson 6_1_12"),
    "distance between the cornua": Published(11.8, 2.5, "statperson 6_1_12"),
    "S1 trans-sacral corridor, radius": Published(6.55, 2.5, "limiting height 13.1 +- 5, both sexes, qxmd 28373081"),
    "S2 trans-sacral corridor, radius": Published(6.9, 1.2, "limiting height 13.8 +- 2.4, both sexes, qxmd 28373081"),
}
