"""A thousand seeded tamperings with a run and a release, each to be found and named.

    python benchmarks/tamper.py [--number 1000] [--seed 1] [--bundle DIR --again DIR]

A run and its release are made on a small invented England and each is made again once, by `pepstats
verify`. Then each tampering is made in a copy of the run, the release or the study they came from:
as a careless hand makes it, and as one does that also writes the right hash and seal into the
manifest. The copy is verified against what was made again. Found is when `verify` answers that it
differs, or that it cannot be what it says; named, when it says the very file. What no one making it
again can know (the day, the commit, the reason of a release) is tried without a forged seal only.
Prints a row for each kind, and ends with 1 where any was not found or not named. With
`--bundle`, a finished run or release, and `--again`, what `verify` made of it, only that is.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.faults import RELEASE, REPORT, stamp
from pepstats.errors import PepstatsError
from pepstats.runs import manifest, verify
from pepstats.runs.files import CHANGES_FILE, LOG, MANIFEST, sha256_of
from pepstats.runs.manifest import DIFFERS

ROOT = Path(__file__).resolve().parents[1]
Hand = Callable[[bytes, random.Random], bytes]


class CannotBeDone(Exception):
    """This file is too small, or has nothing of the kind."""


def pick(found: list[Any], rng: random.Random) -> Any:
    """Choose one of what was found; where nothing was, this file will not do."""
    if not found:
        raise CannotBeDone
    return rng.choice(found)


def change(pattern: bytes, new: Callable[[bytes, random.Random], bytes] | bytes) -> Hand:
    """Return a hand that changes one place, chosen at random, of those that a pattern finds."""

    def hand(content: bytes, rng: random.Random) -> bytes:
        one = pick([*re.finditer(pattern, content)], rng)
        put = new if isinstance(new, bytes) else new(one.group(), rng)
        return content[: one.start()] + put + content[one.end() :]

    return hand


def other_digit(number: bytes, rng: random.Random) -> bytes:
    """Change one digit of a number: one of the first nine that count, by which readers go."""
    first = re.search(rb"[1-9]", number)
    start = first.start() if first else 0
    places = [m.start() for m in re.finditer(rb"\d", number) if m.start() >= start][:9]
    place = rng.choice(places)
    put = rng.choice([d for d in b"123456789" if d != number[place]])
    return number[:place] + bytes([put]) + number[place + 1 :]


def other_letter(word: bytes, rng: random.Random) -> bytes:
    """Change one letter of a word."""
    place = rng.randrange(len(word))
    put = b"q" if word[place] != ord("q") else b"k"
    return word[:place] + put + word[place + 1 :]


NUMBER = rb"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])"
one_digit = change(NUMBER, other_digit)
one_letter = change(rb"[a-z]{4,}", other_letter)
seen_digit = change(
    rb"(?<=>)[^<>]*" + NUMBER + rb"[^<>]*(?=<)", lambda text, rng: one_digit(text, rng)
)
seen_letter = change(rb"(?<=>)[^<>]*[a-z]{4,}[^<>]*(?=<)", lambda text, rng: one_letter(text, rng))


def one_byte(content: bytes, rng: random.Random) -> bytes:
    """Change one byte, anywhere."""
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def in_rows(do: Callable[[list[bytes], random.Random], list[bytes]]) -> Hand:
    """Return a hand that changes a table's lines, of which it needs two below the header."""

    def hand(content: bytes, rng: random.Random) -> bytes:
        lines = content.splitlines(keepends=True)
        if len(lines) < 3:
            raise CannotBeDone
        return b"".join([lines[0], *do(lines[1:], rng)])

    return hand


def in_table(do: Callable[[pd.DataFrame, random.Random], pd.DataFrame]) -> Hand:
    """Return a hand that changes a table read as text."""

    def hand(content: bytes, rng: random.Random) -> bytes:
        table = pd.read_csv(BytesIO(content), dtype="str", keep_default_na=False)
        if len(table) < 2 or table.shape[1] < 2:
            raise CannotBeDone
        return do(table, rng).to_csv(index=False, lineterminator="\n").encode("utf-8")

    return hand


