"""Two copies of a file a run wrote, compared as what they are: cell by cell, word by word.

Bytes in, findings out. A table is compared by its key, column by column, each column by its rule; a
picture as it is drawn; all else byte by byte. Which versions made it loosens nothing.
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
import zlib
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from pepstats.runs.files import Output
from pepstats.runs.manifest import CLOSE, DIFFERS, SAME, WHOLE, Finding

LARGEST_PART = 200_000_000  # bytes of one part of a packed file, unpacked


_NUMBER = re.compile(r"(?<![\w.#-])-?\d+\.\d+(?![\w.])")
_KINDS = re.compile(r"data:image/(svg|png)[\w+.-]*;base64,([A-Za-z0-9+/=\s]*)")
_EMBEDDED = re.compile(r"data:image/[\w+.-]+;base64,([A-Za-z0-9+/=\s]*)")
_SAID = {"alt", "title", "href", "lang", "aria-label", "descr", "target", "name"}


class Content(HTMLParser):
    """What a file of a run says and shows: its words, and the hash of each of its pictures."""

    def __init__(self, name: str, content: bytes) -> None:
        """Read a file of any kind a run writes; the ending of its name says which."""
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.pictures: list[str] = []
        self.hidden = False
        kind = PurePosixPath(name).suffix
        if kind in {".png", ".svg"}:
            self._see(content)
        elif kind in {".docx", ".xlsx"}:
            self._read_packed(content)
        elif kind == ".ipynb":
            self._read_notebook(json.loads(content))
        elif kind == ".html":
            self._read_page(content.decode("utf-8"))
        else:
            self.said.append(content.decode("utf-8"))

    @property
    def words(self) -> str:
        """All words, in their order."""
        return "\n".join(self.said)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the words in attributes, which stand for a picture or a link."""
        self.hidden = tag in {"style", "script"}
        self.said += [value for key, value in attrs if key in _SAID and value]

    def handle_endtag(self, tag: str) -> None:
        """See what comes after a style or a script."""
        self.hidden = False

    def handle_data(self, data: str) -> None:
        """Take the words between tags."""
        if not self.hidden:
            self.said.append(data)

    def _see(self, picture: bytes) -> None:
        self.pictures.append(hashlib.sha256(picture).hexdigest())

    def _read_page(self, page: str) -> None:
        """Read a page, or another text with tags, and the pictures embedded in it."""
        for picture in _EMBEDDED.findall(page):
            self._see(base64.b64decode(picture))
        self.reset()
        self.hidden = False
        self.feed(_EMBEDDED.sub("", page))
        self.close()

    def _read_packed(self, content: bytes) -> None:
        """Read each part of a Word file or workbook; one that has no words is a picture."""
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for entry in packed.infolist():
                if entry.file_size > LARGEST_PART:
                    raise ValueError(f"{entry.filename} unpacks to {entry.file_size:,} bytes")
                self.said.append(entry.filename)
                if entry.filename.endswith((".xml", ".rels")):
                    self._read_page(packed.read(entry).decode("utf-8"))
                else:
                    self._see(packed.read(entry))

    def _read_notebook(self, value: Any, kind: str = "") -> None:
        """Read all that a notebook holds, key by key; a list of lines is one text."""
        if isinstance(value, dict):
            for key, inside in value.items():
                self._read_notebook(inside, key)
        elif isinstance(value, list) and not all(isinstance(line, str) for line in value):
            for inside in value:
                self._read_notebook(inside, kind)
        elif kind == "text/html":
            self._read_page("".join(value))
        elif kind.startswith("image/"):
            drawn = "".join(value)
            self._see(drawn.encode("utf-8") if "svg" in kind else base64.b64decode(drawn))
        else:
            self.said.append(f"{kind} {''.join(value) if isinstance(value, list) else value}")


RELATIVE, FLOOR = 1e-9, 1e-12
"""How far a number that was worked out may be from itself, relative to it and to the largest of its
column: sums and solved equations may differ in their last digits between processors and versions of
numpy, and what is zero but for rounding has no digits of its own. All else is exact."""


