"""Files of a run: written whole, in a folder that takes its place when done, each described."""

from __future__ import annotations

import csv
import errno
import hashlib
import os
import posixpath
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Annotated, Any

import pandas as pd
from pydantic import Field

from pepstats.errors import RunError
from pepstats.formatting import escape_formula, restore_text, settle_table
from pepstats.settings import Settings

CHANGES_FILE = "CHANGES.md"


def as_csv(table: pd.DataFrame, *, exact: bool = False) -> bytes:
    """Return a table as CSV, the index as its key where it has a name; the one way it is written.

    Fractions are settled, unless they are `exact`: figures as they were published. A text that a
    spreadsheet would run is written so that it is not: `read_csv` gives it back.
    """
    table = table if exact else settle_table(table)
    keyed = any(level is not None for level in table.index.names)
    table = _change_texts(table, escape_formula)
    text: str = table.to_csv(index=keyed, lineterminator="\n")
    if "\r" in text:  # which ends a row, for some readers, where it is not in quotation marks
        text = table.to_csv(index=keyed, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode("utf-8")


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read a table as a run wrote it; an empty cell is missing, `NA` is text."""
    known = {"keep_default_na": False, "na_values": [""], **options}
    return _change_texts(pd.read_csv(path, **known), restore_text)


def _change_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Change every text of a table, of its columns' names and of its key; no number is touched."""

    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(changed, value))
        return change(value) if isinstance(value, str) else value

    table = table.rename(columns=changed)
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column):
            continue
        texts = {text: changed(text) for text in column.unique() if isinstance(text, str)}
        moved = {text: new for text, new in texts.items() if new != text}
        if moved:
            column = column.astype(object) if column.dtype == "category" else column
            table.isetitem(place, column.where(~column.isin(moved), column.map(moved)))
    keys = table.index
    levels = keys.levels if isinstance(keys, pd.MultiIndex) else [keys]
    if any(changed(key) != key for level in levels if not pd.api.types.is_numeric_dtype(level)
           for key in level.unique()):  # fmt: skip
        table.index = keys.map(changed)
    return table


def check_name(name: str) -> str:
    """Return back a plain file name, or refuse one that could leave its folder."""
    if name in {"", ".", ".."} or name != Path(name).name or name.startswith(".") or "\\" in name:
        raise RunError(f"`{name}` cannot be a file name here.")
    return name


def keyed(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return a table by its key, refusing one that has a key twice."""
    found = table.set_index(key)
    if not found.index.is_unique:
        twice = found.index[found.index.duplicated()].unique().tolist()
        raise RunError(f"`{key}` is there twice for {twice[:5]}. Run the step that wrote it again.")
    return found


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is complete or absent; one that already says this is left alone."""
    if path.is_file() and path.read_bytes() == content:
        return
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)  # noqa: PTH105 - atomic on every system we run on
    except OSError:  # a full disk, most often: no half file is left on it
        partial.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


STUDY = "study"  # where a release carries what it may of its data folder
OUTSIDE = "inputs"  # and what lay outside it


def place_of(name: str) -> str | None:
    """Return a data file's plain place, `..` only at its front; None where it is a whole path."""
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute():
        return None
    return posixpath.normpath(name.replace("\\", "/"))


def copy_into(source: Path, place: Path) -> None:
    """Copy a file to a place, in folders that are made where they are not there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)


def lab_beside(final: Path) -> Path:
    """Return where steps run by hand write, beside a finished run."""
    return final.with_name(f"{final.name}.lab")


@contextmanager
def fill_folder(final: Path) -> Iterator[Path]:
    """Make a hidden folder to be filled, which takes a finished one's place once it is whole.

    No two commands fill the same folder: the second is refused.
    """
    with hold_alone(final):
        sweep_partial(final)
        making = final.with_name(f".{final.name}.partial-{os.getpid()}")
        try:
            making.mkdir()
            yield making
        except BaseException as error:
            removed = not making.is_dir()
            with undisturbed():
                shutil.rmtree(making, ignore_errors=True)
            if isinstance(error, OSError) and error.errno and not error.filename:
                error.filename = str(final.parent)  # a full disk does not say where
            elif removed and isinstance(error, Exception):
                raise RunError(f"{making} was taken away meanwhile. Do it again.") from error
            raise
        with undisturbed():
            replace_folder(making, final)


@contextmanager
def hold_alone(place: Path) -> Iterator[None]:
    """Hold a folder, there or not, as the only command; refuse where another holds it.

    What is held is a hidden file beside it; the system lets go of it when a command is killed.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    path = place.with_name(f".{place.name}.lock")
    while True:
        with path.open("a", encoding="ascii") as lock:
            if not _lock(lock):
                raise RunError(
                    f"Another command is at work on {place}. Wait until it is done, or stop it."
                )
            if not _is_still_there(path, lock):
                continue  # another let go of it, and took it away, in between
            try:
                yield
            finally:
                with suppress(PermissionError):  # Windows takes no open file away
                    path.unlink(missing_ok=True)
            return


