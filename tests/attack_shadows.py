"""What a release gives away besides sums: hashes, hidden counts, orders, refusals, ratings."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp

import pepstats
from pepstats.plots.pictures import shorten_names
from pepstats.report import describe_cases
from pepstats.study import tabulate_inspections
from tests.attack_reading import CARRIED, Cell, find_numbers, read_words

DIGEST = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b(?=\s*$)")
OF_ITSELF = ("seal", "nonce", "commit", "working", "lock")
HIDDEN = "[c]"


@dataclass(frozen=True)
class Finding:
    """Something given away: of which school, what, give or take how much, by which way."""

    kind: str
    school: int | str
    what: str
    value: float | str
    within: float
    way: str


# Hashes and sizes of what is not there ------------------------------------------------------------


def find_shadows(release: Path, published: Path) -> list[Finding]:
    """Find every hash, size and number of rows of a file that is neither here nor published."""
    here = {p.relative_to(release).as_posix(): p for p in release.rglob("*") if p.is_file()}
    kept = {n: p for n, p in here.items() if not n.startswith(CARRIED)}
    open_files = [p for p in published.rglob("*") if p.is_file()]
    seen = [*here.values(), *open_files]
    digests = {hashlib.sha256(p.read_bytes()).hexdigest() for p in seen}
    short = {d[:12] for d in digests}
    found = []
    for name, path in kept.items():
        if path.suffix in (".csv", ".json", ".txt", ".md", ".html", ".ipynb", ".yml"):
            text = path.read_text("utf-8", "replace")
            plain = re.sub(r"<[^>]*>", "\n", text) if path.suffix == ".html" else text
            for key, digest in _digests(name, plain):
                if digest not in digests and digest not in short:
                    found.append(Finding("hash", key, digest, digest, 0.0, name))
            if path.suffix == ".json":
                found += _sizes(name, json.loads(text), set(here))
    return found


def _digests(name: str, text: str) -> Iterator[tuple[str, str]]:
    if name.endswith(".json"):
        for key, value in _walk(json.loads(text)):
            last = key[-1] if key else ""
            own = any(part in OF_ITSELF for part in key)
            if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) and not own:
                yield " > ".join(k for k in key if k != last) or last, value
        return
    for line in text.split("\n"):
        if "seal" not in line and "commit" not in line:
            for match in DIGEST.finditer(line.strip()):
                yield line.strip()[:80], match[0]


def _walk(value: object, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict):
        named = value.get("file") if isinstance(value.get("file"), str) else None
        for name, one in value.items():
            yield from _walk(one, (*key, *([named] if named else []), str(name)))
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one, key)
    else:
        yield key, value


def _sizes(name: str, content: object, here: set[str]) -> list[Finding]:
    return [
        Finding("size", key[-2], key[-1], value, 0.0, name)
        for key, value in _walk(content)
        if len(key) > 1 and key[-1] in ("bytes", "rows") and isinstance(value, int)
        and key[-2] not in here and not any(h.endswith(f"/{key[-2]}") for h in here)
    ]  # fmt: skip


def guess_cases(world, hashes: Iterable[str], cells: Sequence[Cell]) -> list[Finding]:
    """Guess the withheld table of the case studies until its hash is met: no number is needed."""
    wanted, found = set(hashes), []
    for slug, one in world.evaluations.items():
        described = describe_members(world, slug)
        rows = [_narrow(described, words) for words in _cases_of(cells, one.programme.title)]
        if len(rows) != 3:
            continue
        table = one.measured.gaps[one.programme.primary].table
        if not world.is_unknown(one.programme.primary):
            continue
        met = _try_all(table, described, rows, wanted, world, one.programme.primary)
        found += [
            Finding("result", school, one.programme.primary, own, 0.0, f"hash of {slug}'s cases")
            for school, own in met.items()
        ]
    return found


def _try_all(table, described, rows, wanted, world, primary) -> dict[int, float]:
    for schools in itertools.product(*rows):
        if len(set(schools)) < 3:
            continue
        options = []
        for school in schools:
            pupils = int(world.unknowns.loc[(school, primary), "pupils"])
            own = sorted({float(np.floor(100 * m / pupils + 0.5)) for m in range(pupils + 1)})
            options.append([(o, round(o - table.loc[school, "comparison"], 6)) for o in own])
        frame = described.loc[list(schools)].copy()
        lines = []
        for place, school in enumerate(schools):
            row = frame.loc[[school]]
            row = row.assign(
                why=("rose most", "nearest the middle", "fell most")[place], gap=np.inf
            )
            text = (
                row[["why", "gap", *described.columns]].to_csv(lineterminator="\n").split("\n", 1)
            )
            lines.append(text[1])
            head = text[0]
        for one, two, three in itertools.product(*options):
            if one[1] < two[1] or two[1] < three[1]:
                continue
            body = "".join(
                t.replace(",inf,", f",{float(v[1])!r},", 1)
                for t, v in zip(lines, (one, two, three), strict=True)
            )
            if hashlib.sha256(f"{head}\n{body}".encode()).hexdigest() in wanted:
                return dict(zip(schools, (one[0], two[0], three[0]), strict=True))
    return {}


def describe_members(world, slug: str) -> pd.DataFrame:
    """Describe every member as the open code describes a case, from what is published."""
    study, one = world.study, world.evaluations[slug]
    starts = one.programme.starts
    before = study.panel.values.xs(starts - 1, level="year")
    members = study.members_of(one.programme)
    table = pd.DataFrame(index=members.index)
    inspected = tabulate_inspections(study)
    return describe_cases(
        table, register=study.register, members=members, before=before,
        inspections=inspected if len(inspected) else None, years=(starts, world.year),
    )  # fmt: skip


def _cases_of(cells: Sequence[Cell], title: str) -> list[dict[str, str]]:
    """Read the case studies of a programme off whichever table sets them side by side."""
    columns: dict[str, dict[str, str]] = {}
    for cell in cells:
        about = cell.about.lower()
        there = "case studies" in about and title.lower() in about and ".html" in cell.file
        if there and cell.column.startswith(("School ", "Case ")):
            label = cell.row.split(" ; ")[0]
            columns.setdefault(cell.column, {})[label.lower()] = cell.text
    return list(columns.values())


def _narrow(described: pd.DataFrame, words: Mapping[str, str]) -> list[int]:
    """List the members that are as a case study says."""
    said = set(words.values())
    fits = pd.Series(True, index=described.index)
    for column in ("context", "support", "changed"):
        told = described[column].isin(said)
        if told.any():
            fits &= told
    return [int(s) for s in described.index[fits]]


def find_cases(world, cells: Sequence[Cell]) -> list[Finding]:
    """Find the schools that a case study can only be, and what is said beside it."""
    found = []
    for slug, one in world.evaluations.items():
        described = describe_members(world, slug)
        for words in _cases_of(cells, one.programme.title):
            schools = _narrow(described, words)
            if len(schools) != 1:
                continue
            why = " ".join(v for k, v in words.items() if "why" in k)
            unknown = world.is_unknown(one.programme.primary)
            if unknown and re.search(r"rose|fell|middle", why) and "support" not in why:
                found.append(
                    Finding("order", schools[0], one.programme.primary, why, 0.0, "case study")
                )
            said = " ".join(v for k, v in words.items() if "statement" in k)
            if re.search(r"without consent|no answer|not be quoted|declined|to be checked", said):
                found.append(Finding("consent", schools[0], "statement", said, 0.0, "case study"))
    return found


def find_refusals(world, cells: Sequence[Cell]) -> list[Finding]:
    """Find refusals told by a row of the private file, which lists members as published."""
    order = [(slug, int(s)) for slug, e in world.evaluations.items()
             for s in world.study.members_of(e.programme).sort_values("urn").index]  # fmt: skip
    found = {}
    for cell in cells:
        words = f"{cell.row} {cell.text}"
        for number in re.findall(r"row (\d+)", words):
            if "statement" in words and 0 <= int(number) - 2 < len(order):
                slug, school = order[int(number) - 2]
                reason = "no consent" if "no consent" in words else "words to be checked"
                found[school, slug] = Finding("consent", school, slug, reason, 0.0, cell.file)
    return list(found.values())


ANSWERS = re.compile(
    r"Of the (\d+) schools? asked for a statement, (\d+) answered: "
    r"(\d+) positive, (\d+) mixed and (\d+) negative"
)


def find_between(worlds, releases: Sequence[Path]) -> list[Finding]:
    """Find what two releases of one year say of the few schools that only one of them counts."""
    said = [_answers_of(world, folder) for world, folder in zip(worlds, releases, strict=True)]
    found = []
    for before, after in itertools.combinations(range(len(said)), 2):
        for slug in said[before].keys() & said[after].keys():
            members = [set(worlds[n].evaluations[slug].design.members) for n in (before, after)]
            moved = members[0] ^ members[1]
            apart = np.abs(np.subtract(said[before][slug], said[after][slug]))
            if len(moved) == 1 and apart.any():
                found.append(Finding("answer", next(iter(moved)), slug, str(apart.tolist()), 0.0,
                                     "counts of answers in two releases"))  # fmt: skip
    return found


def _answers_of(world, folder: Path) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.rglob("report.html")):
        for title, words in _chapters(world, read_words(path.name, path.read_bytes())):
            if match := ANSWERS.search(words):
                found.setdefault(title, tuple(int(n) for n in match.groups()))
    return found


def _chapters(world, words: str) -> Iterator[tuple[str, str]]:
    """Yield the words from each programme's heading, and its first paragraph, to the next one's."""
    titles = {one.programme.title: slug for slug, one in world.evaluations.items()}
    for title, slug in titles.items():
        if begin := re.search(rf"{re.escape(title)}\s+(\d+)\.1\s", words):
            end = re.compile(rf"\s{int(begin[1]) + 1}\.1\s").search(words, begin.end())
            chapter = words[begin.start() : end.start() if end else len(words)]
            yield slug, re.sub(r"\s+", " ", chapter)


# Hidden counts ------------------------------------------------------------------------------------

Spot = tuple[str, str]


def find_counts(cells: Sequence[Cell], smallest: int) -> list[Finding]:
    """Solve for hidden counts from margins, other tables, sentences and reasons told."""
    found = []
    for name, table in _tables(cells).items():
        hidden = [spot for spot, text in table.items() if text == HIDDEN]
        if not hidden or not all(_is_count(t) for t in table.values() if t != HIDDEN):
            continue
        rows, low, high = _margins(table, hidden)
        limits = _told_elsewhere(cells, table, hidden, smallest)
        ends = _solve_counts(rows, low, high, limits, len(hidden))
        for spot, (least, most) in zip(hidden, ends, strict=True):
            if most - least < min(smallest, _room(table, spot)):
                found.append(Finding("count", f"{spot[0]}, {spot[1]}", name, least, most - least,
                                     "margins, other tables, sentences, reasons"))  # fmt: skip
    return found


def _room(table: Mapping[Spot, str], spot: Spot) -> float:
    """Return the most that a cell can be by the totals that are shown, which is no secret."""
    totals = [table.get(one, HIDDEN) for one in (("Total", spot[1]), (spot[0], "Total"))]
    return min([find_numbers(t)[0][0] for t in totals if t != HIDDEN], default=np.inf)


def _is_count(text: str) -> bool:
    return re.fullmatch(r"\d[\d,]*(\.0)?", text.strip()) is not None


def _tables(cells: Sequence[Cell]) -> dict[str, dict[Spot, str]]:
    """Gather tables with hidden cells by their labels; a cell that any file shows is shown."""
    found: dict[str, dict[Spot, str]] = {}
    for cell in cells:
        if not cell.row or not cell.column:
            continue
        label = cell.row.split(" ; ")[0]
        if cell.text == label:
            continue
        title = re.sub(r"^.*?(Table \d+[.:]\s*)+", "", cell.about.split(" ; ")[0])
        title = re.sub(r"\[note \d+\]", "", title)
        table = found.setdefault(title[:90], {})
        spot = (label, cell.column)
        if table.get(spot, HIDDEN) == HIDDEN:
            table[spot] = cell.text
    return {name: table for name, table in found.items() if HIDDEN in table.values()}


def _margins(
    table: Mapping[Spot, str], hidden: Sequence[Spot]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what totals say: one row of coefficients on the hidden cells for each total."""
    labels, columns = ({s[n] for s in table} for n in (0, 1))
    rows, sums = [], []
    for which, names, total in ((0, labels, "Total"), (1, columns, "Total")):
        others = columns if which == 0 else labels
        if total not in others:
            continue
        for name in names:
            line = {other: (name, other) if which == 0 else (other, name) for other in others}
            if not all(spot in table for spot in line.values()):
                continue
            row, known = np.zeros(len(hidden)), 0.0
            for other, spot in line.items():
                sign = -1.0 if other == total else 1.0
                if table[spot] == HIDDEN:
                    row[hidden.index(spot)] = sign
                else:
                    known += sign * find_numbers(table[spot])[0][0]
            rows.append(row)
            sums.append(-known)
    return np.array(rows).reshape(-1, len(hidden)), np.array(sums), np.array(sums)


