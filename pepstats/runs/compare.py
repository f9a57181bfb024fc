"""Two copies of a file a run wrote, compared as what they are: cell by cell, word by word.

Bytes in, findings out. A table is compared by its key, column by column, each column by its rule;
a page and a Word file by their words; a notebook cell by cell. Pictures can be told apart by their
bytes only where both were drawn by the same versions of everything; elsewhere their tables answer.
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
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from pepstats.runs.manifest import CLOSE, DIFFERS, SAME, UNKNOWN, WHOLE, Finding

LARGEST_PART = 200_000_000  # bytes of one part of a packed file, unpacked
PICTURE, LOOKS, WORDS = "picture", "looks", "words"


@dataclass(frozen=True)
class Part:
    """One part of a file: its words, or the hash of what has none, a picture or its looks."""

    name: str
    kind: str
    text: str


def read_parts(name: str, content: bytes) -> Iterator[Part]:
    """Return the parts of a file of any kind a run writes; the name's ending says which kind."""
    kind = PurePosixPath(name).suffix
    if kind == ".ipynb":
        yield from read_notebook(content)
    elif kind == ".html":
        yield from read_page(content.decode("utf-8"))
    elif kind in {".docx", ".xlsx"}:
        yield from _read_packed(content)
    elif kind in {".png", ".svg"}:
        yield Part("(picture)", PICTURE, _digest(content))
    else:
        yield Part("(text)", WORDS, content.decode("utf-8"))


def read_notebook(content: bytes) -> Iterator[Part]:
    """Return an executed notebook's parts: each cell's source and outputs, pictures by hash."""
    notebook = json.loads(content)
    rest = json.dumps([notebook["metadata"], notebook["nbformat"]], sort_keys=True)
    yield Part("(metadata)", WORDS, rest)
    for place, cell in enumerate(notebook["cells"], start=1):
        name = f"cell {place}"
        yield Part(name, WORDS, _joined(cell["source"]))
        about = {k: v for k, v in cell.items() if k not in {"source", "outputs", "id"}}
        yield Part(f"{name}, metadata", WORDS, json.dumps(about, sort_keys=True))
        for number, output in enumerate(cell.get("outputs", []), start=1):
            yield from _read_output(f"{name}, output {number}", output)


def _read_output(name: str, output: dict[str, Any]) -> Iterator[Part]:
    shown = {f"{name}, {kind}": _joined(value) for kind, value in output.get("data", {}).items()}
    for part, text in shown.items():
        if "image/" in part:
            yield Part(part, PICTURE, _digest(text.encode("utf-8")))
        elif part.endswith("text/html"):
            yield from read_page(text, part)
        else:
            yield Part(part, WORDS, text)
    rest = {key: value for key, value in output.items() if key not in {"data", "execution_count"}}
    yield Part(name, WORDS, json.dumps(rest, sort_keys=True))


def _joined(text: Any) -> str:
    return "".join(text) if isinstance(text, str | list) else json.dumps(text, sort_keys=True)


_EMBEDDED = re.compile(r"data:image/[\w+.-]+;base64,([A-Za-z0-9+/=\s]*)")


class _Words(HTMLParser):
    """A page's words, with the words that stand for its pictures."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in {"style", "script"}
        said = {"alt", "title", "href", "lang", "aria-label"}
        self.words += [value for key, value in attrs if key in said and value]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(data)


def read_page(page: str, name: str = "") -> Iterator[Part]:
    """Return a page's parts: its words, each picture by hash, its other bytes as looks."""
    before = f"{name}, " if name else ""
    for number, picture in enumerate(_EMBEDDED.findall(page), start=1):
        content = base64.b64decode(re.sub(r"\s", "", picture))
        yield Part(f"{before}picture {number}", PICTURE, _digest(content))
    bare = _EMBEDDED.sub("", page)
    reader = _Words()
    reader.feed(bare)
    yield Part(f"{before}words", WORDS, " ".join(reader.words))
    yield Part(f"{before}looks", LOOKS, _digest(bare.encode("utf-8")))


