"""Published findings that the model is held against: set-up, figures with their spread, and how the computed value is formed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sacrofem.catalogue.entry import Entry, Part

#: number: same set-up, number and spread known; range: a band is defensible; ordering: a sign, a ranking, a ratio to 1;
#: pattern: a place.
Grade = Literal["number", "range", "ordering", "pattern"]


class Figure(Part):
    """One figure of a solved study.

    Attributes:
        metric: Its metric, as in the table of results.
        treatment: Arm.
        load: Load case.
        bmd_level: BMD level.
        fracture: Fracture that the metric belongs to; null where only one row fits.
        study: Study it is taken from, where it is not the entry's own.
    """

    metric: str
    treatment: str
    load: str
    bmd_level: str
    fracture: str | None = None
    study: str | None = None


class Target(Part):
    """One published finding.

    Attributes:
        name: Of the finding.
        statement: What the source says, with its spread.
        mark: Whether the figure was read in the source (SEEN), is from general knowledge (RECALLED) or follows by arithmetic
            from figures that were read (DERIVED).
        grade: How much can be asked of it.
        computed: The figure.
        over: Another that it is divided by.
        absolute: Whether its size counts, not its sign.
        unit: Of the computed value; ``1`` for a ratio.
        published: The published value; null for an ordering.
        low: Least computed value that counts as reproduced.
        high: Largest.
        band: Where ``low`` and ``high`` come from.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    statement: str
    mark: Literal["SEEN", "RECALLED", "DERIVED"]
    grade: Grade
    computed: Figure
    over: Figure | None = None
    absolute: bool = False
    unit: str
    published: float | None = None
    low: float | None = None
    high: float | None = None
    band: str

    def holds(self, value: float) -> bool:
        """Whether a computed value counts as reproduced."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    @model_validator(mode="after")
    def _has_a_bound(self) -> Target:
        if self.low is None and self.high is None:
            raise ValueError("a target needs low, or high, or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low lies above high")
        return self


class Validation(Entry):
    """What one source found, and what the model makes of it.

    Attributes:
        setup: What the source did.
        differences: Where the study departs from it.
        study: Study that stands for the set-up.
        targets: Its findings that the model can represent.
        not_comparable: Why (the rest of) its findings cannot be held against the model.
        calibrates: Parameters that this source's data set; it is then no validation, and ``targets`` is empty.
        explained: Target -> why it lies outside, where that is known.
    """

    kind: Literal["validation"] = "validation"
    setup: str
    differences: str = ""
    study: str | None = None
    targets: tuple[Target, ...] = ()
    not_comparable: str | None = None
    calibrates: tuple[str, ...] = ()
    explained: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Validation:
        if bool(self.targets) == (self.study is None):
            raise ValueError("targets and study come together")
        if not self.targets and not self.not_comparable and not self.calibrates:
            raise ValueError("an entry without targets says why: not_comparable, or what it calibrates")
        if self.targets and self.calibrates:
            raise ValueError("data that calibrate a parameter do not validate: targets and calibrates exclude each other")
        unknown = set(self.explained) - {target.name for target in self.targets}
        if unknown:
            raise ValueError(f"explained names no target: {', '.join(sorted(unknown))}")
        return self
