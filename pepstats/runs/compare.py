"""Two copies of a file a run wrote, compared as what they are: cell by cell, word by word.

Bytes in, findings out. A table is compared by its key, column by column, each column by its rule; a
picture as it is drawn; all else byte by byte. Which versions made it loosens nothing.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any
from xml.parsers import expat

import numpy as np
import pandas as pd

from pepstats.formatting import WRITTEN
from pepstats.runs.files import Output
from pepstats.runs.manifest import CLOSE, DIFFERS, SAME, WHOLE, Finding

LARGEST_PART = 200_000_000  # bytes of one part of a packed file, unpacked


_NUMBER = re.compile(r"(?<![\w.#-])-?\d+\.\d+(?![\w.])")
_KINDS = re.compile(r"data:image/(svg|png)[\w+.-]*;base64,([A-Za-z0-9+/=\s]*)")
_EMBEDDED = re.compile(r"data:image/[\w+.-]+;base64,([A-Za-z0-9+/=\s]*)")
_SAID = {"alt", "title", "href", "lang", "aria-label", "descr", "target", "name"}


class Content(HTMLParser):
    """What a file of a run says: its words, and none of its pictures."""

    def __init__(self, name: str, content: bytes) -> None:
        """Read a file of any kind a run writes; the ending of its name says which."""
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.hidden = False
        kind = PurePosixPath(name).suffix
        if kind in {".docx", ".xlsx"}:
            self._read_packed(content)
        elif kind == ".ipynb":
            self._read_notebook(json.loads(content))
        elif kind == ".html":
            self._read_page(content.decode("utf-8"))
        elif kind not in {".png", ".svg"}:
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

    def _read_page(self, page: str) -> None:
        """Read a page, or another text with tags, without the pictures embedded in it."""
        self.reset()
        self.hidden = False
        self.feed(_EMBEDDED.sub("", page))
        self.close()

    def _read_packed(self, content: bytes) -> None:
        """Read each part of a Word file or workbook that has words."""
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for entry in packed.infolist():
                if entry.file_size > LARGEST_PART:
                    raise ValueError(f"{entry.filename} unpacks to {entry.file_size:,} bytes")
                self.said.append(entry.filename)
                if entry.filename.endswith((".xml", ".rels")):
                    self._read_part(packed.read(entry))

    def _read_part(self, part: bytes) -> None:
        """Read a part of a packed file, which is XML; none of ours declares entities."""
        reader = expat.ParserCreate()
        reader.buffer_text = True
        reader.StartElementHandler = self._see_element
        reader.CharacterDataHandler = self.said.append
        reader.EntityDeclHandler = _refuse_entity
        try:
            reader.Parse(part, True)
        except expat.ExpatError as error:
            raise ValueError(f"its XML is broken: {error}") from None

    def _see_element(self, tag: str, attributes: dict[str, str]) -> None:
        self.said += [value for key, value in attributes.items() if key.lower() in _SAID and value]

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
        elif not kind.startswith("image/"):
            self.said.append(f"{kind} {''.join(value) if isinstance(value, list) else value}")


def _refuse_entity(*_: object) -> None:
    raise ValueError("its XML declares an entity")


LAST_DIGIT, FLOOR = WRITTEN - 1, 1e-12
"""How far a number that was worked out may be from itself: one in the last of the digits that are
written, where a rounding fell to the other side, and what is zero but for rounding, relative to the
largest of its column, which has no digits of its own. All else is exact."""


def _allow(numbers: Any, others: Any, largest: float) -> Any:
    """Return how far numbers may lie from others: one in the last digit that is written."""
    size = np.fmax(np.abs(numbers), np.abs(others))
    with np.errstate(divide="ignore", invalid="ignore"):
        last = 10.0 ** (np.floor(np.log10(size)) - LAST_DIGIT)
    return np.fmax(np.nan_to_num(last, posinf=0.0) * (1 + 1e-4), FLOOR * largest)


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
    if any(one.verdict == DIFFERS for one in found):
        return found
    if found and (kind not in {".csv", ".json"} or _between(made) == _between(again)):
        return found
    what = "numbers" if kind in {".csv", ".json", ".txt"} else "pictures"
    return [Finding(name, WHOLE, DIFFERS, f"the same words and {what} in other bytes")]


def _between(content: bytes) -> list[bytes]:
    """Return all that stands between the numbers of a table or of entries."""
    return re.split(rb"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", content)


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
            note = compare_pictures(kind, one, other)
            yield Finding(name, part if part != name else "(picture)", DIFFERS if note else CLOSE,
                          note or "the same but for its last digits")  # fmt: skip
        else:
            yield Finding(name, part if part != name else "(looks)", DIFFERS,
                          "the same words, laid out in another way")  # fmt: skip


def _split(name: str, content: bytes) -> list[tuple[str, bytes]]:
    """Split a file into its parts, each picture by itself, in their order."""
    kind = PurePosixPath(name).suffix
    if kind in {".docx", ".xlsx"}:
        return _split_packed(content)
    if kind == ".html":
        return _split_page(name, content.decode("utf-8"))
    if kind == ".ipynb":
        notebook = json.loads(content)
        as_written = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        other = content if content != as_written.encode("utf-8") else b""
        return [*_split_notebook(notebook, ""), ("(as it is written)", other)]
    return [(name, content)]


def _split_packed(content: bytes) -> list[tuple[str, bytes]]:
    """Split a Word file or workbook into what is packed in it, and how it is packed."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        infos = packed.infolist()
        if large := [one.filename for one in infos if one.file_size > LARGEST_PART]:
            raise ValueError(f"{large[0]} unpacks to too much")
        parts = [(one.filename, packed.read(one)) for one in infos]
        how = [(one.date_time, one.extra, one.comment, one.flag_bits, one.compress_type,
                one.external_attr) for one in infos]  # fmt: skip
        heads = sum(30 + 46 + 2 * len(one.orig_filename.encode("utf-8")) for one in infos)
        more = len(content) - heads - sum(one.compress_size for one in infos) - 22
    return [*parts, ("(packing)", repr((how, packed.comment, more)).encode("utf-8"))]