def _read_packed(content: bytes) -> Iterator[Part]:
    """Return the parts of a Word file or workbook: each by its words, or by hash if it has none."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for entry in packed.infolist():
            if entry.file_size > LARGEST_PART:
                raise ValueError(f"{entry.filename} unpacks to {entry.file_size:,} bytes")
            inside = packed.read(entry)
            if entry.filename.endswith((".xml", ".rels")):
                text = inside.decode("utf-8")
                attributes = re.findall(r'\b(?:descr|title|Target|name)="([^"]*)"', text)
                words = " ".join([re.sub(r"<[^>]+>", " ", text), *attributes])
                yield Part(entry.filename, WORDS, " ".join(words.split()))
                yield Part(f"{entry.filename}, looks", LOOKS, _digest(inside))
            else:
                yield Part(entry.filename, PICTURE, _digest(inside))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class TableRule:
    """How a table is compared: what names a row, which columns are numbers, how close they are."""

    key: Sequence[str] = ()
    numbers: Sequence[str] = ()
    relative: float = 0.0
    floor: float = 0.0


def tabulate_findings(findings: Iterable[Finding]) -> pd.DataFrame:
    """Lay findings out, one row each: file, column, rows, largest, verdict, note."""
    columns = ["file", "column", "rows", "largest", "verdict", "note"]
    table = pd.DataFrame([asdict(one) for one in findings], columns=columns)
    return table.astype({"rows": "Int64", "largest": "float64"})


def compare_file(
    name: str, made: bytes, again: bytes, rule: TableRule, *, alike: bool
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
            found = compare_tables(name, made, again, rule)
        elif kind == ".json":
            found = compare_entries(name, made, again, rule)
        else:
            found = _compare_parts(name, read_parts(name, made), read_parts(name, again), alike)
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, OSError, csv.Error,
            RecursionError, NotImplementedError) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [Finding(name, WHOLE, DIFFERS, f"cannot be read as what it is: {reason}")]
    if found:
        return found
    if alike or kind in {".csv", ".json", ".txt"}:
        return [Finding(name, WHOLE, DIFFERS, "the same words and numbers in other bytes")]
    return [Finding(name, WHOLE, CLOSE, "the same words; the bytes are those of other versions")]


NOT_AGAIN = "not in the one made again"


def _find_lost(
    name: str,
    ours: Iterable[str],
    theirs: Iterable[str],
    notes: tuple[str, str] = ("missing", NOT_AGAIN),
) -> list[Finding]:
    """Find what only one of two files has; `notes` say so for what ours lacks, and theirs."""
    here, there = list(ours), list(theirs)
    found = [Finding(name, key, DIFFERS, notes[0]) for key in there if key not in here]
    return found + [Finding(name, key, DIFFERS, notes[1]) for key in here if key not in there]


def compare_tables(name: str, made: bytes, again: bytes, rule: TableRule) -> list[Finding]:
    """Compare two CSV tables by key: columns, rows, their order, then every cell."""
    ours, theirs = _read_table(made), _read_table(again)
    found = _find_lost(name, ours, theirs, ("column not in the file", f"column {NOT_AGAIN}"))
    shared = [column for column in ours if column in theirs]
    if shared != [column for column in theirs if column in ours]:
        found.append(Finding(name, "(columns)", DIFFERS, "columns in another order"))
    key = [k for k in rule.key if k in shared] if set(rule.key) <= set(shared) else []
    ours.index, theirs.index = _labels(ours, key), _labels(theirs, key)
    found += _compare_rows(name, ours.index, theirs.index)
    rows = ours.index.intersection(theirs.index, sort=False)
    ours, theirs = ours.loc[rows], theirs.loc[rows]
    for column in shared:
        found += _compare_column(name, column, ours[column], theirs[column], rule)
    return found


def _read_table(content: bytes) -> pd.DataFrame:
    """Return a table's cells as text; a row that is not as wide as the header is named."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"line {line} has {len(row)} cells, the header {len(header)}")
    if len(set(header)) < len(header):
        raise ValueError("a column is there twice")
    return pd.DataFrame(rows, columns=header, dtype="str")


def _labels(table: pd.DataFrame, key: list[str]) -> pd.Index:
    """Name each row by its key, or by its line in the file; a key that repeats is counted."""
    if not key:
        return pd.Index([f"line {line}" for line in range(2, len(table) + 2)])
    names = pd.Series("", index=table.index)
    for place, column in enumerate(key):
        names = names + (", " if place else "") + column + " " + table[column]
    times = names.groupby(names).cumcount()
    return pd.Index(names.where(times == 0, names + " (again " + times.astype("str") + ")"))


def _compare_rows(name: str, ours: pd.Index, theirs: pd.Index) -> Iterator[Finding]:
    for what, lost in (
        ("missing", theirs.difference(ours, sort=False)),
        (NOT_AGAIN, ours.difference(theirs, sort=False)),
    ):
        if len(lost):
            yield Finding(name, "(rows)", DIFFERS, f"{what}: {_some(lost)}", len(lost))
    both = ours[ours.isin(theirs)]
    moved = both != theirs[theirs.isin(ours)]
    if moved.any():
        told = f"in another order: {_some(both[moved])}"
        yield Finding(name, "(rows)", DIFFERS, told, int(moved.sum()))


