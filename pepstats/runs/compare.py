"""Two copies of a file a run wrote, compared as what they are: cell by cell, word by word.

Bytes in, findings out. A table is compared by its key, column by column, each column by its rule;
every other kind by its words, and byte by byte where both were made by the same versions of
everything: elsewhere the tables answer for the pictures.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from pepstats.runs.files import Output
from pepstats.runs.manifest import CLOSE, DIFFERS, SAME, UNKNOWN, WHOLE, Finding

LARGEST_PART = 200_000_000  # bytes of one part of a packed file, unpacked


@dataclass(frozen=True)
class Content:
    """What a file says and shows: its words, and the hash of each of its pictures."""

    words: str
    pictures: tuple[str, ...] = ()


def read_content(name: str, content: bytes) -> Content:
    """Return the words and pictures of a file of any kind a run writes, told by its ending."""
    kind = PurePosixPath(name).suffix
    if kind == ".html":
        return read_page(content.decode("utf-8"))
    if kind in {".png", ".svg"}:
        return Content("", (_digest(content),))
    if kind not in {".ipynb", ".docx", ".xlsx"}:
        return Content(content.decode("utf-8"))
    packed = kind != ".ipynb"
    parts = list(_read_packed(content) if packed else _read_notebook(json.loads(content)))
    pictures = tuple(picture for part in parts for picture in part.pictures)
    return Content("\n".join(part.words for part in parts), pictures)


def _read_notebook(value: Any, kind: str = "") -> Iterator[Content]:
    """Read all that a notebook holds, key by key; a list of lines is one text."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _read_notebook(inside, key)
        return
    if isinstance(value, list) and not all(isinstance(line, str) for line in value):
        for inside in value:
            yield from _read_notebook(inside, kind)
        return
    text = "".join(value) if isinstance(value, list) else str(value)
    if kind == "text/html":
        yield read_page(text)
    elif kind.startswith("image/"):
        drawn = text.encode("utf-8") if "svg" in kind else base64.b64decode(text)
        yield Content("", (_digest(drawn),))
    else:
        yield Content(f"{kind} {text}")


_EMBEDDED = re.compile(r"data:image/[\w+.-]+;base64,([A-Za-z0-9+/=\s]*)")
_SAID = {"alt", "title", "href", "lang", "aria-label", "descr", "target", "name"}


class _Words(HTMLParser):
    """The words between tags, and those in attributes that stand for a picture or a link."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in {"style", "script"}
        self.words += [value for key, value in attrs if key in _SAID and value]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(data)


def read_page(page: str) -> Content:
    """Return the words of a page, or of other text with tags, and the pictures embedded in it."""
    reader = _Words()
    reader.feed(_EMBEDDED.sub("", page))
    reader.close()
    pictures = tuple(_digest(base64.b64decode(found)) for found in _EMBEDDED.findall(page))
    return Content(" ".join(reader.words), pictures)


def _read_packed(content: bytes) -> Iterator[Content]:
    """Read the parts of a Word file or workbook; one that has no words is a picture."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for entry in packed.infolist():
            if entry.file_size > LARGEST_PART:
                raise ValueError(f"{entry.filename} unpacks to {entry.file_size:,} bytes")
            inside = packed.read(entry)
            if entry.filename.endswith((".xml", ".rels")):
                yield Content(f"{entry.filename} {read_page(inside.decode('utf-8')).words}")
            else:
                yield Content(entry.filename, (_digest(inside),))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


RELATIVE, FLOOR = 1e-9, 1e-12
"""How far a number that was worked out may be from itself, relative to it and to the largest of its
column: sums and solved equations may differ in their last digits between processors and versions of
numpy, and what is zero but for rounding has no digits of its own. All else is exact."""


def compare_file(
    name: str, made: bytes, again: bytes, about: Output, *, alike: bool
) -> list[Finding]:
    """Compare a file with the one made again; one finding `same` where the bytes are.

    `alike` says that both were made with the same versions on the same kind of machine, so that
    even what has no words, a picture or a document's looks, must be the same.
    """
    if made == again:
        return [Finding(name, WHOLE, SAME)]
    kind = PurePosixPath(name).suffix
    try:
        if kind == ".csv":
            found = compare_tables(name, made, again, about)
        elif kind == ".json":
            found = compare_entries(name, made, again)
        else:
            ours, theirs = (read_content(name, copy).words for copy in (made, again))
            told = first_difference(ours, theirs)
            found = [Finding(name, "(words)", DIFFERS, told)] if ours != theirs else []
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, OSError, csv.Error,
            RecursionError, NotImplementedError) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [Finding(name, WHOLE, DIFFERS, f"cannot be read as what it is: {reason}")]
    if found:
        return found
    if alike or kind in {".csv", ".json", ".txt"}:
        return [Finding(name, WHOLE, DIFFERS, "the same words and numbers in other bytes")]
    note = "the same words; how they look, and pictures, are made by other versions: see the tables"
    return [Finding(name, WHOLE, UNKNOWN, note)]


NOT_AGAIN = "not in the one made again"


