"""Ways in which spreadsheets, systems and hands change a file, none of which alters what is true.

Small files of every kind are cut out of an invented England; a changed one is held to what the
whole one says. `benchmarks/mutate_sources.py` counts the outcomes of many.
"""

import csv
import io
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pepstats.errors import PepstatsError
from pepstats.invented import build_england, lay_out_england, write_all
from pepstats.measures import LA_SERIES
from pepstats.settings import SourceLine
from pepstats.sources import check_statements, cross_check, find_source, parse_source, read_members
from pepstats.sources.results import Results
from tests.published_files import write_workbook

Table = list[list[str]]
Change = Callable[[Table, random.Random], bytes | None]
CHANGES: dict[str, Change] = {}
SCHOOLS, ROWS = 700, 40
LONG = (
    "time_period,time_identifier,geographic_level,country_code,country_name,version,school_urn,"
    "school_laestab,school_name,breakdown_topic,breakdown,subject,"
    "expected_standard_pupil_percent,higher_standard_pupil_percent"
)
FILES = {
    "ks2": "ks2/2017-2018_england_ks2final.csv", "ks4": "ks4/2017-2018_england_ks4provisional.csv",
    "census": "england/2017-2018_england_census.csv",
    "absence": "england/2017-2018_england_abs.csv",
    "register": "england/2017-2018_england_spine.csv", "trusts": "gias/grouplinks_*.csv",
    "ofsted": "england/2018-07-31_ofsted-schools.csv", "links": "gias/links_edubasealldata.csv",
    "la_series": "la/lait_long_ks2.csv", "national": "local/*_national.csv",
    "local_results": "local/*_local_results.csv", "statements": "local/statements.csv",
}  # fmt: skip


# The files and what is true of them --------------------------------------------------------------


def cut_out(folder: Path) -> dict[str, Table]:
    """Write an invented England and cut a small file of each kind out of it."""
    write_all(lay_out_england(build_england(schools=SCHOOLS, seed=11)), folder)
    found = {}
    for kind, name in FILES.items():
        (path,) = sorted((folder / "invented").glob(name))[:1]
        content = path.read_bytes()
        with_mark = content.startswith(b"\xef\xbb\xbf") or kind not in ("trusts", "links")
        text = content.decode("utf-8-sig" if with_mark else "cp1252")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        body = [row + [""] * (len(rows[0]) - len(row)) for row in rows[1:]]
        if kind in ("ks2", "ks4"):
            lea = rows[0].index("LEA")
            body = [r for r in body if r[lea].strip() in (body[0][lea], "")]
        totals = [row for row in body if row[0] in ("NAT", "3", "4", "5", "7")]
        found[kind] = [rows[0], *[r for r in body if r not in totals][:ROWS], *totals[:4]]
    urns = [row[found["census"][0].index("URN")] for row in found["census"][1:ROWS]]
    found["members"] = [["urn", "joined", "dose", "basis"]] + [
        [urn, "2017-09", str(3 + n % 9), "local knowledge"] for n, urn in enumerate(urns)
    ]
    found["long"] = [LONG.split(",")] + [
        ["202425", "Academic year", "School", "E92000001", "England", "Final", urn,
         f"551{2000 + n}", f"School {n}", "All pupils", "Total", "Reading, writing and maths",
         str(40 + n), str(3 + n % 20) if n % 7 else "c"] for n, urn in enumerate(urns)
    ]  # fmt: skip
    return found


