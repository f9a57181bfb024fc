"""Every number of a folder of files, whatever they are, with the words that stand around it.

Pages, Word, workbooks, tables, JSON, notebooks, text, and pictures by their coordinates. What is
below `study/` and `inputs/` is what was published anyway, and is left aside.
"""

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree, html
from python_calamine import CalamineWorkbook

CARRIED = ("study/", "inputs/")
NUMBER = re.compile(r"(?<![\w./])[+\-−–]?\d[\d,]*(?:\.\d+)?(?:[eE][+\-]?\d+)?(?![\w/])")
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Cell:
    """A place in a file: its words, and what stands around them.

    `about` are the headings and the caption above, `row` and `column` the words beside and above;
    `numbers` are the numbers in it, each with half of its last digit.
    """

    file: str
    about: str
    row: str
    column: str
    text: str
    numbers: tuple[tuple[float, float], ...]

    @property
    def words(self) -> str:
        return f"{self.file} | {self.about} | {self.row} | {self.column}"


def find_numbers(text: str) -> tuple[tuple[float, float], ...]:
    """List the numbers in some words, each with half a unit of its last digit."""
    found = []
    for match in NUMBER.finditer(text):
        plain = match[0].replace(",", "").replace("−", "-").replace("–", "-")
        digits = len(plain.partition(".")[2].split("e")[0].split("E")[0])
        found.append((float(plain), 0.5 * 10.0**-digits if "e" not in plain.lower() else 1e-12))
    return tuple(found)


def read_release(folder: Path) -> list[Cell]:
    """Read every file of a release that can be read; each number with its place."""
    cells: list[Cell] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(CARRIED):
            cells += read_file(name, path.read_bytes())
    return cells


def read_file(name: str, content: bytes) -> list[Cell]:
    """Read one file by its ending; pixels are not read."""
    ending = name.rpartition(".")[2]
    if ending == "csv":
        return list(_read_csv(name, content))
    if ending in ("html", "htm"):
        return list(_read_page(name, content))
    if ending == "svg":
        return list(read_picture(name, "", content))
    if ending == "docx":
        return list(_read_word(name, content))
    if ending == "xlsx":
        return list(_read_workbook(name, content))
    if ending == "ipynb":
        return list(_read_notebook(name, content))
    if ending == "json":
        return [] if name.endswith("manifest.json") else list(_read_json(name, content))
    if ending in ("txt", "md", "yml", "cff", "log"):
        return list(_as_sentences(name, "", content.decode("utf-8", "replace")))
    return []


def _as_sentences(name: str, about: str, text: str) -> Iterator[Cell]:
    """Yield a text sentence by sentence, each with what was said before it in its paragraph."""
    for part in text.split("\n"):
        before = ""
        for one in re.split(r"(?<=[a-z)\d][.;])\s+(?=[A-Z])|(?<=;)\s", part):
            if one.strip():
                yield Cell(name, about, before, "", one, find_numbers(one))
                before = f"{before} {one}"[-300:]


def _of_table(
    name: str, about: str, header: list[str], rows: Iterable[list[object]]
) -> Iterator[Cell]:
    """Yield the cells of a table; a stored number is as good as the longest of its column."""
    listed = [list(row) for row in rows]
    places = [0] * len(header)
    for row in listed:
        for n, value in enumerate(row[: len(header)]):
            places[n] = max(places[n], _digits(value))
    for row in listed:
        said = " ; ".join(
            str(v) for v, name in zip(row, header, strict=False)
            if isinstance(v, str) and (name == "year" or not _is_number(v))
        )  # fmt: skip
        for n, value in enumerate(row[: len(header)]):
            if isinstance(value, str) and not _is_number(value):
                yield Cell(name, about, said, header[n], value, find_numbers(value))
            elif value is not None and not pd.isna(value):
                number = float(str(value).replace(",", "").replace("−", "-"))
                half = max(0.5 * 10.0 ** -places[n], 4e-15 * abs(number))
                yield Cell(name, about, said, header[n], str(value), ((number, half),))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+\-−]?\d[\d,]*(\.\d+)?([eE][+\-]?\d+)?", text.strip()) is not None


