"""The exceptions sacrofem raises on purpose: each message says what, where, got, allowed and the next step."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SacrofemError(Exception):
    """Base of every error that is the user's to mend; the command line prints it without a traceback."""


class ConfigError(SacrofemError):
    """A catalogue entry or a study file is wrong: an unknown key, type, name or value."""


class GeometryError(SacrofemError):
    """A shape cannot be built: a needle path outside bone, cement larger than the space."""


class MeshError(SacrofemError):
    """A mesh could not be made, or is not good enough to be solved on."""


class ModelError(SacrofemError):
    """A mechanical model is not well posed: a floating fragment, an unconstrained body."""


class SolveError(SacrofemError):
    """A linear or nonlinear solve failed; the message names the likely cause."""


class OutputError(SacrofemError):
    """Results cannot be written: a full, missing or unwritable folder."""


class Interrupted(SacrofemError):  # noqa: N818  (nothing is wrong)
    """A run was stopped from outside; finished cases are kept."""


def explain(what: str, *, where: str, got: object, allowed: str, next_step: str) -> str:
    """Compose the message every sacrofem error carries.

    Args:
        what: One sentence saying what is wrong.
        where: File and line, or field path, or region name.
        got: The offending value.
        allowed: What would have been accepted.
        next_step: What the user can do now.

    Returns:
        The message, one line for each part.
    """
    return f"{what}\n  where:   {where}\n  got:     {got}\n  allowed: {allowed}\n  next:    {next_step}"


@contextmanager
def output_errors(path: Path, place: str = "another folder with --output") -> Iterator[None]:
    """Turn the operating system's refusals to write into an :class:`OutputError` that says what to do.

    Args:
        path: What is written.
        place: What the user may name instead.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise OutputError(
            explain(
                "The disk is full." if full else "A file or folder cannot be written.",
                where=str(path),
                got=f"{error.strerror or error}",
                allowed="a folder you may write to, with free space",
                next_step=f"free space or name {place}, then run the same command again: "
                "finished cases are kept and not solved again",
            )
        ) from error