def facts_of(kind: str, file: str, folder: Path, table: Table) -> tuple[dict, dict, str]:
    """Read a file: what is true by row and field, rows left out by why, and all that was said."""
    if kind == "members":
        listed = read_members(file, folder)
        if len({one.urn for one in listed}) < len(listed):
            raise PepstatsError("a school listed twice, as it is refused when they are looked up")
        return {(one.urn, k): v for one in listed for k, v in one.model_dump().items()}, {}, ""
    kinds = {"long": "ks2", "statements": "statements"}
    release = "final" if kind in ("ks2", "ks4") else None
    line = SourceLine(kind=kinds.get(kind, kind), file=file, release=release)
    facts: dict = {}
    left: Counter[str] = Counter()
    said = []
    for one in parse_source(find_source(line, folder)):
        left.update(one.ledger.left_out)
        said += [*one.ledger.notes, *one.ledger.columns_unread]
        values = one.values
        if kind == "statements":
            programmes = {row[1] for row in table[1:]}
            schools = {int(row[0]): int(row[0]) for row in table[1:]}
            values = (
                check_statements(values, file=file, schools=dict.fromkeys(programmes, schools))
                .drop(columns="row")
                .set_index(["urn", "programme"])
            )
        if isinstance(one, Results):
            about = one.identity.drop(columns="row").add_prefix("is ")
            once = ~one.aggregates.index.duplicated(keep=False)
            facts |= tabulate(one.aggregates[once].add_prefix("total "))
            said += [f"contradicts itself: {urn}" for urn in cross_check(one)["urn"]]
            values = values.join(about)
        elif kind == "la_series":  # what no report takes has no limits to be held to
            values = values[values["code"].isin(LA_SERIES)].set_index(KEYS[kind])
        elif kind in KEYS:
            values = values.drop(columns="row", errors="ignore").set_index(KEYS[kind])
        facts |= tabulate(values)
    return facts, dict(left), " ".join(said)


KEYS = {
    "links": ["before", "after"], "la_series": ["code", "year", "area"],
    "national": ["year", "measure", "phase"], "local_results": ["urn", "year", "measure"],
}  # fmt: skip


def tabulate(values: pd.DataFrame) -> dict:
    """List a table's cells by row and column; a missing one is None."""
    return {
        (key, column): None if pd.isna(cell) else cell
        for column in values
        for key, cell in values[column].items()
    }


# The changes -------------------------------------------------------------------------------------


def change(name: str) -> Callable[[Change], Change]:
    def keep(function: Change) -> Change:
        CHANGES[name] = function
        return function

    return keep


def written(table: Table, mark: str = ",", **how: object) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, **{"lineterminator": "\r\n", **how}).writerows(table)
    return text.getvalue().encode()


def columns(table: Table, *names: str) -> list[int]:
    """Find columns by what their names begin with, else all that hold a percentage or a figure."""
    return [j for j, name in enumerate(table[0]) if name.upper().startswith(names)]


def percents(table: Table) -> list[int]:
    signed = [j for j in range(len(table[0])) if any(row[j].endswith("%") for row in table[1:])]
    return signed or columns(table, "PNUM", "PSEN", "PERC", "PPERS", "EXPECTED_", "HIGHER_")


def number(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) if text.strip() not in ("nan", "inf") else None
    except ValueError:
        return None


def edit(table: Table, places: Iterator[tuple[int, int]], how: Callable[[str], str]) -> Table:
    made = [list(row) for row in table]
    for i, j in places:
        made[i][j] = how(made[i][j])
    return made


def cells_where(table: Table, js: list[int], test: Callable[[str], bool]) -> list[tuple[int, int]]:
    return [(i, j) for i in range(1, len(table)) for j in js if test(table[i][j])]


def one_of(table: Table, rng: random.Random, js: list[int], test: Callable[[str], bool],
           how: Callable[[str], str]) -> bytes | None:  # fmt: skip
    """Change one cell of some columns."""
    places = cells_where(table, js, test)
    return written(edit(table, iter([rng.choice(places)]), how)) if places else None


def in_cell(name: str, names: tuple[str, ...], how: Callable[[str], str]) -> None:
    """Declare a change of one cell that holds a number, in columns of these names."""

    def one(table: Table, rng: random.Random) -> bytes | None:
        js = columns(table, *names) if names else list(range(len(table[0])))
        return one_of(table, rng, js, lambda text: number(text) is not None, how)

    CHANGES[name] = one


