"""Where results go: the sections of docs/benchmarks.md between marks, and what machine they are from."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def describe_machine() -> str:
    """Processor, cores and system."""
    try:
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        model = None
    load = os.getloadavg()[0]
    cores = os.cpu_count()
    return f"{model.group(1) if model else platform.processor()}, {cores} cores, {platform.system()}; load {load:.1f} at the end"


def replace_section(page: Path, name: str, lines: list[str]) -> None:
    """Put a section into the page, in place of the last one of its name, or at its end.

    Args:
        page: A Markdown file.
        name: Of the section; ``<!-- name begins -->`` and ``<!-- name ends -->`` mark it.
        lines: Its content.
    """
    begin, end = f"<!-- {name} begins -->", f"<!-- {name} ends -->"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    if begin not in text:
        text = f"{text.rstrip()}\n\n## {name.capitalize()}\n\n{begin}\n{end}\n"
    before, rest = text.split(begin, 1)
    page.write_text(f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{rest.split(end, 1)[1]}", encoding="utf-8")
