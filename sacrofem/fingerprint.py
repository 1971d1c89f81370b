"""A hash of the code that makes a number, so that kept meshes and results are never mixed with another version's."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def fingerprint_code(packages: tuple[str, ...], libraries: tuple[str, ...] = ()) -> str:
    """sha256 of the sources of some of sacrofem's packages and of the versions of libraries.

    Args:
        packages: Names of packages below ``sacrofem``.
        libraries: Names of distributions; one that is not installed counts as such.
    """
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    for library in libraries:
        digest.update(f"{library} {package_version(library)}".encode())
    return digest.hexdigest()


def package_version(name: str) -> str | None:
    """Version of an installed distribution, or None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
