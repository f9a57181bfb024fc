"""A file's parts as a reader meets them: its words, its pictures by hash, and its looks."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any

PICTURES = {".png", ".svg"}
PACKED = {".docx", ".xlsx"}
LARGEST_PART = 200_000_000  # bytes of one part of a packed file, unpacked

PICTURE = "picture"
LOOKS = "looks"
WORDS = "words"


@dataclass(frozen=True)
class Part:
    """One part of a file: its words, or the hash of what has none, a picture or its looks."""

    name: str
    kind: str
    text: str


def read_parts(name: str, content: bytes) -> Iterator[Part]:
    """Give the parts of a file of any kind a run writes; the name's ending says which kind."""
    kind = PurePosixPath(name).suffix
    if kind == ".ipynb":
        yield from read_notebook(content)
    elif kind == ".html":
        yield from read_page(content.decode("utf-8"))
    elif kind in PACKED:
        yield from _read_packed(content)
    elif kind in PICTURES:
        yield Part("(picture)", PICTURE, _digest(content))
    else:
        yield Part("(text)", WORDS, content.decode("utf-8"))


def read_notebook(content: bytes) -> Iterator[Part]:
    """Give an executed notebook's parts: each cell's source and outputs, pictures by hash."""
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
    if isinstance(text, str):
        return text
    return "".join(text) if isinstance(text, list) else json.dumps(text, sort_keys=True)


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
    """Give a page's parts: its words, each picture by hash, and the rest of its bytes as looks."""
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
    """Give the parts of a Word file or workbook: each by its words, or by hash if it has none."""
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