def _told_elsewhere(
    cells: Sequence[Cell], table: Mapping[Spot, str], hidden: Sequence[Spot], smallest: int
) -> list[tuple[float, float]]:
    """Return what other tables, sentences and the log's reasons say of each hidden cell."""
    whole = sum(
        find_numbers(t)[0][0] for (r, c), t in table.items() if (r, c) == ("Total", "Total")
    )
    limits = []
    for label, column in hidden:
        least, most = 0.0, whole or 10_000.0
        for cell in cells:
            told = _reason(cell, label, column, smallest)
            if told:
                least, most = max(least, told[0]), min(most, told[1])
            exact = _said(cell, label, column, whole) if column == "Total" else None
            if exact is not None and least <= exact <= most:
                least = most = exact
        limits.append((least, most))
    return limits


def _reason(cell: Cell, label: str, column: str, smallest: int) -> tuple[float, float] | None:
    """Return what a reason says: that a count is small, or that it is not."""
    parts = cell.row.split(" ; ")
    if cell.column != "reason" or label not in parts or column not in parts:
        return None
    if cell.text == "small count":
        return 1.0, float(smallest)
    return None


def _said(cell: Cell, label: str, column: str, whole: float) -> float | None:
    """Return a count that another table or a sentence says."""
    number = label.removeprefix("Priority ")
    counted = cell.column == "schools" and "count" in cell.file
    if counted and cell.numbers and cell.row in (number, label.lower()):
        return cell.numbers[0][0]
    if label == "Not rated" and (said := re.search(r"of the (\d+) schools the rating", cell.text)):
        return whole - float(said[1])
    return None