def _compare_column(
    name: str, column: str, ours: pd.Series, theirs: pd.Series, rule: TableRule
) -> Iterator[Finding]:
    other = (ours != theirs).to_numpy()
    if not other.any():
        return
    a, b = ours[other], theirs[other]
    x, y = _numbers(a), _numbers(b)
    close = np.zeros(len(a), dtype=bool)
    if column in rule.numbers:
        every = np.abs(_numbers(theirs))
        scale = float(every[np.isfinite(every)].max(initial=0.0))
        close = np.array([_are_close(*pair, rule, scale) for pair in zip(x, y, strict=True)])
    if close.any():
        yield Finding(name, column, CLOSE, "", int(close.sum()), _largest(x[close], y[close]))
    if not close.all():
        far = ~close
        place = int(np.flatnonzero(far)[0])
        first = f"{a.index[place]}: {_short(a.iloc[place])}, made again {_short(b.iloc[place])}"
        yield Finding(name, column, DIFFERS, first, int(far.sum()), _largest(x[far], y[far]))


def _are_close(a: float, b: float, rule: TableRule, scale: float) -> bool:
    """Whether two numbers are as close as a rule allows; missing is close to nothing."""
    return math.isclose(a, b, rel_tol=rule.relative, abs_tol=rule.floor * scale)


def _numbers(cells: pd.Series) -> np.ndarray:
    values: np.ndarray = pd.to_numeric(cells, errors="coerce").to_numpy(float)
    return values


def _largest(x: np.ndarray, y: np.ndarray) -> float | None:
    known = np.isfinite(x) & np.isfinite(y)
    return float(np.abs(x[known] - y[known]).max()) if known.any() else None


def compare_entries(name: str, made: bytes, again: bytes, rule: TableRule) -> list[Finding]:
    """Compare two JSON files entry by entry; fractions by the rule for numbers."""
    ours, theirs = _flatten(json.loads(made)), _flatten(json.loads(again))
    found = _find_lost(name, ours, theirs)
    for key in (key for key in ours if key in theirs):
        a, b = ours[key], theirs[key]
        if type(a) is type(b) and a == b:
            continue
        if isinstance(a, float) and isinstance(b, float):
            close = _are_close(a, b, rule, max(abs(a), abs(b), 1.0))
            verdict = CLOSE if close else DIFFERS
            found.append(Finding(name, key, verdict, f"{a!r}, made again {b!r}", 1, abs(a - b)))
        else:
            said = f"{_short(repr(a))}, made again {_short(repr(b))}"
            found.append(Finding(name, key, DIFFERS, said, 1))
    return found


def _flatten(content: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(content, dict | list):
        return {path: content}
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    flat: dict[str, Any] = {f"{path} (size)": len(content)}
    for key, value in inside:
        flat |= _flatten(value, f"{path}.{key}" if path else str(key))
    return flat


def _compare_parts(
    name: str, ours: Iterable[Part], theirs: Iterable[Part], alike: bool
) -> list[Finding]:
    made, again = ({part.name: part for part in parts} for parts in (ours, theirs))
    found = _find_lost(name, made, again)
    for part in (part for part in made if part in again and made[part] != again[part]):
        a, b = made[part], again[part]
        if WORDS in {a.kind, b.kind}:
            found.append(Finding(name, part, DIFFERS, first_difference(a.text, b.text)))
        elif alike:
            found.append(Finding(name, part, DIFFERS, f"not the {a.kind} made again"))
        elif a.kind == PICTURE:
            note = "drawn by other versions or on another kind of machine; see its table"
            found.append(Finding(name, part, UNKNOWN, note))
    return found


def first_difference(ours: str, theirs: str) -> str:
    """Find where two texts first differ, in the words around it."""
    a, b = ours.split(), theirs.split()
    for place, (x, y) in enumerate(zip_longest(a, b)):
        if x != y:
            start = max(0, place - 4)
            said, again = " ".join(a[start : place + 5]), " ".join(b[start : place + 5])
            return f"“{_short(said, 80)}”, made again “{_short(again, 80)}”"
    return "the same words, spaced in another way"


def _some(names: Iterable[Any], most: int = 3) -> str:
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return "; ".join(listed[:most]) + more


def _short(text: str, longest: int = 40) -> str:
    told = text or "(empty)"
    return told if len(told) <= longest else told[: longest - 1] + "…"
