"""Two hundred seeded tamperings with a run or a release, each to be found and named.

    python benchmarks/tamper.py BUNDLE AGAIN [--number 200] [--seed 1]

BUNDLE is a run (all kinds of file are in it) or a release, AGAIN what `pepstats verify` made
of it. Each tampering is made in a copy of the bundle, twice: as a careless
hand makes it, and as one does that also writes the right hash and seal into the manifest. Found is
when `verify` would answer 1; named, when it says the very file. What is run again is run once: a
copy is compared with the same run made again, as `verify` compares it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd

from pepstats.runs import manifest, verify
from pepstats.runs.files import MANIFEST, sha256_of
from pepstats.runs.manifest import DIFFERS

Hand = Callable[[bytes, random.Random], bytes]
COPIED = {".csv", ".json", ".ipynb", ".html", ".docx", ".xlsx", ".png", ".svg", ".txt"}


@dataclass(frozen=True)
class Tampering:
    """One thing done to one file; `forged` when the manifest's hash and seal were mended too."""

    what: str
    file: str
    forged: bool


def change_digit(content: bytes, rng: random.Random) -> bytes:
    """Change one digit of a number, anywhere but in the first line."""
    start = content.find(b"\n") + 1
    places = [m.start() for m in re.finditer(rb"\d", content[start:])] or [0]
    place = start + rng.choice(places)
    other = rng.choice([d for d in b"123456789" if d != content[place]])
    return content[:place] + bytes([other]) + content[place + 1 :]


def drop_row(content: bytes, rng: random.Random) -> bytes:
    """Take one row out of a table."""
    lines = content.splitlines(keepends=True)
    del lines[rng.randrange(1, len(lines))]
    return b"".join(lines)


def repeat_row(content: bytes, rng: random.Random) -> bytes:
    """Put one row of a table in twice."""
    lines = content.splitlines(keepends=True)
    place = rng.randrange(1, len(lines))
    return b"".join([*lines[:place], lines[place], *lines[place:]])


def swap_rows(content: bytes, rng: random.Random) -> bytes:
    """Swap two unlike rows of a table."""
    lines = content.splitlines(keepends=True)
    pairs = [(a, b) for a in range(1, min(len(lines), 40)) for b in range(1, a)
             if lines[a] != lines[b]]  # fmt: skip
    a, b = rng.choice(pairs)
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def swap_columns(content: bytes, rng: random.Random) -> bytes:
    """Swap the names of two columns of a table."""
    head, _, rest = content.partition(b"\n")
    names = head.split(b",")
    a, b = rng.sample(range(len(names)), 2)
    names[a], names[b] = names[b], names[a]
    return b",".join(names) + b"\n" + rest


def end_lines_otherwise(content: bytes, rng: random.Random) -> bytes:
    """Write a table with the line ends of another system."""
    return content.replace(b"\n", b"\r\n")


def change_word(content: bytes, rng: random.Random) -> bytes:
    """Change one letter of a word."""
    places = [m.start() for m in re.finditer(rb"[a-z]{4,}", content)]
    place = rng.choice(places)
    return content[:place] + (b"q" if content[place] != ord("q") else b"k") + content[place + 1 :]


def change_byte(content: bytes, rng: random.Random) -> bytes:
    """Change one byte, anywhere."""
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def change_words_of_page(content: bytes, rng: random.Random) -> bytes:
    """Change one digit that a reader sees on a page."""
    seen = list(re.finditer(rb">[^<>]*\d[^<>]*<", content[content.find(b"<main") :]))
    one = rng.choice(seen)
    start = content.find(b"<main") + one.start()
    return (
        content[:start]
        + change_digit(b"\n" + one.group(), rng)[1:]
        + (content[start + len(one.group()) :])
    )


def change_packed(content: bytes, rng: random.Random) -> bytes:
    """Change one digit in a Word file or workbook, as an editor would."""
    with zipfile.ZipFile(BytesIO(content)) as packed:
        parts = [(entry, packed.read(entry)) for entry in packed.infolist()]
    changed, done = BytesIO(), False
    names = ("word/document.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet2.xml")
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry, inside in parts:
            text = re.findall(rb">[^<>]*\d[^<>]*<", inside) if entry.filename in names else []
            if text and not done:
                old = rng.choice(text)
                inside = inside.replace(old, change_digit(b"\n" + old, rng)[1:], 1)
                done = True
            packed.writestr(entry, inside)
    return changed.getvalue()


def change_output(content: bytes, rng: random.Random) -> bytes:
    """Edit one output of an executed notebook."""
    notebook = json.loads(content)
    shown = [o["data"] for c in notebook["cells"] for o in c.get("outputs", [])
             if "text/plain" in o.get("data", {})]  # fmt: skip
    data = rng.choice(shown)
    data["text/plain"] = ["".join(data["text/plain"]) + " "]
    return json.dumps(notebook, indent=1).encode("utf-8")


