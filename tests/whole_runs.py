"""What tests of whole runs share: a small study, the command line, and the hashes of a folder."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pepstats.invented import study
from pepstats.invented.england import build_england
from pepstats.runs import manifest
from tests.worlds import ROOT

SCHOOLS = 900  # a small England, so that the kernels' own start is most of the time
REPORT = "autumn-2018"
LATER = "autumn-2018-revised"


def write_study(folder: Path, **england: float) -> Path:
    """Write a small invented England and a report and programmes on it."""
    study.write_all(study.lay_out_england(build_england(schools=SCHOOLS, **england)), folder)
    return folder


def invoke(*words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type a command, in another folder and environment where one is given."""
    return start_python("-m", "pepstats", *words, cwd=cwd, **environment)


def start_python(
    *words: str, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=600,
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, check=False,
    )  # fmt: skip


def hashes(folder: Path, *, but: tuple[str, ...] = ("manifest.json", "run.log")) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in but
    }


def restamp(run: Path, **changes: object) -> None:
    """Write a run's manifest anew, sealed, as if it had been made from a clean checkout."""
    content = manifest.read_manifest(run).as_dict()
    content["code"] = {**content["code"], "modified": False, "commit": "c" * 40}
    replace(run / manifest.MANIFEST, manifest.manifest_as_text({**content, **changes}))


def copy_of(folder: Path, place: Path) -> Path:
    """Copy a folder by links: a file in it is replaced, never written into."""
    return Path(shutil.copytree(folder, place, copy_function=os.link))


def replace(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)