def set_cell(
    which: Callable[[pd.Series], pd.Series], new: Callable[[str, random.Random], str]
) -> Hand:
    """Return a hand that writes one cell anew, of those that are of a kind."""

    def do(table: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
        fits = table.apply(which).to_numpy(bool)
        row, column = pick([*zip(*np.nonzero(fits), strict=True)], rng)
        table.iloc[row, column] = new(str(table.iloc[row, column]), rng)
        return table

    return in_table(do)


def swap_cells(table: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """Swap two unlike cells of a column."""
    column = pick([c for c in table if len(set(table[c])) > 1], rng)
    a, b = table.index[0], pick([*table.index[table[column] != table[column].iloc[0]]], rng)
    table.loc[[a, b], column] = table.loc[[b, a], column].to_numpy()
    return table


def swap_names(table: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """Swap the names of two columns."""
    names = list(table.columns)
    a, b = rng.sample(range(len(names)), 2)
    names[a], names[b] = names[b], names[a]
    return table.set_axis(names, axis=1)


def _numeric(cells: pd.Series) -> pd.Series:
    return cells.str.fullmatch(r"-?\d+\.\d+")


TABLES: dict[str, Hand] = {
    "one digit": in_rows(lambda rows, rng: [one_digit(b"".join(rows), rng)]),
    "a sign": set_cell(_numeric, lambda cell, _: cell[1:] if cell[0] == "-" else f"-{cell}"),
    "a point moved": set_cell(_numeric, lambda cell, _: cell.replace(".", "") + ".5"),
    "the same number otherwise": set_cell(_numeric, lambda cell, _: f"{cell}0"),
    "a cell emptied": set_cell(lambda cells: cells != "", lambda *_: ""),
    "an empty cell filled": set_cell(lambda cells: cells == "", lambda *_: "1"),
    "a word": in_rows(lambda rows, rng: [one_letter(b"".join(rows), rng)]),
    "two cells swapped": in_table(swap_cells),
    "a row dropped": in_rows(lambda rows, rng: [r for r in rows if r is not rng.choice(rows)]),
    "the last row dropped": in_rows(lambda rows, _: rows[:-1]),
    "a row twice": in_rows(lambda rows, rng: [*rows, rng.choice(rows)]),
    "the rows turned round": in_rows(lambda rows, _: rows[::-1]),
    "two columns' names swapped": in_table(swap_names),
    "a column dropped": in_table(lambda t, rng: t.drop(columns=rng.choice(list(t.columns)))),
    "a column added": in_table(lambda t, _: t.assign(more=t.iloc[:, 0])),
    "a column renamed": in_table(lambda t, _: t.rename(columns={t.columns[-1]: "other"})),
    "other line ends": lambda content, _: content.replace(b"\n", b"\r\n"),
    "quotation marks": change(rb"(?<=,)[\w.]+(?=,)", lambda cell, _: b'"' + cell + b'"'),
    "a byte order mark": lambda content, _: b"\xef\xbb\xbf" + content,
    "other letters' code": lambda content, _: content.decode("utf-8").encode("utf-16"),
    "the end of its last line": lambda content, _: content.rstrip(b"\n"),
    "all but the header": lambda content, _: content.splitlines(keepends=True)[0],
    "emptied": lambda *_: b"",
}


def in_packed(part: str, hand: Hand) -> Hand:
    """Return a hand that changes one part of a Word file or workbook, as an editor would."""

    def pack(content: bytes, rng: random.Random) -> bytes:
        parts = unpack(content)
        name = pick([one for one in parts if re.fullmatch(part, one)], rng)
        return repack({**parts, name: hand(parts[name], rng)})

    return pack


def unpack(content: bytes) -> dict[str, bytes]:
    """Return a packed file's parts."""
    with zipfile.ZipFile(BytesIO(content)) as packed:
        return {entry.filename: packed.read(entry) for entry in packed.infolist()}


def repack(parts: dict[str, bytes], year: int = 1980) -> bytes:
    """Pack parts as a run does."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, inside in parts.items():
            entry = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, inside)
    return made.getvalue()


def drop_part(content: bytes, rng: random.Random) -> bytes:
    """Take one part out of a packed file."""
    parts = unpack(content)
    del parts[rng.choice(sorted(parts))]
    return repack(parts)


PICTURE = rb'(?<=;base64,)[A-Za-z0-9+/=]{40,}(?=")'
ANOTHER = (
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    b"rkJggg=="
)
PAGES: dict[str, Hand] = {
    "one digit": seen_digit, "one letter": seen_letter, "one byte": one_byte,
    "a sentence dropped": change(rb"(?<=[.] )[A-Z][^.<>]{20,}[.] ", b""),
    "a sentence added": change(rb"</p>", b" It is certain.</p>"),
    "words hidden": change(rb"<p>", b'<p style="display:none">'),
    "a script": change(rb"</body>", b"<script>document.title='x'</script></body>"),
    "a comment": change(rb"</p>", b"</p><!-- seen -->"),
    "an attribute": change(rb'(?<=lang=")\w+', b"fr"),
    "words for a picture": change(rb'(?<=alt=")[^"]{9,}', lambda t, rng: one_letter(t, rng)),
    "a picture replaced": change(PICTURE, ANOTHER),
    "letters behind a picture": change(PICTURE, lambda text, _: text + b"QUJD"),
}  # fmt: skip
WORD: dict[str, Hand] = {
    "one digit": in_packed("word/document.xml", seen_digit),
    "one letter": in_packed("word/document.xml", seen_letter),
    "a picture replaced": in_packed(r"word/media/.*\.png", lambda *_: repaint(None, None)),
    "the author": in_packed("docProps/core.xml", change(rb"(?<=creator>)[^<]*", b"another")),
    "a heading's look": in_packed("word/styles.xml", change(rb'(?<=w:sz w:val=")\d+', b"2")),
    "the foot of pages": in_packed("word/footer1.xml", change(rb"(?<=<w:t)[^<]*", b">x")),
}
WORKBOOK: dict[str, Hand] = {
    "one digit": in_packed(r"xl/worksheets/sheet\d+\.xml", change(
        rb"(?<=<v>)[\d.]+(?=</v>)", lambda number, rng: other_digit(number, rng))),
    "one letter": in_packed("xl/sharedStrings.xml", seen_letter),
    "a sheet hidden": in_packed("xl/workbook.xml", change(rb"<sheet ", b'<sheet state="hidden" ')),
    "a sheet renamed": in_packed("xl/workbook.xml", change(rb'(?<=<sheet name=")\w', b"Q")),
    "a sum for a number": in_packed(r"xl/worksheets/sheet\d+\.xml", change(
        rb"<v>(?=[\d.]+</v>)", b"<f>1+1</f><v>")),
}  # fmt: skip
PACKED: dict[str, Hand] = {
    "a part more": lambda content, _: repack({**unpack(content), "more.xml": b"<a>more</a>"}),
    "a part fewer": drop_part,
    "another date of packing": lambda content, _: repack(unpack(content), 2020),
    "bytes before it": lambda content, _: b"more" + content,
    "bytes behind it": lambda content, _: content + b"more",
    "one byte": one_byte,
}


def repaint(content: bytes | None, _: object) -> bytes:
    """Return a picture painted over in one corner; without one, a small other one."""
    from matplotlib.image import imread, imsave

    pixels = np.full((9, 9, 4), 0.5) if content is None else imread(BytesIO(content))
    painted = pixels.copy()
    painted[:9, :9, :3] = 0.25
    stream = BytesIO()
    imsave(stream, painted)
    return stream.getvalue()


TEXT_CHUNK = b"\x00\x00\x00\x04tEXta\x00bc\x00\x00\x00\x00"
PNG: dict[str, Hand] = {
    "one byte": one_byte, "painted over": repaint,
    "a word inside": lambda content, _: content[:33] + TEXT_CHUNK + content[33:],
    "bytes behind it": lambda content, _: content + b"\x00\x00\x00\x04IDATmorexxxx",
    "cut short": lambda content, _: content[: len(content) // 2],
}  # fmt: skip
SVG: dict[str, Hand] = {
    "a point moved": change(rb"(?<=L )\d+\.\d+", lambda n, _: b"%.6f" % (float(n) + 1.5)),
    "a colour": change(rb"#[0-9a-f]{6}", b"#123456"),
    "a line more": change(rb"</svg>", b'<path d="M 0 0 L 9 9"/></svg>'),
    "a comment": change(rb"</svg>", b"<!-- seen --></svg>"),
    "a scale": change(rb"(?<=scale\()0\.\d+", b"0.14"),
    "what it is called": change(rb'(?<=id=")\w+', b"other"),
}
TEXT: dict[str, Hand] = {
    "one letter": one_letter, "one digit": one_digit,
    "a word more": lambda content, _: content + b"certain\n", "emptied": lambda *_: b"",
}  # fmt: skip
ENTRIES: dict[str, Hand] = {
    "one digit": change(rb"(?<=: )-?\d+\.?\d*", lambda number, rng: other_digit(number, rng)),
    "one letter": one_letter,
    "an entry dropped": lambda content, rng: as_json(_drop(json.loads(content), rng)),
    "an entry added": lambda content, _: as_json({**json.loads(content), "more": 1.5}),
    "other spaces": lambda content, _: json.dumps(json.loads(content)).encode("utf-8"),
    "an entry twice": change(rb"^{", b'{"more": 1, "more": 2,'),
}


def as_json(content: object) -> bytes:
    """Return JSON as a run writes it."""
    return (json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _drop(content: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    del content[pick(sorted(content), rng)]
    return content


def in_notebook(do: Callable[[list[Any], random.Random], object]) -> Hand:
    """Return a hand that changes the cells of an executed copy."""

    def hand(content: bytes, rng: random.Random) -> bytes:
        notebook = json.loads(content)
        do(notebook["cells"], rng)
        return as_json(notebook)

    return hand


def _outputs(cells: list[Any], kind: str) -> list[Any]:
    return [o["data"] for c in cells for o in c.get("outputs", []) if kind in o.get("data", {})]


def _edit_output(kind: str, hand: Hand) -> Hand:
    def do(cells: list[Any], rng: random.Random) -> None:
        data = pick(_outputs(cells, kind), rng)
        data[kind] = [hand("".join(data[kind]).encode(), rng).decode()]

    return in_notebook(do)


def _edit_source(kind: str) -> Hand:
    def do(cells: list[Any], rng: random.Random) -> None:
        cell = pick([one for one in cells if one["cell_type"] == kind and one["source"]], rng)
        cell["source"] = ["".join(cell["source"]) + "\nas run"]

    return in_notebook(do)


def _with_outputs(cells: list[Any]) -> list[Any]:
    return [cell for cell in cells if cell.get("outputs")]


NOTEBOOKS: dict[str, Hand] = {
    "a digit of an output": _edit_output("text/plain", one_digit),
    "a digit of a shown table": _edit_output("text/html", seen_digit),
    "code": _edit_source("code"), "words": _edit_source("markdown"),
    "an output dropped": in_notebook(lambda c, rng: pick(_with_outputs(c), rng)["outputs"].pop()),
    "a cell dropped": in_notebook(lambda c, rng: c.pop(rng.randrange(len(c)))),
    "two cells swapped": in_notebook(lambda c, _: c.append(c.pop(1))),
    "a cell added": in_notebook(lambda c, _: c.append(
        {"cell_type": "raw", "id": "x", "metadata": {}, "source": []})),
    "its place in the order": in_notebook(lambda c, rng: pick(
        [one for one in c if one.get("execution_count")], rng).update(execution_count=99)),
    "an empty setting": in_notebook(lambda c, _: c[0]["metadata"].update(hidden={})),
    "a tag": in_notebook(lambda c, _: c[0]["metadata"].update(tags=["nbval-skip"])),
    "other spaces": lambda content, _: json.dumps(json.loads(content)).encode("utf-8"),
}  # fmt: skip

BY_KIND: dict[str, dict[str, Hand]] = {
    ".csv": TABLES, ".json": ENTRIES, ".ipynb": NOTEBOOKS, ".html": PAGES, ".png": PNG,
    ".svg": SVG, ".txt": TEXT, ".docx": {**WORD, **PACKED}, ".xlsx": {**WORKBOOK, **PACKED},
}  # fmt: skip
ONE_FILE = {
    "effects.csv": "of the effects",
    "gap-": "of a picture",
    "panel.csv": "of what is published",
}


@dataclass
class Bundle:
    """A copy of a run or release to be tampered with, what its manifest says, and its study."""

    folder: Path
    data: Path
    rng: random.Random
    forged: bool
    made: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what its manifest says."""
        self.made = json.loads((self.folder / MANIFEST).read_text("utf-8"))

    @property
    def names(self) -> list[str]:
        """The files that were written by the run and are here."""
        return sorted(name for name in self.made["outputs"] if (self.folder / name).is_file())

    def write(self, name: str, content: bytes) -> None:
        """Write a file anew, so that the one it is linked to stays as it was."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def say(self) -> None:
        """Write the manifest: a forger seals it again, a careless hand does not."""
        sealed = manifest.manifest_as_text(self.made)
        self.write(MANIFEST, sealed if self.forged else as_json(self.made))

    def describe(self, name: str) -> None:
        """Write a file's new hash wherever the manifest has its old one, if that is forged."""
        if not self.forged:
            return
        digest, release = sha256_of(self.folder / name), self.made["release"]
        if release is not None and name in release["files"]:
            release["files"][name] = digest
            known = {place: file for file, place in release["carried"].items()}.get(name)
            if known in self.made["settings"]:
                self.made["settings"][known] = digest
            for one in self.made["inputs"]:
                if one["file"] == known and known:
                    one["sha256"] = digest
        else:
            about = {"bytes": (self.folder / name).stat().st_size, "sha256": digest}
            plain = {"rows": None, "key": [], "columns": [], "numbers": []}
            self.made["outputs"][name] = {**self.made["outputs"].get(name, plain), **about}
        self.say()


def change_file(bundle: Bundle, kind: str, hand: Hand, named: str = "") -> str:
    """Change one file of a kind; the first that it can be done to, in an order by chance."""
    names = [one for one in bundle.names if one.endswith(kind) and named in Path(one).name]
    bundle.rng.shuffle(names)
    for name in names:
        before = (bundle.folder / name).read_bytes()
        try:
            after = hand(before, bundle.rng)
        except CannotBeDone:
            continue
        if after != before:
            bundle.write(name, after)
            bundle.describe(name)
            return name
    raise CannotBeDone


def lose_file(bundle: Bundle) -> str:
    """Take a file away."""
    name = pick(bundle.names, bundle.rng)
    (bundle.folder / name).unlink()
    if bundle.forged:
        del bundle.made["outputs"][name]
        if bundle.made["release"] is not None:
            bundle.made["release"]["leaving"].remove(name)
        bundle.say()
    return str(name)


def add_file(name: str, content: bytes = b"outcome,estimate\nrwm,9.9\n") -> Callable[[Bundle], str]:
    """Return what puts a file more there."""

    def do(bundle: Bundle) -> str:
        bundle.write(name, content)
        bundle.describe(name)
        return name

    return do


def rename_file(bundle: Bundle) -> str:
    """Give a file another name."""
    name = pick(bundle.names, bundle.rng)
    path = bundle.folder / name
    path.rename(path.with_name(f"other-{path.name}"))
    if bundle.forged:
        about = bundle.made["outputs"].pop(name)
        bundle.made["outputs"][str(Path(name).with_name(f"other-{path.name}"))] = about
        bundle.say()
    return str(name)


def link_file(bundle: Bundle) -> str:
    """Put a link to the same bytes in a file's place."""
    name = pick(bundle.names, bundle.rng)
    path, kept = bundle.folder / name, bundle.folder.with_name("kept")
    shutil.copyfile(path, kept)
    path.unlink()
    path.symlink_to(kept)
    return str(name)


def link_folder(bundle: Bundle) -> str:
    """Put a link to a folder beside the others."""
    (bundle.folder / "more").symlink_to(bundle.folder.parent, target_is_directory=True)
    return "more"


def add_folder(bundle: Bundle) -> str:
    """Put an empty folder there."""
    (bundle.folder / "more").mkdir()
    return "more"


def put_another(bundle: Bundle) -> str:
    """Put another file's content in a file's place: both are of one kind."""
    names = bundle.names
    one = pick(names, bundle.rng)
    ours = (bundle.folder / one).read_bytes()
    others = [n for n in names if Path(n).suffix == Path(one).suffix
              and (bundle.folder / n).read_bytes() != ours]  # fmt: skip
    bundle.write(one, (bundle.folder / pick(others, bundle.rng)).read_bytes())
    bundle.describe(one)
    return str(one)


def exchange(bundle: Bundle) -> str:
    """Exchange two pictures."""
    names = [one for one in bundle.names if one.endswith(".png")]
    one = pick(names, bundle.rng)
    ours = (bundle.folder / one).read_bytes()
    others = [n for n in names if (bundle.folder / n).read_bytes() != ours]
    other = pick(others, bundle.rng)
    theirs = (bundle.folder / other).read_bytes()
    for name, content in ((one, theirs), (other, ours)):
        bundle.write(name, content)
        bundle.describe(name)
    return str(one)


def in_manifest(do: Callable[[dict[str, Any], random.Random], object]) -> Callable[[Bundle], str]:
    """Return what edits the manifest itself."""

    def edit(bundle: Bundle) -> str:
        before = json.dumps(bundle.made, sort_keys=True)
        try:
            named = do(bundle.made, bundle.rng)
        except (IndexError, ValueError):
            raise CannotBeDone from None  # of a release steps and the like are not told
        if json.dumps(bundle.made, sort_keys=True) == before:
            raise CannotBeDone
        bundle.say()
        return named.as_posix() if isinstance(named, Path) else MANIFEST

    return edit


def in_bytes_of(name: str, hand: Hand) -> Callable[[Bundle], str]:
    """Return what changes the bytes of a file that is no output."""

    def do(bundle: Bundle) -> str:
        if not (bundle.folder / name).is_file():
            raise CannotBeDone
        content = (bundle.folder / name).read_bytes()
        bundle.write(name, hand(content, bundle.rng))
        if bundle.made["release"] is not None and name in bundle.made["release"]["files"]:
            bundle.describe(name)
        return Path(name).name

    return do


def change_carried(bundle: Bundle) -> str:
    """Change one byte of what a release carries of the study."""
    if bundle.made["release"] is None:
        raise CannotBeDone
    one = pick(sorted(bundle.made["release"]["carried"].values()), bundle.rng)
    bundle.write(one, one_byte((bundle.folder / one).read_bytes(), bundle.rng))
    bundle.describe(one)
    return str(one).removeprefix("study/")


def in_study(which: str, hand: Hand | None) -> Callable[[Bundle], str]:
    """Return what changes a file of the study that a run came from, or takes it away."""

    def do(bundle: Bundle) -> str:
        if bundle.made["release"] is not None:
            raise CannotBeDone  # a release carries its own
        listed = {**bundle.made["settings"], **{one["file"]: 1 for one in bundle.made["inputs"]}}
        name = pick([one for one in listed if one and re.match(which, one)], bundle.rng)
        path = bundle.data / name
        content = path.read_bytes()
        path.unlink()
        if hand is not None:
            path.write_bytes(hand(content, bundle.rng))
        return str(name)

    return do


def _table(made: dict[str, Any], rng: random.Random) -> Any:
    return made["outputs"][pick(sorted(n for n, o in made["outputs"].items() if o["columns"]), rng)]


def _any(made: dict[str, Any], rng: random.Random) -> Any:
    return made["outputs"][pick(sorted(made["outputs"]), rng)]


def _setting(made: dict[str, Any], rng: random.Random) -> str:
    return str(pick(sorted(made["settings"]), rng))


def _rename(settings: dict[str, Any], name: str) -> Path:
    settings[f"other-{name}"] = settings.pop(name)
    return Path(f"other-{name}")


MANIFESTS: dict[str, Callable[[dict[str, Any], random.Random], object]] = {
    "a seed": lambda m, _: m["seeds"].update({min(m["seeds"]): 1}),
    "the programmes": lambda m, _: m["programmes"].pop(),
    "the programmes' order": lambda m, _: m["programmes"].reverse(),
    "an output's hash": lambda m, rng: _any(m, rng).update(sha256="0" * 64),
    "a table's rows": lambda m, rng: _table(m, rng).update(rows=999_999),
    "a table's key": lambda m, rng: _table(m, rng).update(key=["other"]),
    "a table's columns": lambda m, rng: _table(m, rng)["columns"].append("other"),
    "a table's numbers": lambda m, rng: _table(m, rng)["numbers"].append("other"),
    "an input's hash": lambda m, rng: rng.choice(m["inputs"]).update(sha256="1" * 64),
    "an input's release": lambda m, _: m["inputs"][0].update(release="provisional"),
    "an input's kind": lambda m, _: m["inputs"][0].update(kind="ks4"),
    "an input's year": lambda m, rng: rng.choice(m["inputs"]).update(year=1999),
    "an input's licence": lambda m, rng: rng.choice(m["inputs"]).update(licence="none"),
    "an input's page": lambda m, rng: rng.choice(m["inputs"]).update(page="elsewhere"),
    "an input's size": lambda m, rng: rng.choice(m["inputs"]).update(bytes=1),
    "an input dropped": lambda m, rng: m["inputs"].pop(rng.randrange(len(m["inputs"]))),
    "a setting's hash": lambda m, rng: m["settings"].update({_setting(m, rng): "2" * 64}),
    "a setting dropped": lambda m, rng: m["settings"].pop(_setting(m, rng)),
    "a setting renamed": lambda m, rng: _rename(m["settings"], _setting(m, rng)),
    "a step dropped": lambda m, _: m["steps"].pop(max(m["steps"])),
    "another report": lambda m, _: m.update(report="autumn-2018-revised"),
    "a word it has not": lambda m, _: m.update(more="certain"),
}  # fmt: skip
"""What making it again can tell, so that a forged seal does not help."""
ONLY_TOLD: dict[str, Callable[[dict[str, Any], random.Random], object]] = {
    "the commit": lambda m, _: m["code"].update(commit="0" * 40),
    "a package's version": lambda m, _: m["packages"].update(numpy="2.0.0"),
    "the machine": lambda m, _: m.update(platform="Darwin arm64"),
    "the day": lambda m, _: m.update(started="2018-10-02T09:00:00Z"),
    "the time it took": lambda m, _: m["steps"][min(m["steps"])].update(seconds=0.25),
    "the seal": lambda m, _: m.update(seal="3" * 64),
    "the reason": lambda m, _: m["release"].update(why="as agreed") if m["release"] else None,
}
KINDS: dict[str, Callable[[Bundle], str]] = {
    **{f"{kind[1:]}: {what}": lambda b, k=kind, h=hand: change_file(b, k, h)
       for kind, hands in BY_KIND.items() for what, hand in hands.items()},
    **{f"csv: {what} {said}": lambda b, h=hand, n=name: change_file(b, ".csv", h, n)
       for name, said in ONE_FILE.items() for what, hand in TABLES.items() if "digit" in what},
    "file: missing": lose_file, "file: renamed": rename_file, "file: a link": link_file,
    "file: another's content": put_another, "file: two pictures exchanged": exchange,
    "file: one more": add_file("04-estimate-effect/more.csv"),
    "file: a hidden one more": add_file(".more", b"x"),
    "file: a citation more": add_file("CITATION.cff", b"cff-version: 1.2.0\n"),
    "file: a linked folder": link_folder, "file: an empty folder": add_folder,
    **{f"manifest: {what}": in_manifest(do) for what, do in {**MANIFESTS, **ONLY_TOLD}.items()},
    "manifest: other spaces": in_bytes_of(MANIFEST, ENTRIES["other spaces"]),
    "manifest: a word twice": in_bytes_of(MANIFEST, change(rb"^{", b'{"report": "autumn-2017",')),
    "manifest: cut short": in_bytes_of(MANIFEST, lambda content, _: content[:-99]),
    "log: one digit": in_bytes_of(LOG, one_digit),
    "log: a line dropped": in_bytes_of(LOG, lambda content, _: content.split(b"\n", 1)[1]),
    "release: one letter of README": in_bytes_of("README.md", one_letter),
    "release: a sentence in README": in_bytes_of("README.md", lambda text, _: text + b"Sure.\n"),
    "release: a byte of what it carries": change_carried,
    "changes: the seal": in_bytes_of(f"../{CHANGES_FILE}", change(rb"(?<=seal: )\w", b"x")),
    "changes: the day": in_bytes_of(f"../{CHANGES_FILE}", change(rb"(?<=, )\d{4}", b"2018")),
    "changes: emptied": in_bytes_of(f"../{CHANGES_FILE}", lambda *_: b""),
    "study: a byte of a published file": in_study("invented/", one_byte),
    "study: a published file missing": in_study("invented/", None),
    "study: a digit of a programme": in_study("programmes/", one_digit),
    "study: a letter of the report": in_study("reports/.*yml", one_letter),
    "study: the report's text": in_study("reports/.*md", one_letter),
    "study: a setting missing": in_study("programmes/", None),
}  # fmt: skip


def find(bundle: Path, again: Path, data: Path) -> list[str]:
    """Say what `verify` says differs, each file and place; what it refuses, in its own words."""
    try:
        found = verify.verify_run(bundle, data=data, out=bundle.parent / "out", again=again)
    except PepstatsError as error:
        return [str(error)]
    return [f"{one.file} {one.column} {one.note}" for one in found.findings
            if one.verdict == DIFFERS]  # fmt: skip


def try_one(what: str, whole: Path, again: Path, data: Path, seed: str) -> dict[str, Any] | None:
    """Make one tampering in a copy and see whether it is found and named; None where it cannot."""
    forged = seed.endswith("forged") and what.removeprefix("manifest: ") not in ONLY_TOLD
    rng = random.Random(f"{what} {seed}")  # noqa: S311 - a seeded hand, not a secret
    with tempfile.TemporaryDirectory(dir=whole.parent, prefix="copy-") as scratch:
        place = Path(scratch) / "released"
        copy = Path(shutil.copytree(whole, place / whole.name, copy_function=os.link))
        study = Path(scratch) / "data"
        shutil.copytree(data, study, copy_function=os.link)
        if (whole.parent / CHANGES_FILE).is_file():
            shutil.copyfile(whole.parent / CHANGES_FILE, place / CHANGES_FILE)
        try:
            file = KINDS[what](Bundle(copy, study, rng, forged))
        except CannotBeDone:
            return None
        found = find(copy, again, study)
    by_hash = file == MANIFEST and any("the manifest names" in one for one in found)
    named = by_hash or any(file in one for one in found)
    return {"what": what, "of": whole.parent.name, "seed": seed, "file": file, "forged": forged,
            "found": bool(found), "named": named}  # fmt: skip


def make_both(scratch: Path, schools: int) -> Iterator[tuple[Path, Path, Path]]:
    """Make a run and its release, and each once again; the folder, the same again, the study."""
    data, out = scratch / "data", scratch / "out"

    def do(*words: str) -> None:
        subprocess.run([sys.executable, *words], check=True, cwd=ROOT, capture_output=True)

    do("-m", "pepstats", "invent", str(data), "--schools", str(schools))
    where = "--data", str(data), "--out"
    do("-m", "pepstats", "run", REPORT, *where, str(out))
    stamp(out / "working" / REPORT)
    do("-c", RELEASE, REPORT, str(data), str(out), "0")
    for place in ("working", "released"):
        kept = scratch / f"{place}-again"
        do("-m", "pepstats", "verify", str(out / place / REPORT), *where, str(kept))
        yield out / place / REPORT, kept / "working" / f"{REPORT}.verified" / "again", data


def main() -> None:
    """Tamper, look, and print what was found of each kind."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--number", type=int, default=1000)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--schools", type=int, default=900)
    ask.add_argument("--bundle", type=Path, help="a finished run or release")
    ask.add_argument("--again", type=Path, help="what `verify` made of it")
    ask.add_argument("--data", type=Path, default=ROOT / "data", help="the study it came from")
    asked = ask.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="tamper-") as scratch:
        named = asked.bundle and (asked.bundle, asked.again, asked.data)
        wholes = [named] if named else [*make_both(Path(scratch), asked.schools)]
        untouched = [said for one in wholes for said in find(*one)]
        number = 0
        while len(rows) < asked.number:
            for what in KINDS:
                for whole in wholes:
                    for how in ("plain", "forged"):
                        row = try_one(what, *whole, f"{asked.seed} {number} {how}")
                        rows += [row] if row and len(rows) < asked.number else []
            number += 1
    table = pd.DataFrame(rows)
    counted = table.groupby(["what", "forged"]).agg(
        made=("seed", "size"), found=("found", "sum"), named=("named", "sum")
    )
    print(counted.to_string())
    missed = table[~(table["found"] & table["named"])]
    for row in missed.to_dict("records"):
        print("NOT", row)
    print(f"untouched: {len(untouched)} findings; {len(table)} tamperings of "
          f"{table['what'].nunique()} kinds: {table['found'].sum()} found, "
          f"{table['named'].sum()} named")  # fmt: skip
    sys.exit(int(bool(len(missed)) or bool(untouched)))


if __name__ == "__main__":
    main()