def as_fraction(text: str) -> str:
    return repr(round(number(text) / 100, 6))


def is_figure(text: str) -> bool:
    return number(text) is not None


for mark, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
    CHANGES[f"separated by {called}"] = lambda t, r, mark=mark: written(t, mark)
CHANGES["every cell quoted"] = lambda t, r: written(t, quoting=csv.QUOTE_ALL)
CHANGES["line ends of Unix"] = lambda t, r: written(t, lineterminator="\n")
CHANGES["no line end at the end"] = lambda t, r: written(t).rstrip(b"\r\n")
CHANGES["Windows text"] = lambda t, r: written(t).decode().encode("cp1252", "replace")
CHANGES["UTF-16"] = lambda t, r: written(t).decode().encode("utf-16")
CHANGES["the header in small letters"] = lambda t, r: written([[n.lower() for n in t[0]], *t[1:]])
CHANGES["rows shuffled"] = lambda t, r: written([t[0], *r.sample(t[1:], len(t) - 1)])
CHANGES["a column of words more"] = lambda t, r: written(
    [[*row, "checked" if i else "Note of ours"] for i, row in enumerate(t)]
)
CHANGES["a comma more in every row"] = lambda t, r: written([t[0], *[[*row, ""] for row in t[1:]]])
CHANGES["blank rows"] = lambda t, r: written(t) + b"," * (len(t[0]) - 1) + b"\r\n\r\n"
CHANGES["a row repeated"] = lambda t, r: written([*t, r.choice(t[1:])])
CHANGES["a title above"] = lambda t, r: b"Table 1: results of schools\r\n\r\n" + written(t)
CHANGES["notes below"] = lambda t, r: written(t) + b"\r\nSource: the Department\r\nSUPP = few\r\n"
CHANGES["the file twice"] = lambda t, r: written(t) + written(t)


@change("columns shuffled")
def shuffle_columns(table: Table, rng: random.Random) -> bytes:
    order = rng.sample(range(len(table[0])), len(table[0]))
    return written([[row[j] for j in order] for row in table])


def save(table: Table, **more: object) -> bytes:
    """Save as a workbook does: numbers as numbers, percentages as fractions with their format."""
    laid, shown = [list(row) for row in table], {}
    for i, j in cells_where(table, list(range(len(table[0]))), is_figure):
        text = table[i][j]
        value = round(number(text) / 100, 8) if text.endswith("%") else number(text)
        if text.endswith("%"):
            shown[i + len(more.get("above", ())), j] = "0%"
        laid[i][j] = int(value) if value.is_integer() and "%" not in text else value
    rows = [*more.get("above", ()), *laid]
    return write_workbook(rows, shown, more.get("others", ())) if len(table[0]) <= 52 else None


CHANGES["saved as a workbook"] = lambda t, r: save(t)
CHANGES["a workbook with a title"] = lambda t, r: save(t, above=[["Table 1"], ["of the city"]])
CHANGES["a workbook behind a cover sheet"] = lambda t, r: save(
    t, others=[("Cover", "visible", [["Contact"], ["the Department"]])]
)
CHANGES["a workbook with a hidden copy"] = lambda t, r: save(t, others=[("Old", "hidden", t[:9])])


@change("percentages as fractions, everywhere")
def fractions(table: Table, rng: random.Random) -> bytes | None:
    places = cells_where(table, percents(table), is_figure)
    return written(edit(table, iter(places), as_fraction)) if places else None


@change("percentages as fractions, one column")
def fraction_column(table: Table, rng: random.Random) -> bytes | None:
    js = [rng.choice(percents(table))] if percents(table) else []
    places = cells_where(table, js, is_figure)
    return written(edit(table, iter(places), as_fraction)) if places else None


