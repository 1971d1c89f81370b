"""Which loads what is modelled can carry."""

from __future__ import annotations

from sacrofem.catalogue.load_case import Load, Support
from sacrofem.catalogue.study import Extent
from sacrofem.errors import ConfigError, explain


def require_fitting_load(load: Load, extent: Extent, support: Support, where: str = "") -> None:
    """Refuse a load that what is modelled cannot carry as it is carried in life or on the bench.

    Args:
        load: The load.
        extent: What is modelled.
        support: What holds it.
        where: Where the load is named, for an error.

    Raises:
        ConfigError: a joint's contact force on a ring whose hip muscles are missing, a load on hips that are not modelled, or a
            load that only springs against drifting would carry.
    """

    def refuse(what: str, got: str, allowed: str, next_step: str) -> ConfigError:
        place = f"{where}, load {load.name!r}" if where else f"load {load.name!r}"
        return ConfigError(explain(what, where=place, got=got, allowed=allowed, next_step=next_step))

    if extent == "hemisacrum" and load.parts:
        raise refuse(
            "Half a sacrum carries half of a force on its endplate, and nothing else.",
            "a load with parts, with extent hemisacrum",
            "a load with `force` alone, such as standing",
            "study `extent: sacrum`, or choose another load",
        )
    if extent == "hemisacrum" and support.midplane == "symmetry" and load.force is not None and load.force[2] != 0.0:
        raise refuse(
            "A load from the side does not fit a plane of symmetry.",
            f"{load.force[2]:g} along z, with extent hemisacrum",
            "forces in the midplane",
            "study `extent: sacrum`, or take a support with midplane: free",
        )
    if extent in ("sacrum", "hemisacrum") and load.on_hips:
        raise refuse(
            "The load acts on hip bones, which are not modelled.",
            f"{'a posture' if load.posture else 'a part on an acetabulum'}, with extent {extent}",
            "loads on the S1 endplate, such as standing",
            "write `extent: pelvic_ring`, or choose another load",
        )
    if extent == "pelvic_ring" and load.nature == "contact":
        raise refuse(
            "A joint's contact force without the muscles that balance it would overload the hips.",
            "nature contact, with extent pelvic_ring",
            "nature external (weights, test rigs) or free_body (contact, weights and muscles in balance)",
            "choose a load with muscles, such as gait_right_2, or `extent: sacrum`",
        )
    if support.grounding and load.nature != "free_body":
        raise refuse(
            "Soft springs that only keep a balanced load from drifting cannot carry a load.",
            f"nature {load.nature}, with support {support.name!r}",
            "nature free_body",
            "write `support: ball_and_socket`, or choose a load with muscles",
        )
    if extent == "pelvic_ring" and len(load.sockets) == 1 and not support.grounding:
        raise refuse(
            "A load on one hip alone would be carried by both, as supports stand for both femoral heads.",
            f"contact on {' and '.join(load.sockets)} alone, with support {support.name!r}",
            "a support with grounding: true, which leaves the contact a load",
            "write `support: soft_ground`",
        )