def change_source(content: bytes, rng: random.Random) -> bytes:
    """Edit one cell's code of an executed notebook."""
    notebook = json.loads(content)
    cell = rng.choice([c for c in notebook["cells"] if c["cell_type"] == "code"])
    cell["source"] = ["".join(cell["source"]) + "\n# as run"]
    return json.dumps(notebook, indent=1).encode("utf-8")


KINDS: dict[str, dict[str, Hand]] = {
    ".csv": {
        "one digit": change_digit, "a row dropped": drop_row, "a row twice": repeat_row,
        "two rows swapped": swap_rows, "two columns swapped": swap_columns,
        "other line ends": end_lines_otherwise,
    },
    ".json": {"one digit": change_digit},
    ".ipynb": {"an output edited": change_output, "code edited": change_source},
    ".html": {"one digit": change_words_of_page, "one byte": change_byte},
    ".docx": {"one digit": change_packed},
    ".xlsx": {"one digit": change_packed},
    ".png": {"one byte": change_byte},
    ".svg": {"one digit": change_digit},
    ".txt": {"one letter": change_word},
}  # fmt: skip


def tamper(bundle: Path, rng: random.Random, *, forged: bool) -> Tampering:
    """Do one thing to a copy of a release, and say what; nothing else in it changes."""
    ways = {
        "table": 8, "other": 6, "picture swapped": 2, "missing": 1, "extra": 1, "carried": 2,
        "about": 1, "manifest": 4,
    }  # fmt: skip
    if json.loads((bundle / MANIFEST).read_text("utf-8"))["release"] is None:
        del ways["carried"], ways["about"]  # a run carries nothing beside what it wrote
    way = rng.choices(list(ways), list(ways.values()))[0]
    made = json.loads((bundle / MANIFEST).read_text("utf-8"))
    names = sorted(name for name in made["outputs"] if (bundle / name).is_file())
    if way == "manifest":
        return _in_manifest(bundle, made, rng, forged)
    if way == "missing":
        name = rng.choice(names)
        (bundle / name).unlink()
        if forged:
            del made["outputs"][name]
        _write(bundle, made, forged)
        return Tampering("a file missing", name, forged)
    if way == "extra":
        name = f"04-estimate-effect/more-{rng.randrange(99)}.csv"
        _replace(bundle / name, b"outcome,estimate\nrwm_expected,9.9\n")
        if forged:
            _describe(bundle, made, name)
        _write(bundle, made, forged)
        return Tampering("a file more", name, forged)
    if way == "picture swapped":
        one = rng.choice([n for n in names if n.endswith((".png", ".svg"))])
        ours = (bundle / one).read_bytes()
        others = [n for n in names if n[-4:] == one[-4:] and (bundle / n).read_bytes() != ours]
        _replace(bundle / one, (bundle / rng.choice(others)).read_bytes())
        return _finish(bundle, made, way, one, forged)
    if way == "carried":
        one = rng.choice(sorted(made["release"]["carried"].values()))
        _replace(bundle / one, change_byte((bundle / one).read_bytes(), rng))
        return _finish(bundle, made, "one byte of an input or setting", one, forged)
    if way == "about":
        one = "README.md"
        _replace(bundle / one, change_word((bundle / one).read_bytes(), rng))
        return _finish(bundle, made, "one letter of what goes with it", one, False)
    wanted = {".csv"} if way == "table" else COPIED - {".csv", ".png"}
    kind = rng.choice(sorted(wanted & {Path(n).suffix for n in names}))
    what, hand = rng.choice(sorted(KINDS[kind].items()))
    rng.shuffle(names)
    for name in (n for n in names if n.endswith(kind)):
        before = (bundle / name).read_bytes()
        try:
            after = hand(before, rng)
        except (IndexError, ValueError):
            continue  # too small for this: a table of one row has no two to swap
        if after != before:
            _replace(bundle / name, after)
            return _finish(bundle, made, f"{kind[1:]}: {what}", name, forged)
    raise ValueError(f"no {kind} file can have {what}")


