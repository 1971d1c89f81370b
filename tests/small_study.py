"""A small sacrum, untreated, with cement and with a screw: what tests of whole studies run."""

from __future__ import annotations

import sacrofem

LEVELS = ("normal", "osteopenia", "osteoporosis", "severe")
LOADS = ("standing", "walking_heel_strike")

SMALL = sacrofem.Study(
    name="small",
    title="Cement against a screw",
    source="made for a test",
    fracture="denis1_right",
    treatments=(
        sacrofem.Treatment(name="untreated"),
        sacrofem.Treatment(name="cement", cement=("long_axis_right",)),
        sacrofem.Treatment(name="screw", implants=("trans_sacral_s1",)),
    ),
    bmd_levels=LEVELS,
    loads=LOADS,
    density_law="dalstra1993",
    interface="linear",
    support="sacroiliac_cartilage",
    order=1,
    mesh=sacrofem.MeshSettings(size=6.0, feature_size=3.5, sampling=1.5),
)
