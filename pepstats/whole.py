"""A folder that is whole or not there: made beside its place, and put there by a rename."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def begin(final: Path) -> Path:
    """Make a hidden folder beside the place of a finished one, and give it to be filled."""
    final.parent.mkdir(parents=True, exist_ok=True)
    sweep(final)
    making = final.with_name(f".{final.name}.partial-{os.getpid()}")
    making.mkdir()
    return making


def take_place(making: Path, final: Path) -> None:
    """Put a finished folder in the place of the last one, which is whole until the new is there."""
    old = final.with_name(f".{final.name}.old-{os.getpid()}")
    if final.exists():
        final.rename(old)
    making.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def give_up(making: Path) -> None:
    """Clear away a folder that will not be finished."""
    shutil.rmtree(making, ignore_errors=True)


def sweep(final: Path) -> None:
    """Clear away what a killed command left; put back a finished folder it had moved aside."""
    for left in sorted(final.parent.glob(f".{final.name}.*-*")):
        kind, _, number = left.name.removeprefix(f".{final.name}.").rpartition("-")
        if kind not in {"partial", "old"} or not number.isdigit() or _alive(int(number)):
            continue
        if kind == "old" and not final.exists():
            left.rename(final)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    """Whether another command may still be at work; where that cannot be asked, we let it be."""
    if process == os.getpid() or os.name != "posix":
        return process != os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
