"""The invented England written out in the Department's own layouts, oddities included."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.invented_layout import IDENTITY, SHORT_AFTER, columns_of
from pepstats.invented_pupils import PLANTED
from pepstats.invented_results import Column, Published
from pepstats.invented_study import about_text, programme_text, report_text
from pepstats.invented_truth import planted_effects
from pepstats.invented_world import GOVERNANCE, listing

if TYPE_CHECKING:
    from pepstats.invented import England

Text = npt.NDArray[np.object_]
BOM = "\ufeff"


def write_files(england: England, folder: Path, *, full_layout: bool) -> list[Path]:
    """Write a data folder: `invented/` with the files, and the study that reads them.

    Gives the files in the order written. Every one is the same bytes for the same England.
    """
    contents = {}
    for year in england.years:
        name = f"invented/ks2/{year - 1}-{year}_england_ks2final.csv"
        contents[name] = _ks2(england, year, full_layout)
    contents["invented/england/2017-2018_england_spine.csv"] = _spine(england)
    contents["invented/gias/links_edubasealldata.csv"] = _as_csv(england.world.links, "cp1252")
    about = [(name.removeprefix("invented/"), *_said_of(name)) for name in contents]
    contents["invented/truth.csv"] = _as_csv(planted_effects(england), "utf-8")
    contents["invented/README.md"] = about_text(england, about).encode()
    sources = _sources(england, contents)
    contents["reports/autumn-2018.yml"] = report_text(sources).encode()
    for slug in PLANTED:
        contents[f"programmes/{slug}.yml"] = programme_text(england, slug).encode()
    written = []
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def _sources(
    england: England, contents: dict[str, bytes]
) -> list[tuple[str, int | None, str | None, str, bytes]]:
    """List what the autumn 2018 report reads."""
    found: list[tuple[str, int | None, str | None, str, bytes]] = []
    for year in [year for year in england.years if year <= 2018]:
        name = f"invented/ks2/{year - 1}-{year}_england_ks2final.csv"
        found.append(("ks2", year, "final" if year < 2018 else "revised", name, contents[name]))
    for kind, known, name in (
        ("register", 2018, "invented/england/2017-2018_england_spine.csv"),
        ("links", None, "invented/gias/links_edubasealldata.csv"),
    ):
        found.append((kind, known, None, name, contents[name]))
    return found


def _said_of(name: str) -> tuple[str, str]:
    """Say what a file holds, and who publishes files like it."""
    who = "the Department for Education"
    if "ks2final" in name:
        return "key stage 2 results, all schools, with the authorities' and England's rows", who
    if "spine" in name:
        return "the register of schools behind the tables", who
    return "which URN became which", "the Department's register, Get Information about Schools"


def _as_csv(frame: pd.DataFrame, encoding: str = "utf-8-sig", line_end: str = "\n") -> bytes:
    """Give a table's bytes: comma separated, quoted only where needed, missing left empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_end)
    writer.writerow(frame.columns)
    writer.writerows(frame.astype(object).where(frame.notna(), "").to_numpy().tolist())
    return out.getvalue().encode(encoding, errors="replace")


def _ks2(england: England, year: int, full_layout: bool) -> bytes:
    """Give one year's key stage 2 file: schools, then authorities, then England twice."""
    columns = columns_of(year)
    schools = england.world.schools
    table = listing(england.world, year)
    table["la"] = schools["la"].reindex(table["school"]).to_numpy()
    table = table.sort_values(["la", "estab", "urn"], kind="stable").reset_index(drop=True)
    results = england.results(year)
    place = table["school"].to_numpy()
    empty = (results.count("all")[place] == 0) | table["again"].to_numpy()
    cells = {name: text[place] for name, text in _cells(results, columns).items()}
    cells |= _identity(england, table, year)
    national_other = _national(england, year, 5).column("PTRWM_EXP_NotFSM6CLA1A").value[0]
    own = results.column("PTRWM_EXP_FSM6CLA1A")
    difference = Column(own.value - national_other, own.code, "count")
    cells["DIFFN_RWM_EXP"] = _text(difference)[place]
    rows = np.column_stack([cells[name] for name in columns]).tolist()
    stop = columns.index(SHORT_AFTER) + 1
    rows = [row[:stop] if short else row for row, short in zip(rows, empty, strict=True)]
    rows += _aggregate_rows(england, year, columns, national_other)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return (BOM + out.getvalue()).encode("utf-8")


def _cells(results: Published, columns: tuple[str, ...]) -> dict[str, Text]:
    own = [name for name in columns if name not in IDENTITY and not name.startswith("DIFFN_")]
    return {name: _text(results.column(name)) for name in own}


def _text(column: Column) -> Text:
    """Write a column as it is published: `64%`, `-0.4`, `1` for 1.0, a code for no value."""
    value = np.where(np.isnan(column.value), 0.0, column.value)
    distinct, back = np.unique(value, return_inverse=True)
    ending = "%" if column.unit == "percent" else ""
    words = np.array(
        [
            f"{round(v, 1) + 0.0:g}{ending}" if abs(v) < 1e5 else f"{v:.0f}"
            for v in distinct.tolist()
        ],
        dtype=object,
    )
    return np.where(np.isnan(column.value), column.code.astype(object), words[back])


