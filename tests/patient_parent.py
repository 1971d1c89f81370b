"""For tests of the benchmarks: starts a child that sleeps, writes its number to a file, and waits for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    child = subprocess.Popen(["sleep", "600"])
    Path(sys.argv[1]).write_text(str(child.pid), encoding="ascii")
    child.wait()
