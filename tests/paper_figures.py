"""The figures of a paper as a reader has them: what is drawn, the table behind it, its words.

Everything is read out of the paper's own page: the lines and marks of each picture in the units of
its axis, the words written in it, the cells of its table, its alt text and its caption.
"""

from __future__ import annotations

import base64
import html
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
BLUE, ORANGE, PALE, INK = "#12436d", "#f46a25", "#d9dcde", "#0b0c0c"
NOTE = r'\s*</div>\s*(?:<p class="note">(.*?)</p>)?'
NUMBER = re.compile(r"[+\u2212]?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class PaperFigure:
    """A figure of a paper with the table that its note names."""

    number: int
    svg: ET.Element
    alt: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str

    @property
    def programme(self) -> str:
        """The folder of the programme that the caption names."""
        return self.caption.partition(":")[0].lower().replace(" ", "-")

    def column(self, name: str) -> list[str]:
        return [row[self.columns.index(name)] for row in self.rows]


def read_paper(page: Path) -> str:
    """Read a paper with its appendices, which are a page of their own."""
    rest = page.with_name(f"{page.stem}-appendices.html")
    return page.read_text("utf-8") + (rest.read_text("utf-8") if rest.is_file() else "")


def read_figures(page: Path) -> list[PaperFigure]:
    """Read every picture of a page; one that is held back is not there."""
    text, found = read_paper(page), []
    for figure in re.findall(r'<figure class="picture".*?</figure>', text, re.DOTALL):
        number, caption = _found(
            r"<figcaption><strong>Figure (\d+)\.</strong> (.*?)</figcaption>", figure
        )
        svg, alt = _found(r'<img src="data:image/svg\+xml;base64,(.*?)" alt="(.*?)">', figure)
        (table,) = _found(r'href="[^"#]*#table-(\d+)"', figure)
        parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
        root = ET.fromstring(base64.b64decode(svg), parser)
        words = (html.unescape(alt), html.unescape(caption))
        found.append(PaperFigure(int(number), root, *words, *_read_table(text, int(table))))
    return found


def _found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text, re.DOTALL)
    assert match is not None, pattern
    return match.groups()


def _read_table(page: str, number: int) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], str]:
    start = page.index(f'id="table-{number}"')
    after = re.compile(rf"</table>{NOTE}", re.DOTALL).search(page, start)
    assert after is not None
    columns, *rows = (
        tuple(html.unescape(re.sub(r"<[^>]+>", "", cell)).replace("\u00a0", " ")
              for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL))
        for row in re.findall(r"<tr>(.*?)</tr>", page[start : after.end()], re.DOTALL)
    )  # fmt: skip
    return columns, tuple(rows), html.unescape(after.group(1) or "")


def numbers(text: str) -> list[float]:
    """Read the numbers of a text, in their order."""
    return [float(n.replace("\u2212", "-").replace(",", "")) for n in NUMBER.findall(text)]


def texts(svg: ET.Element) -> list[str]:
    """Read the words written in a picture, each piece of text with its lines joined."""
    return [
        " ".join(str(part.text).strip() for part in group.iter() if part.tag is ET.Comment)
        for group in svg.iter(f"{SVG}g")
        if group.get("id", "").startswith("text_")
    ]


def paths(svg: ET.Element, colour: str, kind: str = "line2d_") -> list[np.ndarray]:
    """Read the points of the lines of one colour that have two points or more."""
    drawn = []
    for group in svg.iter(f"{SVG}g"):
        if group.get("id", "").startswith(kind):
            for path in group.findall(f"{SVG}path"):
                points = re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path.get("d", ""))
                if f"stroke: {colour}" in path.get("style", "") and len(points) > 1:
                    drawn.append(np.array(points, dtype=float))
    return drawn


def marks(svg: ET.Element, colour: str, kind: str = "line2d_") -> np.ndarray:
    """Read where marks of one edge colour stand, as they were drawn, without those of a key."""
    keys = [group for group in svg.iter(f"{SVG}g") if group.get("id", "").startswith("legend_")]
    of_key = {id(part) for key in keys for part in key.iter()}
    return np.array([
        (float(use.get("x", "nan")), float(use.get("y", "nan")))
        for group in svg.iter(f"{SVG}g")
        if group.get("id", "").startswith(kind) and id(group) not in of_key
        for use in group.iter(f"{SVG}use")
        if f"stroke: {colour}" in use.get("style", "") and use.get("y") is not None
    ])  # fmt: skip


def scale(svg: ET.Element, axis: str) -> tuple[float, float]:
    """Find the line that turns places on the page into an axis's own units, by grid or ticks."""
    at, said = [], []
    for group in svg.iter(f"{SVG}g"):
        if group.get("id", "").startswith(f"{axis}tick_"):
            uses = group.iter(f"{SVG}use")
            ticks = [use for use in uses if use.get("y") and use.get("style")]
            lines = [path.get("d", "") for path in group.iter(f"{SVG}path")]
            place = (
                (ticks[0].get("x", ""), ticks[0].get("y", ""))
                if ticks
                else re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", lines[0])[0]
            )
            at.append(float(place["xy".index(axis)]))
            said += numbers(texts(group)[0])
    slope, start = np.polyfit(at, said, 1)
    return float(slope), float(start)


def in_units(places: np.ndarray, line: tuple[float, float]) -> np.ndarray:
    return places * line[0] + line[1]
