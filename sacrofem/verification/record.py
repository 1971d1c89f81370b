"""What `sacrofem verify` found on this installation, kept so that every run can say it in its report."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from sacrofem.errors import output_errors
from sacrofem.fingerprint import fingerprint_code
from sacrofem.verification.outcome import Verdict
from sacrofem.verification.registry import CHECKS


def default_record_folder() -> Path:
    """Where records are kept (the user's cache folder)."""
    return platformdirs.user_cache_path("sacrofem") / "verification"


def _record_of(code: str, folder: Path | None) -> Path:
    """The record's file: another version of the program, its libraries or its checks has another one."""
    return (folder or default_record_folder()) / f"{code[:16]}-{fingerprint_code(('verification',))[:16]}.json"


def list_verdicts(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as data: check, source, whether it passed, and its figures."""
    return [
        {
            "name": verdict.check.name,
            "title": verdict.check.title,
            "source": verdict.check.source,
            "exercises": verdict.check.exercises,
            "passed": verdict.passed,
            "seconds": round(verdict.seconds, 2),
            "figures": [
                {
                    "quantity": outcome.quantity,
                    "expected": float(outcome.expected),
                    "got": float(outcome.got),
                    "tolerance": outcome.tolerance,
                    "passed": outcome.passed,
                }
                for outcome in verdict.outcomes
            ],
        }
        for verdict in verdicts
    ]


def keep_record(verdicts: Iterable[Verdict], code: str, folder: Path | None = None) -> Path:
    """Add verdicts to the record of this installation.

    Args:
        verdicts: What was run; earlier verdicts of other checks stay.
        code: Fingerprint of the code and libraries that were checked.
        folder: Where records are kept (default: the user's cache).

    Raises:
        OutputError: the record cannot be written.
    """
    path = _record_of(code, folder)
    written = datetime.now(UTC).isoformat(timespec="seconds")
    with output_errors(path, "another folder for the cache (XDG_CACHE_HOME)"):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _read(path) | {found["name"]: {**found, "written": written} for found in list_verdicts(verdicts)}
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(held, indent=1, sort_keys=True) + "\n")
        os.replace(partial, path)
    return path


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Check -> what was kept of it; a record that cannot be read counts as none: checks can be run again."""
    try:
        held: dict[str, dict[str, Any]] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return held


def describe_verification(code: str, folder: Path | None = None) -> dict[str, Any]:
    """How far this installation is verified: every check of the list, with passed, failed, or not run.

    Args:
        code: Fingerprint of the code and libraries that a run uses.
        folder: Where records are kept (default: the user's cache).
    """
    held = _read(_record_of(code, folder))
    said = {True: "passed", False: "failed"}
    checks = [
        {
            "name": check.name,
            "title": check.title,
            "source": check.source,
            "status": said[held[check.name]["passed"]] if check.name in held else "not run",
            "written": held[check.name]["written"] if check.name in held else None,
        }
        for check in CHECKS
    ]
    states = [check["status"] for check in checks]
    failed = [str(check["name"]) for check in checks if check["status"] == "failed"]
    summary = f"{states.count('passed')} of {len(checks)} checks passed on this installation"
    if failed:
        summary += f", FAILED: {', '.join(failed)}"
    if "not run" in states:
        summary += f", {states.count('not run')} not run: sacrofem verify --full"
    return {"summary": summary, "checks": checks}