def compare_file(
    name: str, made: bytes, again: bytes, about: Output | None = None
) -> list[Finding]:
    """Compare a file with the one made again, as what it is; one finding `same` where nothing is.

    A table is compared cell by cell, a picture as it is drawn; all else, also what has words and
    pictures together, must be the same bytes but for its pictures.
    """
    if made == again:
        return [Finding(name, WHOLE, SAME)]
    kind = PurePosixPath(name).suffix
    try:
        if kind == ".csv" and about is not None:
            found = compare_tables(name, made, again, about)
        elif kind == ".json":
            found = compare_entries(name, made, again)
        else:
            found = list(_compare_parts(name, made, again))
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, OSError, csv.Error,
            RecursionError, NotImplementedError, EOFError, SyntaxError,
            zlib.error) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [Finding(name, WHOLE, DIFFERS, f"cannot be read as what it is: {reason}")]
    if found:
        return found
    if kind in {".csv", ".json", ".txt"}:
        return [Finding(name, WHOLE, DIFFERS, "the same words and numbers in other bytes")]
    return [Finding(name, WHOLE, CLOSE, "the same but for the last digits of its pictures")]


def _compare_parts(name: str, made: bytes, again: bytes) -> Iterator[Finding]:
    """Compare what a file is made of: its pictures as they are drawn, all else byte for byte."""
    ours, theirs = _split(name, made), _split(name, again)
    words, words_again = (Content(name, copy).words for copy in (made, again))
    if words != words_again:
        yield Finding(name, "(words)", DIFFERS, first_difference(words, words_again))
        return
    if [part for part, _ in ours] != [part for part, _ in theirs]:
        yield Finding(name, "(parts)", DIFFERS, "made of other parts")
        return
    for (part, one), (_, other) in zip(ours, theirs, strict=True):
        if one == other:
            continue
        kind = PurePosixPath(part).suffix
        if kind in {".svg", ".png"}:
            if note := compare_pictures(kind, one, other):
                yield Finding(name, part if part != name else "(picture)", DIFFERS, note)
        else:
            yield Finding(name, part if part != name else "(looks)", DIFFERS,
                          "the same words, laid out in another way")  # fmt: skip


def _split(name: str, content: bytes) -> list[tuple[str, bytes]]:
    """Split a file into its parts, each picture by itself, in their order."""
    kind = PurePosixPath(name).suffix
    if kind in {".docx", ".xlsx"}:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            infos = packed.infolist()
            if large := [one.filename for one in infos if one.file_size > LARGEST_PART]:
                raise ValueError(f"{large[0]} unpacks to too much")
            parts = [(one.filename, packed.read(one)) for one in infos]
            packing = [(one.date_time, one.extra, one.comment) for one in infos]
            return [*parts, ("(packing)", repr((packing, packed.comment)).encode("utf-8"))]
    if kind == ".html":
        page = content.decode("utf-8")
        found = [
            (f"picture {n}.{match.group(1)}", base64.b64decode(match.group(2)))
            for n, match in enumerate(_KINDS.finditer(page), start=1)
        ]
        return [(name, _EMBEDDED.sub("", page).encode("utf-8")), *found]
    if kind == ".ipynb":
        return [
            (f"cell {n}", text.encode("utf-8"))
            for n, text in enumerate(Content(name, content).said)
        ]
    return [(name, content)]


DRAWN_NEAR, PIXEL_NEAR = 0.05, 8
"""How far a line may lie from itself: points of a drawing, of 255 shades of a pixel. Processors
differ in the last digits of a number, which is less than a thousandth of either."""


def compare_pictures(kind: str, made: bytes, again: bytes) -> str:
    """Say how two pictures differ as they are drawn; nothing where no eye could tell."""
    if kind == ".png":
        from matplotlib.image import imread

        if _chunks(made) != _chunks(again):
            return "more or other than a picture is in it"
        ours, theirs = (np.asarray(imread(io.BytesIO(one)), dtype=float) for one in (made, again))
        if ours.shape != theirs.shape:
            return "a picture of another size"
        apart = float(np.abs(ours - theirs).max(initial=0.0)) * 255
        return "" if apart <= PIXEL_NEAR else f"drawn otherwise, by up to {apart:.0f} shades of 255"
    if made.count(b"<script") or made.count(b"<!ENTITY"):
        return "more than a drawing is in it"
    ours_said, theirs_said = (_NUMBER.split(one.decode("utf-8")) for one in (made, again))
    if ours_said != theirs_said:
        return "drawn otherwise"
    numbers, others = (
        np.array([float(n) for n in _NUMBER.findall(one.decode("utf-8"))]) for one in (made, again)
    )
    apart = float(np.abs(numbers - others).max(initial=0.0))
    return "" if apart <= DRAWN_NEAR else f"drawn otherwise, by up to {apart:.2g} points"


def _chunks(png: bytes) -> list[bytes]:
    """Return all of a PNG but its pixels, which may be packed in more than one way."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG")
    found, at = [], 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] != b"IDAT":
            found.append(png[at : at + 12 + length])
        at += 12 + length
    return found


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