@change("percentages as fractions, the schools' alone")
def fraction_schools(table: Table, rng: random.Random) -> bytes | None:
    places = cells_where(table, percents(table), is_figure)
    schools = [(i, j) for i, j in places if table[i][0] not in ("3", "4", "5", "7", "NAT")]
    return written(edit(table, iter(schools), as_fraction)) if schools else None


@change("a percentage as a fraction, one cell")
def fraction_cell(table: Table, rng: random.Random) -> bytes | None:
    return one_of(table, rng, percents(table), lambda t: bool(number(t)), as_fraction)


@change("percent signs dropped")
def drop_signs(table: Table, rng: random.Random) -> bytes | None:
    places = cells_where(table, percents(table), lambda t: t.endswith("%"))
    return written(edit(table, iter(places), lambda t: t[:-1])) if places else None


@change("percentages with decimals and a space")
def decimals(table: Table, rng: random.Random) -> bytes | None:
    places = cells_where(table, percents(table), lambda t: t.endswith("%"))
    made = edit(table, iter(places), lambda t: f"{float(t[:-1]):.1f} %")
    return written(made) if places else None


FIGURES = (
    "TELIG",
    "TPUP",
    "NOR",
    "READPROG",
    "MATPROG",
    "P8MEA",
    "ATT8",
    "COHORT",
    "VALUES",
    "DOSE",
)
COUNTS = ("TELIG", "TPUP", "NOR", "COHORT")
in_cell("a figure with .0", (*COUNTS, "URN"), lambda t: f"{t}.0" if "." not in t else t)
in_cell(
    "a minus of typesetters", ("READPROG", "MATPROG", "P8MEA"), lambda t: t.replace("-", "\u2212")
)
in_cell("thousands with commas", ("URN", "LINKURN", "SCHOOL_URN"), lambda t: f"{int(float(t)):,}")
in_cell("a URN in digits of science", ("URN",), lambda t: f"{float(t):.5E}")
in_cell("a URN rounded", ("URN", "SCHOOL_URN"), lambda t: f"{float(t):.2E}")
in_cell("a URN with a fraction", ("URN", "LINKURN", "SCHOOL_URN"), lambda t: f"{t}.5")
in_cell("a URN in other digits", ("URN", "LINKURN", "SCHOOL_URN"),
        lambda t: "".join(chr(0x660 + int(d)) for d in t if d.isdigit()))  # fmt: skip
in_cell("a number of a school with a fraction", ("ESTAB", "LAESTAB"), lambda t: f"{t}.7")
in_cell("a number of a school without end", ("ESTAB", "LAESTAB"), lambda t: "1e20")
in_cell("half a pupil", COUNTS, lambda t: f"{t}.5")
in_cell("a figure out of all measure", FIGURES, lambda t: f"{abs(number(t)) * 1e5 + 7e7:.0f}")
in_cell("a figure below zero", (*COUNTS, "NOR"), lambda t: f"-{t}")
in_cell("an unknown code", FIGURES, lambda t: "WITHHELD")
in_cell("an error of a spreadsheet", FIGURES, lambda t: "#REF!")
in_cell("not a number", FIGURES, lambda t: "nan")
in_cell("without end", FIGURES, lambda t: "inf")
in_cell("a decimal comma", FIGURES, lambda t: t.replace(".", ",") if "." in t else f"{t},0")


@change("a percentage of 400")
def percent_of_400(table: Table, rng: random.Random) -> bytes | None:
    return one_of(table, rng, percents(table), is_figure, lambda t: "400%" if "%" in t else "400")


@change("codes in brackets")
def brackets(table: Table, rng: random.Random) -> bytes | None:
    places = cells_where(table, list(range(len(table[0]))), lambda t: t in ("SUPP", "c"))
    named = {"SUPP": "[c]", "c": "[C]"}
    return written(edit(table, iter(places), named.__getitem__)) if places else None