def _in_manifest(bundle: Path, made: dict, rng: random.Random, forged: bool) -> Tampering:
    """Edit the manifest itself; forged ones are sealed again."""
    output = rng.choice(sorted(made["outputs"]))
    table = rng.choice(sorted(n for n, o in made["outputs"].items() if o["columns"]))
    ways: dict[str, Callable[[], object]] = {
        "a seed": lambda: made["seeds"].update({min(made["seeds"]): 1}),
        "the programmes": lambda: made["programmes"].pop(),
        "an output's hash": lambda: made["outputs"][output].update({"sha256": "0" * 64}),
        "an input's hash": lambda: rng.choice(made["inputs"]).update({"sha256": "1" * 64}),
        "an input's release": lambda: made["inputs"][0].update({"release": "provisional"}),
        "a table's rows": lambda: made["outputs"][table].update({"rows": 1}),
    }
    if not forged:
        ways |= {
            "the commit": lambda: made["code"].update({"commit": "0" * 40}),
            "a package's version": lambda: made["packages"].update({"numpy": "2.0.0"}),
            "the time it took": lambda: made["steps"][min(made["steps"])].update({"seconds": 0.0}),
        }
        if made["release"] is not None:
            ways["the reason"] = lambda: made["release"].update({"why": "as agreed"})
    what = rng.choice(sorted(ways))
    ways[what]()
    _write(bundle, made, forged)
    return Tampering(f"manifest: {what}", MANIFEST, forged)


def _finish(bundle: Path, made: dict, what: str, name: str, forged: bool) -> Tampering:
    if forged:
        _describe(bundle, made, name)
        _write(bundle, made, forged)
    return Tampering(what, name, forged)


def _describe(bundle: Path, made: dict, name: str) -> None:
    """Write a file's new hash wherever the manifest has its old one."""
    digest = sha256_of(bundle / name)
    if made["release"] is not None and name in made["release"]["files"]:
        made["release"]["files"][name] = digest
        known = {place: file for file, place in made["release"]["carried"].items()}
        if known[name] in made["settings"]:
            made["settings"][known[name]] = digest
        for one in made["inputs"]:
            if one["file"] == known[name]:
                one["sha256"] = digest
    else:
        about = {"bytes": (bundle / name).stat().st_size, "sha256": digest}
        plain = {"rows": None, "key": [], "columns": [], "numbers": []}
        made["outputs"][name] = {**made["outputs"].get(name, plain), **about}


def _write(bundle: Path, made: dict, forged: bool) -> None:
    text = json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    _replace(
        bundle / MANIFEST,
        manifest.manifest_as_text(made) if forged else text.encode("utf-8"),
    )


def _replace(path: Path, content: bytes) -> None:
    """Write a file anew, so that the one it is linked to stays as it was."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def find(bundle: Path, again: Path, data: Path) -> list[tuple[str, str]]:
    """Say which files differ, and where, as `verify` would with the run made again at hand."""
    made = manifest.read_manifest(bundle)
    _, absent, changed = verify.find_needed(bundle, made, data)
    findings = [*manifest.check_written(bundle, made), *verify.compare_runs(bundle, made, again)]
    found = [(one.file, one.column) for one in findings if one.verdict == DIFFERS]
    return [*found, *((name, "") for name in (*absent, *changed))]


def try_one(bundle: Path, again: Path, seed: int, scratch: Path, *, forged: bool) -> dict:
    """Make one tampering in a copy and see whether it is found and named."""
    copy = scratch / f"copy-{seed}"
    shutil.copytree(bundle, copy, copy_function=os.link)
    hand = random.Random(seed)  # noqa: S311 - a seeded hand, not a secret
    done = tamper(copy, hand, forged=forged)
    found = find(copy, again, scratch / "no data folder")
    shutil.rmtree(copy)
    inside = done.file.removeprefix("study/")  # the manifest names a carried file as the study does
    named = any(done.file == file or inside in column for file, column in found)
    return {
        "seed": seed, "what": done.what, "file": done.file, "forged": done.forged,
        "found": bool(found), "named": named, "findings": len(found),
    }  # fmt: skip


def main() -> None:
    """Tamper, look, and print what was found of each kind."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("bundle", type=Path)
    ask.add_argument("again", type=Path)
    ask.add_argument("--number", type=int, default=200)
    ask.add_argument("--seed", type=int, default=1)
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.bundle.parent) as scratch:
        untouched = find(asked.bundle, asked.again, Path(scratch))
        rows = [
            try_one(
                asked.bundle, asked.again, asked.seed * 1000 + n, Path(scratch), forged=n % 2 > 0
            )
            for n in range(asked.number)
        ]
    table = pd.DataFrame(rows)
    counted = table.groupby(["what", "forged"]).agg(
        made=("seed", "size"), found=("found", "sum"), named=("named", "sum")
    )
    print(counted.to_string())
    print(f"untouched: {len(untouched)} findings; {len(table)} tamperings, "
          f"{table['found'].sum()} found, {table['named'].sum()} named")  # fmt: skip
    for row in table[~(table["found"] & table["named"])].to_dict("records"):
        print("NOT", row)


if __name__ == "__main__":
    main()