def _find_lost(name: str, ours: Iterable[str], theirs: Iterable[str], what: str) -> list[Finding]:
    """Find what only one of two files has, by its name."""
    here, there = dict.fromkeys(ours), dict.fromkeys(theirs)
    lost = {**{key: "not in the file" for key in there if key not in here},
            **{key: NOT_AGAIN for key in here if key not in there}}  # fmt: skip
    return [Finding(name, key, DIFFERS, f"{what}{note}") for key, note in lost.items()]


def compare_tables(name: str, made: bytes, again: bytes, about: Output) -> list[Finding]:
    """Compare two CSV tables by key: columns, rows, their order, then every cell."""
    ours, theirs = _read_table(made, about.key), _read_table(again, about.key)
    found = _find_lost(name, ours, theirs, "column ")
    shared = [column for column in ours if column in theirs]
    if shared != [column for column in theirs if column in ours]:
        found.append(Finding(name, "(columns)", DIFFERS, "columns in another order"))
    here, there = ours.index, theirs.index
    both = here[here.isin(there)]
    moved = both[both != there[there.isin(here)]]
    for note, rows in (
        ("missing", there.difference(here, sort=False)),
        (NOT_AGAIN, here.difference(there, sort=False)),
        ("in another order", moved),
    ):
        if len(rows):
            listed = "; ".join(rows[:3]) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
            found.append(Finding(name, "(rows)", DIFFERS, f"{note}: {listed}", len(rows)))
    for column in shared:
        cells = ours.loc[both, column], theirs.loc[both, column]
        found += _compare_column(name, *cells, number=column in about.numbers)
    return found


def _read_table(content: bytes, key: Sequence[str]) -> pd.DataFrame:
    """Return a table's cells as text, each row named by its key, else by its line in the file."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"line {line} has {len(row)} cells, the header {len(header)}")
    if len(set(header)) < len(header):
        raise ValueError("a column is there twice")
    table = pd.DataFrame(rows, columns=header, dtype="str")
    if key and set(key) <= set(header):
        named = [", ".join(f"{k} {cell}" for k, cell in zip(key, row, strict=True))
                 for row in table[list(key)].itertuples(index=False)]  # fmt: skip
        names = pd.Series(named, dtype="str")
        times = names.groupby(names).cumcount()
        names = names.where(times == 0, names + " (again " + times.astype("str") + ")")
        return table.set_index(pd.Index(names))
    return table.set_index(pd.Index([f"line {line}" for line in range(2, len(table) + 2)]))


def _compare_column(
    name: str, ours: pd.Series, theirs: pd.Series, *, number: bool
) -> Iterator[Finding]:
    """Compare a column's cells, row by row; a number that is missing is close to nothing."""
    other = (ours != theirs).to_numpy()
    if not other.any():
        return
    x, y = (pd.to_numeric(cells, errors="coerce").to_numpy(float) for cells in (ours, theirs))
    scale = float(np.abs(y[np.isfinite(y)]).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        apart = np.abs(x - y)
        allowed = np.maximum(RELATIVE * np.fmax(np.abs(x), np.abs(y)), FLOOR * scale)
    near = np.isfinite(apart) & (apart <= allowed) & number
    for verdict, rows in ((CLOSE, other & near), (DIFFERS, other & ~near)):
        if rows.any():
            first = int(np.flatnonzero(rows)[0])
            told = f"{_short(ours.iloc[first])}, made again {_short(theirs.iloc[first])}"
            note = f"{ours.index[first]}: {told}" if verdict == DIFFERS else ""
            known = apart[rows & np.isfinite(apart)]
            largest = float(known.max()) if len(known) else None
            yield Finding(name, str(ours.name), verdict, note, int(rows.sum()), largest)


def compare_entries(name: str, made: bytes, again: bytes) -> list[Finding]:
    """Compare two JSON files entry by entry; fractions may differ in their last digits."""
    ours, theirs = _flatten(json.loads(made)), _flatten(json.loads(again))
    found = _find_lost(name, ours, theirs, "")
    for key in (key for key in ours if key in theirs):
        a, b = ours[key], theirs[key]
        if type(a) is type(b) and a == b:
            continue
        told = f"{_short(repr(a))}, made again {_short(repr(b))}"
        if isinstance(a, float) and isinstance(b, float):
            floor = FLOOR * max(abs(a), abs(b), 1.0)
            close = math.isclose(a, b, rel_tol=RELATIVE, abs_tol=floor)
            found.append(Finding(name, key, CLOSE if close else DIFFERS, told, 1, abs(a - b)))
        else:
            found.append(Finding(name, key, DIFFERS, told, 1))
    return found


def _flatten(content: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(content, dict | list):
        return {path: content}
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    flat: dict[str, Any] = {f"{path} (size)": len(content)}
    for key, value in inside:
        flat |= _flatten(value, f"{path}.{key}" if path else str(key))
    return flat


def first_difference(ours: str, theirs: str) -> str:
    """Find where two texts first differ, in the words around it."""
    a, b = ours.split(), theirs.split()
    for place, (x, y) in enumerate(zip_longest(a, b)):
        if x != y:
            start = max(0, place - 4)
            said, again = " ".join(a[start : place + 5]), " ".join(b[start : place + 5])
            return f"“{_short(said, 80)}”, made again “{_short(again, 80)}”"
    return "the same words, spaced in another way"


def _short(text: str, longest: int = 40) -> str:
    told = text or "(empty)"
    return told if len(told) <= longest else told[: longest - 1] + "…"