@change("codes as stars and small counts")
def stars(table: Table, rng: random.Random) -> bytes | None:
    places = cells_where(table, list(range(len(table[0]))), lambda t: t in ("SUPP", "c"))
    made = edit(table, iter(places), lambda _: rng.choice(["*", "<5", "< 10"]))
    return written(made) if places else None


@change("ages that became dates")
def ages(table: Table, rng: random.Random) -> bytes | None:
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    def as_date(text: str) -> str:
        low, high = map(int, text.split("-"))
        if high <= 12:
            return rng.choice([f"{low:02d}-{months[high - 1]}", f"2026-{high:02d}-{low:02d}"])
        return f"{months[low - 1]}-{high}" if low <= 12 else text

    places = cells_where(table, columns(table, "AGERANGE"), lambda t: t.count("-") == 1)
    return written(edit(table, iter(places), as_date)) if places else None


def is_date(text: str) -> bool:
    return len(text) == 10 and text[4:5] == "-" and text[7:8] == "-"


CHANGES["text after a date"] = lambda t, r: one_of(
    t, r, list(range(len(t[0]))), is_date, lambda text: f"{text}XXXX"
)


@change("dates the other way round")
def dates(table: Table, rng: random.Random) -> bytes | None:
    js = [j for j, name in enumerate(table[0]) if "DATE" in name.upper()]
    places = cells_where(table, js, is_date)
    made = edit(table, iter(places), lambda t: f"{t[8:]}/{t[5:7]}/{t[:4]}")
    return written(made) if places else None


@change("dates with their hour")
def hours(table: Table, rng: random.Random) -> bytes | None:
    js = [j for j, name in enumerate(table[0]) if "DATE" in name.upper()]
    places = cells_where(table, js, is_date)
    return written(edit(table, iter(places), lambda t: f"{t} 00:00:00")) if places else None


@change("school years that do not follow")
def years(table: Table, rng: random.Random) -> bytes | None:
    js = columns(table, "YEAR", "TIME_PERIOD")
    return one_of(table, rng, js, lambda t: t[:4].isdigit(), lambda t: f"{t[:4]}/{int(t[2:4]) + 4}")


@change("a column's name mistyped")
def mistype(table: Table, rng: random.Random) -> bytes | None:
    places = [j for j, name in enumerate(table[0]) if len(name) >= 6]
    if not places:
        return None
    made, j = [list(row) for row in table], rng.choice(places)
    at = rng.randrange(1, len(made[0][j]) - 2)
    name = made[0][j]
    made[0][j] = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return written(made) if made[0][j] != name else None


@change("a letter that only looks alike")
def look_alike(table: Table, rng: random.Random) -> bytes | None:
    alike = {"E": "\u0415", "A": "\u0410", "O": "\u041e", "e": "\u0435", "a": "\u0430"}
    places = [j for j, name in enumerate(table[0]) if set(alike) & set(name)]
    if not places:
        return None
    made, j = [list(row) for row in table], rng.choice(places)
    letter = next(one for one in made[0][j] if one in alike)
    made[0][j] = made[0][j].replace(letter, alike[letter], 1)
    return written(made)


@change("a school's row marked as an authority's")
def mark_authority(table: Table, rng: random.Random) -> bytes | None:
    js = columns(table, "RECTYPE")
    return one_of(table, rng, js, lambda t: t == "1", lambda t: "4") if js else None


@change("a row repeated with another figure")
def differing(table: Table, rng: random.Random) -> bytes | None:
    row = list(rng.choice(table[1:]))
    j = rng.choice(range(len(row)))
    row[j] = "77" if row[j] != "77" else "78"
    return written([*table, row])


@change("a comma without its quotation marks")
def loose_comma(table: Table, rng: random.Random) -> bytes | None:
    made, j = (
        [list(row) for row in table],
        columns(table, "SCHNAME", "LINKNAME", "GROUP NAME", "BASIS"),
    )
    if not j:
        return None
    i = rng.randrange(1, len(made))
    made[i][j[0] : j[0] + 1] = [made[i][j[0]], " Upper"]
    return written(made)