def _split_page(name: str, page: str) -> list[tuple[str, bytes]]:
    """Split a page into its text and the pictures that are embedded in it."""
    found = [
        (f"picture {n}.{match.group(1)}", _unpack(match.group(2)))
        for n, match in enumerate(_KINDS.finditer(page), start=1)
    ]
    return [(name, _EMBEDDED.sub("", page).encode("utf-8")), *found]


def _unpack(text: str) -> bytes:
    """Return a picture from its letters, refusing any that are none of it."""
    drawn = base64.b64decode(text)
    if base64.b64encode(drawn).decode("ascii") != "".join(text.split()):
        raise ValueError("more than a picture is in it")
    return drawn


def _split_notebook(value: Any, path: str) -> Iterator[tuple[str, bytes]]:
    """Split a notebook into all it holds, by the keys that lead there; lines are one text."""
    kind = path.rpartition(" ")[2]
    if isinstance(value, dict):
        yield f"{path} (keys)", repr(sorted(value)).encode("utf-8")
        for key, inside in value.items():
            yield from _split_notebook(inside, f"{path} {key}".strip())
    elif isinstance(value, list) and not all(isinstance(line, str) for line in value):
        yield f"{path} (size)", repr(len(value)).encode("utf-8")
        for number, inside in enumerate(value):
            yield from _split_notebook(inside, f"{path} {number}")
    elif kind == "text/html":
        for part, content in _split_page("(page)", "".join(value)):
            yield f"{path} {part}", content
    elif kind == "image/png":
        yield f"{path}.png", _unpack("".join(value))
    elif kind.startswith("image/svg"):
        yield f"{path}.svg", "".join(value).encode("utf-8")
    else:
        yield path, json.dumps(value).encode("utf-8")


DRAWN_NEAR, PIXEL_NEAR = 0.05, 8
"""How far a line may lie from itself: points of a drawing, of 255 shades of a pixel. Processors
differ in the last digits of a number, which is less than a thousandth of either; a small number,
which may be a scale or a shade, by no more than a thousandth of itself."""


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
    apart = np.abs(numbers - others)
    far = apart > np.clip(np.abs(others) / 1000, 1e-4, DRAWN_NEAR)
    return f"drawn otherwise, by up to {apart[far].max():.2g} points" if far.any() else ""


def _chunks(png: bytes) -> list[bytes]:
    """Return all of a PNG but its pixels, which may be packed in more than one way."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG")
    found: list[bytes] = []
    pixels, at = zlib.decompressobj(), 8
    while at < len(png) and found[-1:] != [_END]:
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] != b"IDAT":
            found.append(png[at : at + 12 + length])
        elif pixels.eof:
            raise ValueError("more than a picture is in it")
        else:
            pixels.decompress(png[at + 8 : at + 8 + length])
        at += 12 + length
    return [*found, png[at:], pixels.unused_data]


_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


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
    near = np.isfinite(apart) & (apart > 0) & (apart <= _allow(x, y, scale)) & number
    near &= [text == repr(float(one)) for text, one in zip(ours, x, strict=True)]
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
            close = abs(a - b) <= _allow(a, b, max(abs(a), abs(b), 1.0))
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
