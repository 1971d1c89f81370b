"""What a user may say of how the linear systems are solved; by default it is chosen by size."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from sacrofem.errors import ConfigError, explain

#: ``auto``: by size. ``multigrid``: conjugate gradients on blocks of loads with multigrid. ``direct``: the same with a factor for
#: preconditioner. ``petsc``: PETSc's own solvers, with options as given.
Method = Literal["auto", "multigrid", "direct", "petsc"]


@dataclass(frozen=True)
class Reuse:
    """What a study carries on from one solve to the next; each can be switched, to measure it or out of doubt.

    Attributes:
        together: The loads of a BMD level are solved in one block.
        superposition: Loads that are sums of others are not solved.
        start: Solutions of earlier levels make the starting vectors (Galerkin's projection).
        regions: The stiffness of every region is assembled once, and summed up with the moduli of a level.
        hierarchy: The preconditioner of a BMD level serves the following ones while it does so well. Off: a new one takes less
            time than the iterations that an old one costs; see docs/solver.md.
    """

    together: bool = True
    superposition: bool = True
    start: bool = True
    regions: bool = True
    hierarchy: bool = False

    @classmethod
    def only(cls, names: Iterable[str]) -> Reuse:
        """These and nothing else; ``none`` is no name for one.

        Raises:
            ConfigError: a name is unknown.
        """
        names = [name.strip() for name in names]
        known = [field.name for field in fields(cls)]
        for name in names:
            if name not in (*known, "none"):
                raise ConfigError(
                    explain(
                        "There is no such thing to reuse.",
                        where="--reuse",
                        got=name,
                        allowed=", ".join((*known, "none")),
                        next_step="name one of these, several with commas between",
                    )
                )
        return cls(**{name: name in names for name in known})

    def __str__(self) -> str:
        return ", ".join(field.name for field in fields(self) if getattr(self, field.name)) or "none"


@dataclass(frozen=True)
class SolverSettings:
    """How the linear systems are solved.

    Attributes:
        method: See :data:`Method`.
        petsc: Options for PETSc's solver, as on its command line (``-ksp_type cg -pc_type gamg``); with method ``petsc`` alone.
        memory_limit: MB that the processes on one machine may take together; None: what is free there.
        reuse: What is carried on from solve to solve.
    """

    method: Method = "auto"
    petsc: str = ""
    memory_limit: float | None = None
    reuse: Reuse = Reuse()

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise _refuse("--solver", self.method, ", ".join(get_args(Method)))
        if self.petsc and self.method not in ("auto", "petsc"):
            raise _refuse("--petsc", f"options for PETSc with --solver {self.method}", "--solver petsc, or no --solver")
        if self.memory_limit is not None and not self.memory_limit > 0.0:
            raise _refuse("--memory-limit", self.memory_limit, "a number of MB above 0")
        parse_options(self.petsc)

    @property
    def changes_results(self) -> str:
        """What of the settings a results folder must tell apart; empty where all is as by default."""
        return repr(replace(self, memory_limit=None)) if replace(self, memory_limit=None) != SolverSettings() else ""


def parse_options(text: str) -> dict[str, str | None]:
    """PETSc's options without their dashes -> value, None where an option has none.

    Raises:
        ConfigError: a word is neither an option nor a value.
    """
    options: dict[str, str | None] = {}
    last = None
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _refuse("--petsc", f"{text} ({error})", "options such as -ksp_type cg") from error
    for word in words:
        if word.startswith("-") and not _is_number(word):
            last = word.lstrip("-")
            options[last] = None
        elif last is not None and options[last] is None:
            options[last] = word
        else:
            raise _refuse("--petsc", word, "options such as -ksp_type cg, each with at most one value")
    return options


def _is_number(word: str) -> bool:
    try:
        return not math.isnan(float(word))
    except ValueError:
        return False


def _refuse(where: str, got: object, allowed: str) -> ConfigError:
    what = "The solver cannot be set like this."
    return ConfigError(explain(what, where=where, got=got, allowed=allowed, next_step="see docs/solver.md"))