def _solve_counts(rows, low, high, limits, size) -> list[tuple[float, float]]:
    """Return the least and the most of each hidden count, in whole numbers."""
    ends = []
    constraints = [LinearConstraint(rows, low, high)] if len(rows) else []
    room = Bounds([a for a, _ in limits], [b for _, b in limits])
    for n in range(size):
        aim = np.zeros(size)
        aim[n] = 1.0
        two = [
            milp(s * aim, constraints=constraints, bounds=room, integrality=np.ones(size))
            for s in (1, -1)
        ]
        if any(t.status != 0 for t in two):
            ends.append(limits[n])
            continue
        ends.append((round(two[0].fun), round(-two[1].fun)))
    return ends


# Names --------------------------------------------------------------------------------------------


def find_names(world, release: Path) -> list[Finding]:
    """Find members' names and numbers anywhere, also drawn as paths in a picture."""
    schools = sorted({int(s) for e in world.evaluations.values() for s in e.design.members})
    register, found = world.study.register, []
    names = {s: str(register["name"].get(s, "?")) for s in schools}
    short = shorten_names(names)
    for path in sorted(p for p in release.rglob("*") if p.is_file()):
        file = path.relative_to(release).as_posix()
        if file.startswith(CARRIED):
            continue
        said = read_words(file, path.read_bytes())
        close, numbers = (
            re.sub(r"\s+", "", said),
            set(re.findall(r"(?<![\d.])\d{6,7}(?![\d.])", said)),
        )
        for school in schools:
            urns = {str(school), *str(register["urns"].get(school, "")).split()}
            called = {re.sub(r"\s+", "", name) for name in (names[school], short[school])}
            if any(name in close for name in called) or urns & numbers:
                found.append(Finding("name", school, names[school], names[school], 0.0, file))
    return found


# Ratings ------------------------------------------------------------------------------------------


def recompute_ratings(world) -> pd.Series:
    """Rate every school again with the released criteria, from published files alone."""
    return pepstats.rate(world.study).ratings["rating"]
