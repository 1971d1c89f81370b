"""Runs a study on the ranks it is started on: python -m tests.ranked_study STUDY.json FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import sacrofem


def main() -> None:
    """Read the study, run it, and leave its results in the folder."""
    study = sacrofem.Study.model_validate_json(Path(sys.argv[1]).read_text())
    sacrofem.run_study(study, output=Path(sys.argv[2]), pictures=False)


if __name__ == "__main__":
    main()
