"""What tests of whole runs share: a small study, the command line, and the hashes of a folder."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from pepstats import invented
from tests.worlds import ROOT

SCHOOLS = 900  # a small England, so that the kernels' own start is most of the time
REPORT = "autumn-2018"


def write_study(folder: Path, **england: float) -> Path:
    """Write a small invented England and a report and programmes on it."""
    invented.write(invented.build(schools=SCHOOLS, **england), folder)
    return folder


def invoke(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pepstats", *words], capture_output=True, text=True, timeout=600,
        cwd=ROOT, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


def hashes(folder: Path, *, but: tuple[str, ...] = ("manifest.json", "run.log")) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in but
    }