def _is_still_there(path: Path, file: IO[str]) -> bool:
    """Say whether an open file is still the one of that name."""
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _lock(file: IO[str]) -> bool:
    """Lock an open file for this command alone; False where another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in {errno.EACCES, errno.EAGAIN}  # other: a drive without locks
    return True


STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP")
              if hasattr(signal, name))  # fmt: skip
"""How a person or the machine asks a command to stop."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let a request to stop wait until what is inside is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {one: signal.signal(one, lambda number, _: came.append(number)) for one in STOPS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler or signal.SIG_DFL)
    for number in came[:1]:
        signal.raise_signal(number)


def replace_folder(making: Path, final: Path) -> None:
    """Put a finished folder in the place of the last one, which is whole until the new is there."""
    old = final.with_name(f".{final.name}.old-{os.getpid()}")
    if final.exists():
        final.rename(old)
    try:
        making.rename(final)
    except OSError:
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


_PRIVATE = "pepstats-"  # how the name of a temporary folder of ours begins


@contextmanager
def private_folder(within: str | None = None) -> Iterator[Path]:
    """Make a temporary folder; what killed commands left of theirs is cleared away first."""
    for left in Path(within or tempfile.gettempdir()).glob(f"{_PRIVATE}*-*"):
        number = left.name.removeprefix(_PRIVATE).partition("-")[0]
        if number.isdigit() and not _alive(int(number), us=True):
            shutil.rmtree(left, ignore_errors=True)
    name = f"{_PRIVATE}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=name, dir=within, ignore_cleanup_errors=True) as place:
        yield Path(place)


def sweep_partial(final: Path) -> None:
    """Clear away what a killed command left; put back a finished folder it had moved aside."""
    for left in sorted(final.parent.glob(f".{final.name}.*-*")):
        kind, _, number = left.name.removeprefix(f".{final.name}.").rpartition("-")
        if kind not in {"partial", "old"} or not number.isdigit() or _alive(int(number)):
            continue
        if kind == "old" and not final.exists():
            left.rename(final)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int, *, us: bool = False) -> bool:
    """Whether another command may still be at work; where that cannot be asked, we let it be.

    Our own number is that of a dead one, unless what it names may be ours (`us`).
    """
    if process == os.getpid() or os.name != "posix":
        return us or process != os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


MANIFEST, LOG = "manifest.json", "run.log"
LONGEST_KEY = 6
EXACT_STEPS = ("01-clean-sources",)
"""Steps whose tables hold what was published: not even the last digit may differ."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class Output(Settings):
    """One file that a run wrote; a table also has its rows, key and columns."""

    sha256: Digest
    bytes: Count
    rows: Count | None = None
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def describe_files(run: Path) -> dict[str, Output]:
    """List every file of a run but its manifest and log, with what each is."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_file() and name not in {MANIFEST, LOG}:
            one = Output(sha256=sha256_of(path), bytes=path.stat().st_size)
            found[name] = _describe_table(path, name, one) if path.suffix == ".csv" else one
    return found


def _describe_table(path: Path, name: str, one: Output) -> Output:
    """Say of a table how many rows it has, what identifies one, and which columns are numbers."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    floats = tuple(str(c) for c in table if pd.api.types.is_float_dtype(table[c]))
    numbers = () if name.split("/")[0] in EXACT_STEPS else floats
    columns = tuple(map(str, table.columns))
    about = {"rows": len(table), "key": find_key(table), "columns": columns, "numbers": numbers}
    return one.model_copy(update=about)


def find_key(table: pd.DataFrame) -> tuple[str, ...]:
    """Find the fewest first columns that tell each row from all others; none: its line does."""
    for width in range(1, min(LONGEST_KEY, len(table.columns)) + 1):
        if pd.api.types.is_float_dtype(table.iloc[:, width - 1]):
            break
        if not table.duplicated(list(table.columns[:width])).any():
            return tuple(map(str, table.columns[:width]))
    return ()
