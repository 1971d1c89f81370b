"""The system libraries that Gmsh's wheel needs, and the Debian packages that hold them."""

from __future__ import annotations

from typing import Any

from sacrofem.errors import MeshError, explain

#: Shared library -> Debian package (seen with ``ldd libgmsh.so``).
GMSH_LIBRARIES = {
    "libGLU.so.1": "libglu1-mesa",
    "libGL.so.1": "libgl1",
    "libXrender.so.1": "libxrender1",
    "libXcursor.so.1": "libxcursor1",
    "libXfixes.so.3": "libxfixes3",
    "libXft.so.2": "libxft2",
    "libXinerama.so.1": "libxinerama1",
    "libfontconfig.so.1": "libfontconfig1",
}


def import_gmsh() -> Any:
    """Import Gmsh.

    Raises:
        MeshError: a system library is missing; names its Debian package.
    """
    try:
        import gmsh
    except OSError as error:
        raise missing_library(error) from error
    return gmsh


def missing_library(error: OSError) -> MeshError:
    """The error that tells what to install when Gmsh's shared library could not be loaded."""
    library = str(error).split(":", maxsplit=1)[0]
    package = GMSH_LIBRARIES.get(library)
    install = f"apt-get install {package}" if package else f"install the system package that holds {library}"
    return MeshError(
        explain(
            "Gmsh cannot be loaded because a system library is missing.",
            where="import gmsh",
            got=str(error),
            allowed="Gmsh's shared libraries (" + ", ".join(GMSH_LIBRARIES) + ")",
            next_step=f"{install}; `sacrofem doctor` lists everything that is missing",
        )
    )
