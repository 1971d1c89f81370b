"""Loads and the supports that carry them. N, mm, MPa/mm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from sacrofem.catalogue.entry import Entry, Part, Point, Side

LoadSurface = Literal["endplate", "acetabulum_right", "acetabulum_left", "bone"]
#: What a load says of itself: ``external`` forces act in full on whatever holds the model (weights, a test rig); ``contact`` is
#: a joint's contact force, which muscles that are not given balance in life; ``free_body``: everything that acts is given.
Nature = Literal["external", "contact", "free_body"]


class Support(Entry):
    """Springs on named surfaces: MPa/mm normal and tangential.

    Attributes:
        acts_on: ``auricular`` (to rigid ilia, for ``extent: sacrum``), ``acetabulum`` (to rigid femoral heads, for the ring) or
            ``ilium`` (iliac wings clamped on a bench, for the ring).
        side: Which of the two surfaces is held.
        normal_stiffness: MPa/mm; in a socket along its radius.
        tangential_stiffness: MPa/mm; 0 is a frictionless ball-and-socket.
        flexion_stiffness: N mm/rad, for each hip, against the mean rotation of both sockets about the axis through both hip
            centres, which frictionless sockets leave free.
        midplane: For ``extent: hemisacrum``: ``symmetry`` keeps the cut in its plane, as its mirror image would, ``free`` leaves
            it alone.
        grounding: Whether the springs only keep a balanced load from drifting: hip contact is then a load, not a reaction.
    """

    kind: Literal["support"] = "support"
    acts_on: Literal["auricular", "acetabulum", "ilium"] = "auricular"
    side: Side = "both"
    normal_stiffness: PositiveFloat
    tangential_stiffness: Annotated[float, Field(ge=0)]
    flexion_stiffness: PositiveFloat | None = None
    midplane: Literal["symmetry", "free"] = "symmetry"
    grounding: bool = False

    @model_validator(mode="after")
    def _holds(self) -> Support:
        if self.acts_on != "acetabulum" and self.flexion_stiffness is not None:
            raise ValueError("flexion_stiffness belongs to acts_on: acetabulum")
        if self.tangential_stiffness == 0 and self.flexion_stiffness is None:
            raise ValueError("tangential_stiffness 0 leaves a rotation free: give it, or (in sockets) a flexion_stiffness")
        if self.side != "both" and self.tangential_stiffness == 0:
            raise ValueError("one socket alone holds a ring only with a tangential_stiffness above 0")
        if self.side != "both" and self.flexion_stiffness is not None:
            raise ValueError("flexion_stiffness belongs to side: both, about the axis through both hips")
        if self.grounding and self.acts_on != "acetabulum":
            raise ValueError("grounding belongs to acts_on: acetabulum: the sacrum alone is held by its joints")
        return self


class LoadOn(Part):
    """A force and a moment on one surface.

    Attributes:
        name: Of the part; by default its surface.
        surface: Where it acts; ``bone`` spreads it through the volume, as weight. Sockets take it as pressure after a cosine law.
        force: (x, y, z) in frame G, in the load's unit.
        moment: (x, y, z) about ``point``, in the load's unit times mm.
        toward: Landmark of the right side that the force points to from the endplate's centre (``size`` long); a force on an
            acetabulum points from it to the endplate's centre.
        side: Side of that landmark.
        size: Of the force along ``toward``, in the load's unit.
        point: (x, y, z) where the force acts, mm; by default the surface's centroid, in sockets the hip centre.
    """

    name: str = ""
    surface: LoadSurface
    force: Point = (0.0, 0.0, 0.0)
    moment: Point = (0.0, 0.0, 0.0)
    toward: str | None = None
    side: Literal["right", "left"] = "right"
    size: PositiveFloat | None = None
    point: Point | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> LoadOn:
        if (self.toward is None) != (self.size is None):
            raise ValueError("toward and size belong together")
        if self.toward is not None and any(self.force):
            raise ValueError("give a force, or toward and size, not both")
        if self.surface.startswith("acetabulum") and (any(self.moment) or self.point is not None):
            raise ValueError("a ball in a socket passes no moment, and its force goes through the hip centre")
        if not any(self.force) and not any(self.moment) and self.size is None:
            raise ValueError("a part of a load needs a force or a moment")
        return self


class Leg(Part):
    """How a leg stands, and what the ground does to its foot. Angles of the femur against the vertical of space, degrees.

    Attributes:
        flexion: Forwards.
        adduction: Towards the other leg.
        rotation: Inwards.
        ground: Force of the ground on the foot as a share of body weight: (forwards, upwards, towards the subject's right);
            none: the leg hangs from the hip.
    """

    flexion: float = 0.0
    adduction: float = 0.0
    rotation: float = 0.0
    ground: Point | None = None


class Posture(Part):
    """A posture whose muscle and joint forces follow from equilibrium and static optimisation.

    Figures are given for ``side: right``; ``left`` is their mirror image.

    Attributes:
        side: Side of the leg ``near``.
        near: That leg.
        far: The other one.
        pelvic_tilt: Turn of the pelvis forwards against standing, degrees.
        trunk_lean: Lean of the trunk against standing, (forwards, to the right), degrees.
        exponent: Of muscle stress in the sum that is made least.
        musculature: Entry that holds the muscles and the weights of the body's segments.
    """

    side: Literal["right", "left"] = "right"
    near: Leg
    far: Leg
    pelvic_tilt: float = 0.0
    trunk_lean: tuple[float, float] = (0.0, 0.0)
    exponent: Annotated[float, Field(ge=1.5, le=5)] = 3.0
    musculature: str = "pelvic_musculature"

    @model_validator(mode="after")
    def _stands(self) -> Posture:
        upwards = sum(leg.ground[1] for leg in (self.near, self.far) if leg.ground is not None)
        if upwards <= 0:
            raise ValueError("the ground must push upwards on a foot: give near.ground or far.ground")
        return self


class Load(Entry):
    """What loads a model: a force on the S1 endplate, parts on named surfaces, or a posture with its muscles.

    Attributes:
        nature: ``external`` (weights and test rigs, carried by the supports), ``contact`` (a joint's contact force without the
            muscles that balance it: for the sacrum alone) or ``free_body`` (all that acts, in balance by itself).
        force: (x, y, z) in frame G on the S1 endplate.
        unit: ``N`` or ``body_weight``, of ``force`` and ``parts``.
        parts: Forces and moments on named surfaces.
        posture: Posture whose muscle and joint forces are solved for; or, with ``tensions``, are given.
        tensions: Muscle (with ``_right`` or ``_left``) -> its tension in ``unit``.
        tolerance: Largest imbalance of a free body: force over body weight, moment over body weight times 1 m.
    """

    kind: Literal["load"] = "load"
    nature: Nature = "external"
    force: Point | None = None
    unit: Literal["N", "body_weight"] = "body_weight"
    parts: tuple[LoadOn, ...] = ()
    posture: Posture | None = None
    tensions: dict[str, Annotated[float, Field(ge=0)]] | None = None
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-3

    @model_validator(mode="after")
    def _loads(self) -> Load:
        if self.force is None and not self.parts and self.posture is None:
            raise ValueError("a load needs force, parts or posture")
        if self.force is not None and not any(self.force):
            raise ValueError("force must not be zero")
        if "unit" not in self.model_fields_set and (self.force is not None or self.parts):
            raise ValueError("unit is missing: N or body_weight")
        if self.posture is not None and self.nature != "free_body":
            raise ValueError("a posture is a free body: write `nature: free_body`")
        if self.sockets and self.nature != "free_body":
            raise ValueError("contact on an acetabulum belongs to a free body: write `nature: free_body` and give all that acts")
        if self.tensions is not None and self.posture is None:
            raise ValueError("tensions need a posture, which gives the muscles their lines of action")
        if self.posture is not None and self.tensions is None and (self.parts or self.force is not None):
            raise ValueError("a posture that is solved for takes no force and no parts of its own")
        return self

    @property
    def sockets(self) -> frozenset[str]:
        """Sockets on which it has parts of its own."""
        return frozenset(part.surface for part in self.parts if part.surface.startswith("acetabulum"))

    @property
    def on_hips(self) -> bool:
        """Whether it needs hip bones."""
        return self.posture is not None or bool(self.sockets)
