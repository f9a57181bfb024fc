"""The invented key stage 2 file of a year: schools, then authorities, then England twice."""

from __future__ import annotations

import csv
import io

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.invented.england import England
from pepstats.invented.results import (
    IDENTITY,
    SHORT_AFTER,
    Column,
    Published,
    column_of,
    columns_of,
)
from pepstats.invented.world import listing

Text = npt.NDArray[np.object_]
BOM = "\ufeff"


def key_stage_2(england: England, year: int) -> bytes:
    """Write a year's file as published: byte-order mark, CRLF, short rows, codes and all."""
    columns = columns_of(year)
    table = listing(england.world, year)
    table["la"] = england.world.schools["la"].reindex(table["school"]).to_numpy()
    table = table.sort_values(["la", "estab", "urn"], kind="stable").reset_index(drop=True)
    place = table["school"].to_numpy()
    nobody = (england.results(year).count("all")[place] == 0) | table["again"].to_numpy()
    national = _area(england, 5, year)
    of_schools = _cells(columns, england.results(year), national)
    cells = {name: text[place] for name, text in of_schools.items()}
    cells |= _identity(england, table, year)
    rows = np.column_stack([cells[name] for name in columns]).tolist()
    stop = columns.index(SHORT_AFTER) + 1
    rows = [row[:stop] if short else row for row, short in zip(rows, nobody, strict=True)]
    for record in (3, 4, 5):
        rows += _aggregate_rows(england, record, year, columns, national)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return (BOM + out.getvalue()).encode("utf-8")


def _cells(columns: tuple[str, ...], results: Published, national: Published) -> dict[str, Text]:
    own = [name for name in columns if name not in IDENTITY]
    return {name: _text(column_of(name, results, national)) for name in own}


def _text(column: Column) -> Text:
    """Write a column as it is published: `64%`, `-0.4`, `1` for 1.0, a code for no value."""
    value = np.where(np.isnan(column.value), 0.0, column.value)
    distinct, back = np.unique(value, return_inverse=True)
    ending = "%" if column.unit == "percent" else ""
    words = [
        f"{v:.0f}" if abs(v) >= 1e5 else f"{round(v, 1) + 0.0:g}{ending}" for v in distinct.tolist()
    ]
    shown = np.array(words, dtype=object)[back]
    return np.where(np.isnan(column.value), column.code.astype(object), shown)


def _identity(england: England, table: pd.DataFrame, year: int) -> dict[str, Text]:
    """Return the columns that say which school a row is."""
    schools = england.world.schools.loc[table["school"]]
    special = (schools["kind"] == "special").to_numpy()
    total, pupils = _roll_and_cohort(england, table, year)
    closed = table["closed"].notna() & (table["closed"] < f"{year}-09-01")
    academy = table["urn_ac"].notna() & ~table["again"]
    words = {
        "RECTYPE": np.where(special, "2", "1"),
        "LEA": table["la"].astype(str),
        "ESTAB": table["estab"].astype(str),
        "URN": table["urn"].astype(str),
        "SCHNAME": table["name"],
        "URN_AC": table["urn_ac"].fillna(0).astype(int).astype(str).where(academy, "0"),
        "SCHNAME_AC": table["name_ac"].where(academy, ""),
        "OPEN_AC": table["open_ac"].dt.strftime("%Y%m%d").where(academy, ""),
        "NFTYPE": table["nftype"],
        "ICLOSE": closed.astype(int).astype(str),
        "RELDENOM": schools["faith"],
        "AGERANGE": schools["low_age"].astype(str) + "-" + schools["high_age"].astype(str),
        "CONFEXAM": np.where((table["school"] * 7 + year) % 5 == 0, "R", ""),
        "TOTPUPS": total,
        "TPUPYEAR": pupils,
    }
    return {name: np.asarray(text, dtype=object) for name, text in words.items()}


def _roll_and_cohort(england: England, table: pd.DataFrame, year: int) -> tuple[Text, Text]:
    """Write how many pupils each school has, and how many at the end of key stage 2."""
    place = table["school"].to_numpy()
    schools = england.world.schools.loc[place]
    here = england.results(year).count("all")[place]
    ages = (schools["high_age"] - schools["low_age"]).to_numpy()
    roll = np.round(england.intake.size[place] * ages).astype(int).astype(str)
    cohort = (here + (place + year) % 2).astype(int).astype(str)
    new, again = (table["first_file"] == year).to_numpy(), table["again"].to_numpy()
    total = np.where((here == 0) & new, "NEW", roll).astype(object)
    pupils = np.where(here == 0, "", cohort).astype(object)
    total[again], pupils[again] = "", ""
    return total, pupils


def _area(england: England, record: int, year: int) -> Published:
    """Return the results of the authorities (3), all schools (4) or state-funded schools (5)."""
    pupils = england.pupils[year]
    first = england.world.establishments.drop_duplicates("school").set_index("school")["nftype"]
    keep = None if record == 4 else first.reindex(pupils.school).to_numpy() != "NMSS"
    if record != 3:
        return Published.whole(pupils, keep)
    codes = england.world.authorities["la"].to_numpy()
    unit = np.searchsorted(codes, england.world.schools["la"].to_numpy()[pupils.school])
    return Published(pupils, unit, len(codes), area=True, keep=keep)


def _aggregate_rows(
    england: England, record: int, year: int, columns: tuple[str, ...], national: Published
) -> list[list[str]]:
    """Write the rows of one record type; what is not said in them is a single space."""
    results = _area(england, record, year)
    cells = _cells(columns, results, national)
    cells = {name: np.where(text == "", " ", text) for name, text in cells.items()}
    nothing = np.full(results.size, " ", dtype=object)
    if record == 3:
        authorities = england.world.authorities
        cells |= {"LEA": authorities["la"].astype(str).to_numpy(object)}
        cells |= {"SCHNAME": authorities["name"].to_numpy(object)}
    else:  # England's own progress is not published: by its construction it is zero
        cells |= {name: nothing for name in cells if "PROG" in name or name.endswith("COV")}
    cells["RECTYPE"] = np.full(results.size, str(record), dtype=object)
    rows: list[list[str]] = np.column_stack([cells.get(one, nothing) for one in columns]).tolist()
    return rows