def _digits(value: object) -> int:
    text = repr(value) if isinstance(value, float) else str(value).strip()
    if not _is_number(text) or "e" in text.lower():
        return 0
    after = text.partition(".")[2]
    return 0 if after == "0" else len(after)


def _read_csv(name: str, content: bytes) -> Iterator[Cell]:
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError):
        return
    rows: list[list[object]] = [[v if v != "" else None for v in row] for row in table.to_numpy()]
    if len(rows) < 3000:  # draws are computed from what is published, and tell nothing
        yield from _of_table(name, name, list(table.columns), rows)


def _read_json(name: str, content: bytes) -> Iterator[Cell]:
    for key, value in _flatten(json.loads(content)):
        text = repr(value) if isinstance(value, float) else str(value)
        numbers = find_numbers(text)
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers = ((float(value), max(0.5 * 10.0 ** -_digits(value), 4e-15 * abs(value))),)
        yield Cell(name, name, key, "", text, numbers)


def _flatten(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flatten(one, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for n, one in enumerate(value):
            yield from _flatten(one, f"{key}[{n}]")
    else:
        yield key, value


def _read_notebook(name: str, content: bytes) -> Iterator[Cell]:
    for cell in json.loads(content)["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for kind, said in data.items():
                text = "".join(said) if isinstance(said, list) else str(said)
                if kind == "text/html":
                    yield from _read_page(name, text.encode())
                elif kind == "image/svg+xml":
                    yield from read_picture(name, "", text.encode())
                elif kind == "text/plain" and "text/html" not in data:
                    yield from _as_sentences(name, "", text)


def _words(element: etree._Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _read_page(name: str, content: bytes) -> Iterator[Cell]:
    """Yield a page's tables, sentences, captions, alternative texts and pictures, in order."""
    if not content.strip():
        return
    root = html.document_fromstring(content)
    headings: dict[int, str] = {}
    pictures: list[tuple[str, bytes]] = []
    inside = ("table", "svg")
    for one in root.iter():
        tag = one.tag if isinstance(one.tag, str) else ""
        about = " > ".join(headings.values())
        if re.fullmatch(r"h[1-6]", tag):
            level = int(tag[1])
            headings = {n: w for n, w in headings.items() if n < level} | {level: _words(one)}
        elif tag == "table":
            caption = one.find("caption")
            about = f"{about} > {_words(caption)}" if caption is not None else about
            rows = [[_words(cell) for cell in row.iter("th", "td")] for row in one.iter("tr")]
            if rows:
                yield from _of_table(name, about, rows[0], rows[1:])
        elif tag == "img":
            source, alt = one.get("src", ""), one.get("alt", "")
            yield from _as_sentences(name, f"{about} > {_near_caption(one)}", alt)
            if source.startswith("data:image/svg"):
                content = base64.b64decode(source.partition(",")[2])
                pictures.append((f"{about} > {_near_caption(one)} > {alt}", content))
        elif tag in ("p", "li", "figcaption", "dd", "dt", "title", "desc", "summary") or (
            tag == "caption"
        ):
            if not any(up.tag in inside for up in one.iterancestors()) or tag == "caption":
                yield from _as_sentences(name, about, _words(one))
        elif tag in ("svg", SVG + "svg"):
            pictures.append((about, etree.tostring(one)))
    for n, (about, picture) in enumerate(pictures, 1):
        yield from read_picture(f"{name}#picture-{n}", about, picture)


def _near_caption(one: etree._Element) -> str:
    for up in one.iterancestors("figure"):
        return " ".join(_words(c) for c in up.iter("figcaption"))
    return ""


def _read_word(name: str, content: bytes) -> Iterator[Cell]:
    document, headings, last = Document(io.BytesIO(content)), "", ""
    for element in document.element.body:
        about = f"{headings} > {last}"
        if element.tag.endswith("}tbl"):
            table = Table(element, document)
            rows = [[_words_of(cell) for cell in row.cells] for row in table.rows]
            if rows:
                yield from _of_table(name, about, rows[0], rows[1:])
        elif element.tag.endswith("}p"):
            paragraph = Paragraph(element, document)
            if (paragraph.style.name or "").startswith(("Heading", "Title")):
                headings = paragraph.text
            elif paragraph.text.strip():
                last = paragraph.text
                yield from _as_sentences(name, headings, paragraph.text)
        for shown in element.iter():
            if isinstance(shown.tag, str) and shown.tag.endswith("}docPr") and shown.get("descr"):
                yield from _as_sentences(name, f"{headings} > {last}", shown.get("descr"))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for part in parts.namelist():
            if part.endswith(".svg"):
                yield from read_picture(f"{name}#{part}", "", parts.read(part))


def _words_of(cell: object) -> str:
    return re.sub(r"\s+", " ", str(getattr(cell, "text", ""))).strip()


def _read_workbook(name: str, content: bytes) -> Iterator[Cell]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    for sheet in book.sheet_names:
        rows = [
            [v if v != "" else None for v in row]
            for row in book.get_sheet_by_name(sheet).to_python()
        ]
        wide = max((sum(v is not None for v in row) for row in rows), default=0)
        start = next(
            (n for n, row in enumerate(rows) if wide > 1 and row.count(None) == len(row) - wide),
            None,
        )
        above = rows if start is None else rows[:start]
        about = f"{sheet}: " + " ; ".join(str(v) for row in above for v in row if v is not None)
        for row in above:
            for value in row:
                if isinstance(value, str):
                    yield from _as_sentences(name, sheet, value)
        if start is not None:
            header = [str(v or "") for v in rows[start]]
            yield from _of_table(name, about[:400], header, rows[start + 1 :])
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for part in parts.namelist():
            if part.endswith((".svg", ".vml")) or "comment" in part or "docProps" in part:
                yield from _as_sentences(
                    f"{name}#{part}", "", _words(etree.fromstring(parts.read(part)))
                )


# Pictures, by their coordinates ------------------------------------------------------------------


@dataclass(frozen=True)
class _Axis:
    """Where the ticks of an axis are and what they say; a scale where they are numbers."""

    places: tuple[float, ...]
    labels: tuple[str, ...]

    def value(self, place: float) -> tuple[float, float] | None:
        """Return the value at a place and half of what its digits leave open."""
        numbers = [find_numbers(label) for label in self.labels]
        if len(self.places) < 2 or any(len(n) != 1 for n in numbers):
            return None
        values = [n[0][0] for n in numbers]
        slope, start = np.polyfit(self.places, values, 1)
        if np.abs(np.polyval((slope, start), self.places) - values).max() > 1e-4 * np.ptp(values):
            return None
        return float(slope * place + start), float(1.5e-6 * abs(slope))

    def label(self, place: float) -> str:
        if not self.places:
            return ""
        n = int(np.argmin(np.abs(np.array(self.places) - place)))
        return self.labels[n] if abs(self.places[n] - place) < 0.6 else ""


def read_picture(name: str, about: str, content: bytes) -> Iterator[Cell]:
    """Yield the values of a picture's marks and of the ends of its lines, by its ticks."""
    try:
        root = etree.fromstring(content)
    except etree.XMLSyntaxError:
        return
    for axes in root.iter(f"{SVG}g"):
        if (axes.get("id") or "").startswith("axes_"):
            yield from _as_rounded(list(_read_axes(name, f"{name} | {about}", axes)))
    said = " ".join(c.text or "" for c in root.iter(etree.Comment))
    yield from (replace(c, column="in the picture") for c in _as_sentences(name, about, said))


def _as_rounded(cells: list[Cell]) -> Iterator[Cell]:
    """Take marks that all stand on a grid of decimals for rounded: they tell no more than that."""
    marks = [c.numbers[0] for c in cells if c.column == "mark"]
    for places in (0, 1, 2):
        on_grid = [abs(v - round(v, places)) <= 3 * half for v, half in marks]
        if marks and all(on_grid):
            for cell in cells:
                value, half = cell.numbers[0]
                if abs(value - round(value, places)) <= 3 * half:
                    cell = replace(cell, numbers=((round(value, places), 0.5 * 10.0**-places),))
                yield cell
            return
    yield from cells


def _read_axes(name: str, about: str, axes: etree._Element) -> Iterator[Cell]:
    across, up = _axis(axes, "xtick_", 0), _axis(axes, "ytick_", 1)
    texts = [found for g in axes if (g.get("id") or "").startswith("text_") and (found := _text(g))]
    about = f"{about} | {' ; '.join(words for _, _, words in texts)}"[:900]
    for group in axes:
        kind = group.get("id") or ""
        if kind.startswith(("text_", "matplotlib")):
            continue
        points, column = _points(group)
        for x, y in points:
            beside = _beside(texts, points, across, (x, y))
            for axis, place, other in ((across, x, up.label(y)), (up, y, across.label(x))):
                value = axis.value(place)
                if value is not None:
                    row = f"{beside} {other}".strip()
                    yield Cell(name, about, row, column, f"{value[0]:.6f}", (value,))


def _beside(
    texts: list[tuple[float, float, str]], points: list[tuple[float, float]], across: _Axis,
    place: tuple[float, float],
) -> str:  # fmt: skip
    """Return the words of a mark's row: just above it, or at the end of its line."""
    y = place[1] if across.value(place[0]) else points[-1][1]
    near = [
        (abs(y - ty), words) for _, ty, words in texts if not find_numbers(words) or len(words) > 12
    ]
    near = [one for one in near if one[0] < 12]
    return min(near)[1] if near else ""


def _axis(axes: etree._Element, prefix: str, which: int) -> _Axis:
    places, labels = [], []
    for group in axes.iter(f"{SVG}g"):
        if (group.get("id") or "").startswith(prefix):
            line = next((g for g in group if (g.get("id") or "").startswith("line2d")), None)
            said = " ".join((c.text or "").strip() for c in group.iter(etree.Comment))
            points = _points(line)[0] if line is not None else []
            if points:
                places.append(points[0][which])
            elif (moved := _text(group)) and which == 0:
                places.append(moved[0] + _half_width(group))
            else:
                continue
            labels.append(said)
    return _Axis(tuple(places), tuple(labels))


def _half_width(group: etree._Element) -> float:
    """Return half the width of a tick's words, from its last letters' place."""
    moved = " ".join(use.get("transform") or "" for use in group.iter(f"{SVG}use"))
    shifts = [float(m) for m in re.findall(r"translate\(([\d.]+) 0\)", moved)]
    scale = re.search(r"scale\(([\d.]+)", etree.tostring(group).decode())
    return (max(shifts, default=0.0) + 63.6) * float(scale[1] if scale else 0.1) / 2


def _text(group: etree._Element) -> tuple[float, float, str] | None:
    said = " ".join((c.text or "").strip() for c in group.iter(etree.Comment))
    for one in group.iter(f"{SVG}g"):
        moved = re.match(r"translate\(([\d.\-]+) ([\d.\-]+)\)", one.get("transform") or "")
        if moved:
            return float(moved[1]), float(moved[2]), said
    return None


def _points(group: etree._Element) -> tuple[list[tuple[float, float]], str]:
    """Return the points of a group: its marks, or else the ends of its lines."""
    marks = [(float(u.get("x")), float(u.get("y"))) for u in group.iter(f"{SVG}use") if u.get("x")]
    if marks:
        return marks, "mark"
    ends = [
        (float(x), float(y))
        for path in group.iter(f"{SVG}path")
        for x, y in re.findall(r"[ML] ([\d.\-]+) ([\d.\-]+)", path.get("d") or "")
    ]
    return ends, "line"


def read_words(name: str, content: bytes) -> str:
    """Return all words of a file, also those within its parts and those drawn letter by letter."""
    if name.endswith((".docx", ".xlsx")):
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            return " ".join(read_words(p, parts.read(p)) for p in parts.namelist())
    if name.endswith((".png", ".jpeg", ".pdf")):
        return ""
    text = content.decode("utf-8", "replace")
    drawn = [
        base64.b64decode(m) for m in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", text)
    ]
    text = re.sub(r"base64,[\w+/=]+", " ", text)
    if name.endswith(".svg"):
        letters = re.findall(r'<use xlink:href="#[A-Za-z]+-([0-9a-f]+)"', text)
        text += " " + "".join(chr(int(c, 16)) for c in letters)
    plain = re.sub(r"<[^>]*>", " ", text) if name.endswith((".html", ".xml", ".rels")) else text
    return " ".join(
        [plain, text if name.endswith(".html") else "", *(read_words("x.svg", d) for d in drawn)]
    )