def _identity(england: England, table: pd.DataFrame, year: int) -> dict[str, Text]:
    """Give the columns that say which school a row is."""
    schools = england.world.schools.loc[table["school"]]
    kind = schools["kind"].to_numpy()
    results = england.results(year)
    place = table["school"].to_numpy()
    here = results.count("all")[place]
    roll = np.round(
        england.intake.size[place] * (schools["high_age"] - schools["low_age"]).to_numpy()
    )
    new = table["first_file"].to_numpy() == year
    nobody = here == 0
    total = np.where(nobody & new, "NEW", roll.astype(int).astype(str)).astype(object)
    pupils = np.where(nobody, "", (here + (place + year) % 2).astype(int).astype(str)).astype(
        object
    )
    total[table["again"]], pupils[table["again"]] = "", ""
    closed = table["closed"].notna() & (table["closed"] < f"{year}-09-01")
    opened = table["open_ac"].dt.strftime("%Y%m%d")
    academy = table["urn_ac"].notna() & ~table["again"]
    words = {
        "RECTYPE": np.where(kind == "special", "2", "1"),
        "LEA": table["la"].astype(str),
        "ESTAB": table["estab"].astype(str),
        "URN": table["urn"].astype(str),
        "SCHNAME": table["name"],
        "URN_AC": table["urn_ac"].fillna(0).astype(int).astype(str).where(academy, "0"),
        "SCHNAME_AC": table["name_ac"].where(academy, ""),
        "OPEN_AC": opened.where(academy, ""),
        "NFTYPE": table["nftype"],
        "ICLOSE": closed.astype(int).astype(str),
        "RELDENOM": schools["faith"],
        "AGERANGE": schools["low_age"].astype(str) + "-" + schools["high_age"].astype(str),
        "CONFEXAM": np.where((place * 7 + year) % 5 == 0, "R", ""),
        "TOTPUPS": total,
        "TPUPYEAR": pupils,
    }
    return {name: np.asarray(text, dtype=object) for name, text in words.items()}


def _state_funded(england: England) -> npt.NDArray[np.bool_]:
    """Say which schools count in an authority's and the state-funded row."""
    first = england.world.establishments.drop_duplicates("school").set_index("school")["nftype"]
    return np.asarray(first.reindex(range(len(england.intake.size))) != "NMSS")


def _national(england: England, year: int, record: int) -> Published:
    pupils = england.pupils[year]
    keep = None if record == 4 else _state_funded(england)[pupils.school]
    return Published(pupils, np.zeros(len(pupils.school), np.int64), 1, area=True, keep=keep)


def _aggregate_rows(
    england: England, year: int, columns: tuple[str, ...], national_other: float
) -> list[list[str]]:
    """Give the authorities' rows (3) and England's two (4 all schools, 5 state-funded)."""
    pupils, authorities = england.pupils[year], england.world.authorities
    la = england.world.schools["la"].to_numpy()[: len(england.intake.size)]
    unit = np.searchsorted(authorities["la"].to_numpy(), la)[pupils.school]
    keep = _state_funded(england)[pupils.school]
    areas = [(3, Published(pupils, unit, len(authorities), area=True, keep=keep))]
    areas += [(record, _national(england, year, record)) for record in (4, 5)]
    rows = []
    for record, area in areas:
        cells = _cells(area, columns)
        own = area.column("PTRWM_EXP_FSM6CLA1A")
        cells["DIFFN_RWM_EXP"] = _text(Column(own.value - national_other, own.code, "count"))
        for i in range(area.size):
            named = {"RECTYPE": str(record)}
            if record == 3:
                named |= {
                    "LEA": str(authorities["la"].iloc[i]),
                    "SCHNAME": authorities["name"].iloc[i],
                }
            rows.append([_area_cell(name, record, i, cells, named) for name in columns])
    return rows


def _area_cell(
    name: str, record: int, i: int, cells: dict[str, Text], named: dict[str, str]
) -> str:
    if name in IDENTITY:
        return named.get(name, " ")
    # England's own progress is not published: by its construction it is nought.
    unsaid = record != 3 and ("PROG" in name or name.endswith("COV"))
    return " " if unsaid else str(cells[name][i]) or " "


def _spine(england: England) -> bytes:
    """Give the register behind the tables: every URN open since 2015, old and new."""
    schools = england.world.schools
    table = england.world.establishments.copy()
    of = schools.loc[table["school"]].reset_index(drop=True)
    table = table.reset_index(drop=True)
    before = table.groupby("school")["urn"].shift(1)
    after = table.groupby("school")["urn"].shift(-1)
    special = of["kind"] == "special"
    frame = pd.DataFrame(
        {
            "URN": table["urn"],
            "LA": of["la"],
            "ESTAB": table["estab"],
            "LAESTAB": of["la"] * 10_000 + table["estab"],
            "SCHNAME": table["name"],
            "TOWN": of["la"].map(england.world.authorities.set_index("la")["name"]),
            "ICLOSE": np.where(table["closed"].notna(), 2, 1),
            "OPENDATE": table["opened"].dt.strftime("%Y-%m-%d"),
            "CLOSEDATE": table["closed"].dt.strftime("%Y-%m-%d"),
            "ISNEW": before.notna().astype(int),
            "MINORGROUP": table["nftype"].map(lambda code: GOVERNANCE[code][1]),
            "NFTYPE": table["nftype"].map(lambda code: GOVERNANCE[code][0]),
            "ISPRIMARY": (~of["kind"].isin(["secondary"]) & ~special).astype(int),
            "ISSECONDARY": of["kind"].isin(["secondary", "all-through", "independent"]).astype(int),
            "ISPOST16": of["kind"].isin(["all-through", "independent"]).astype(int),
            "AGEL": of["low_age"],
            "AGEH": of["high_age"],
            "GENDER": "Mixed",
            "RELDENOM": of["faith"],
            "OTHERURN": before.fillna(after).astype("Int64"),
        }
    )
    return _as_csv(frame.sort_values("URN"), line_end="\n")