@change("a cell lost from a row")
def lose_cell(table: Table, rng: random.Random) -> bytes:
    made = [list(row) for row in table]
    filled = [(i, j) for i in range(1, len(made)) for j, text in enumerate(made[i]) if text.strip()]
    i, j = rng.choice(filled)
    del made[i][j]
    return written(made)


@change("cut off in a cell")
def cut_off(table: Table, rng: random.Random) -> bytes:
    """Cut a file off in a cell; nobody could tell it of a list of members' last cell."""
    content, last = written(table), len(table[0]) - 1 if "joined" in table[0] else None
    at = rng.randrange(content.find(b"\n") + 2, len(content) - 30)
    while (
        content[at - 1 : at] in (b",", b"\n", b"\r", b"")
        or content[at : at + 1] in (b"\r", b"\n")
        or content[content.rfind(b"\n", 0, at) : at].count(b",") == last
    ):
        at += 1
    return content[:at]


# What becomes of it ------------------------------------------------------------------------------


def compare(table: Table, true: dict, got: tuple[dict, dict, str]) -> tuple[str, list[str]]:
    """Hold what was read to what is true; return how it was read, and what is wrong with it."""
    facts, left, said = got
    wrong, outcome = [], "read whole"
    lost = {key for key, _ in true} - {key for key, _ in facts}
    if len(lost) > sum(left.values()) and "no line end" not in said:
        wrong.append(f"lost: {sorted(map(str, lost))[:3]}")
    for place, value in true.items():
        if place[0] in lost or place not in facts or same(facts[place], value):
            continue
        if value is None and place[1] == "reason":  # its figure was left out
            continue
        if facts[place] in (None, "") and place[0] not in lost:
            outcome = "read in part"
            identity = str(place[1]).startswith("is ")
            if not identity or said:
                continue
        if (
            "no line end" in said
            or "no whole number of pupils" in said
            or f"contradicts itself: {place[0]}" in said
            or "figures may be in other columns" in said
        ):
            continue
        wrong.append(f"{place}: {value} read as {facts[place]}")
    return outcome, wrong


def same(one: object, other: object) -> bool:
    try:
        return one == other or abs(float(one) - float(other)) < 1e-9
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True)
class World:
    """A folder, the small file of each kind, and what is true by it."""

    folder: Path
    tables: dict[str, Table]
    true: dict[str, dict]


def make_world(folder: Path) -> World:
    """Write the files, and read each as it is."""
    tables, true = cut_out(folder), {}
    for kind, table in tables.items():
        (folder / "whole.csv").write_bytes(written(table))
        true[kind] = facts_of(kind, "whole.csv", folder, table)[0]
    return World(folder, tables, true)


def mutate(world: World, times: int) -> Iterator[tuple[str, str, str, list[str]]]:
    """Change files by chance and read them: the way, the kind, how it was read, what is wrong."""
    number_of = done = 0
    while done < times:
        number_of += 1
        rng = random.Random(number_of)
        name, kind = rng.choice(list(CHANGES)), rng.choice(list(world.tables))
        content = CHANGES[name](world.tables[kind], rng)
        if content is not None:
            done += 1
            table, true = world.tables[kind], world.true[kind]
            yield name, kind, *try_one(kind, content, world.folder, table, true)


def try_one(
    kind: str, content: bytes, folder: Path, table: Table, true: dict
) -> tuple[str, list[str]]:
    """Read a changed file: how it was read, and what is wrong with it."""
    (folder / "changed.csv").write_bytes(content)
    try:
        got = facts_of(kind, "changed.csv", folder, table)
    except PepstatsError as error:
        long = len(str(error)) > 2_000 or "\n" in str(error)
        return "refused", ["a message too long"] if long else []
    except Exception:
        return "traceback", [traceback.format_exc()[-300:]]
    return compare(table, true, got)
