"""The invented England written out in the Department's own layouts, oddities included."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pepstats import invented_around as around
from pepstats import invented_ks4 as ks4
from pepstats import invented_local as local
from pepstats.invented_ks2 import key_stage_2
from pepstats.invented_moves import GOVERNANCE
from pepstats.invented_pupils import PLANTED, STARTS
from pepstats.invented_results import half_up
from pepstats.invented_study import (
    Listed,
    about_text,
    programme_text,
    report_text,
    revised_text,
)
from pepstats.invented_truth import planted_effects
from pepstats.invented_words import statements

if TYPE_CHECKING:
    from pepstats.invented import England

DFE = "the Department for Education"
GIAS = "the Department's register, Get Information about Schools"
TRUTH_PLACES = 6  # decimals; further ones differ between processors


def write_files(england: England, folder: Path, *, full_layout: bool) -> list[Path]:
    """Write a data folder: `invented/` with the files, and the study that reads them.

    Gives the files in the order written. Every one is the same bytes for the same England.
    """
    contents = {}
    for year in england.years:
        name = f"invented/ks2/{year - 1}-{year}_england_ks2final.csv"
        contents[name] = key_stage_2(england, year, full_layout=full_layout)
    contents["invented/england/2017-2018_england_spine.csv"] = _spine(england)
    contents["invented/gias/links_edubasealldata.csv"] = _as_csv(england.world.links, "cp1252")
    contents["invented/gias/grouplinks_edubaseallacademiesandfree20190601.csv"] = _quoted(
        around.trusts(england)
    )
    if STARTS in england.years:
        contents |= _autumn_files(england)
    about = [(name.removeprefix("invented/"), *_said_of(name)) for name in contents]
    contents["invented/truth.csv"] = _truth_file(england)
    contents["invented/README.md"] = about_text(england, about).encode()
    in_october, in_december = _sources(england, contents)
    contents["reports/autumn-2018.yml"] = report_text(in_october).encode()
    if in_december:
        contents["reports/autumn-2018-revised.yml"] = revised_text(in_december).encode()
    for slug in PLANTED:
        contents[f"programmes/{slug}.yml"] = programme_text(england, slug).encode()
    written = []
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def _autumn_files(england: England) -> dict[str, bytes]:
    """Give what else is known in the autumn of 2018, and a year later of the secondaries."""
    contents = {
        "england/2017-2018_england_census.csv": _as_csv(around.census(england)),
        "england/2017-2018_england_abs.csv": _as_csv(around.absence(england)),
        "england/2018-07-31_ofsted-schools.csv": _as_csv(around.inspections(england)),
        "la/lait_long_fablemouth.csv": _as_csv(local.city_series(england, STARTS - 1), "utf-8"),
        "local/2018-09_local_results.csv": _as_csv(local.local_results(england, STARTS), "utf-8"),
        "local/2018-09_national.csv": _as_csv(local.national_headlines(england, STARTS), "utf-8"),
        "local/statements.csv": _as_csv(statements(england), "utf-8"),
    }
    for year in ks4.YEARS:
        name = f"ks4/{year - 1}-{year}_england_ks4provisional.csv"
        contents[name] = _as_csv(ks4.key_stage_4(england, year))
    return {f"invented/{name}": content for name, content in contents.items()}


def _sources(england: England, contents: dict[str, bytes]) -> tuple[list[Listed], list[Listed]]:
    """List what the report of autumn 2018 reads, and what is new for it in December."""
    found: list[Listed] = []
    for year in england.years:
        name = f"invented/ks2/{year - 1}-{year}_england_ks2final.csv"
        found.append(("ks2", year, "final" if year < STARTS else "revised", name, contents[name]))
    others = (
        ("register", STARTS, "england/2017-2018_england_spine.csv"),
        ("links", None, "gias/links_edubasealldata.csv"),
        ("trusts", None, "gias/grouplinks_edubaseallacademiesandfree20190601.csv"),
        ("census", STARTS, "england/2017-2018_england_census.csv"),
        ("absence", STARTS, "england/2017-2018_england_abs.csv"),
        ("ofsted", STARTS, "england/2018-07-31_ofsted-schools.csv"),
        ("la_series", None, "la/lait_long_fablemouth.csv"),
        ("statements", None, "local/statements.csv"),
    )
    for kind in ("local_results", "national"):
        name = f"invented/local/2018-09_{kind}.csv"
        if name in contents:
            found.append((kind, STARTS, "provisional", name, contents[name]))
    for kind, known, file in others:
        name = f"invented/{file}"
        if name in contents:
            found.append((kind, known, None, name, contents[name]))
    december = [line for line in found if line[:2] == ("ks2", STARTS)]
    later = [line for line in found if line[0] == "ks2" and (line[1] or 0) > STARTS]
    return [line for line in found if line not in (*december, *later)], december


_SAID = {  # part of a file's name: what it holds, and who publishes files like it
    "ks2final": ("key stage 2 results, all schools, with the authorities' and England's rows", DFE),
    "ks4prov": ("key stage 4 results as first published in October", DFE),
    "spine": ("the register of schools behind the tables", DFE),
    "census": ("the January school census", DFE),
    "_abs": ("absence in the school year", DFE),
    "grouplinks": ("which academy is in which trust", GIAS),
    "links_edubase": ("which URN became which", GIAS),
    "ofsted": ("each school's latest inspection, as CSV", "Ofsted"),
    "lait": ("series by authority: the city, ten others, England", DFE),
    "local_results": ("the city's own results in September 2018, provisional", "an authority"),
    "national": ("the national headlines as first published", DFE),
    "statements": ("what the schools say, as the city collected it", "an authority"),
}


def _said_of(name: str) -> tuple[str, str]:
    return next(said for part, said in _SAID.items() if part in name.rsplit("/", 1)[-1])


def _truth_file(england: England) -> bytes:
    """Give what programmes added, to the decimals that are the same on every processor."""
    truth = planted_effects(england)
    numbers = ["planted", "with_overlap"]
    truth[numbers] = half_up(truth[numbers].to_numpy(), TRUTH_PLACES)
    return _as_csv(truth, "utf-8")


def _as_csv(frame: pd.DataFrame, encoding: str = "utf-8-sig", line_end: str = "\n") -> bytes:
    """Give a table's bytes: comma separated, quoted only where needed, missing left empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_end)
    writer.writerow(frame.columns)
    writer.writerows(frame.astype(object).where(frame.notna(), "").to_numpy().tolist())
    return out.getvalue().encode(encoding, errors="replace")


def _quoted(rows: list[list[str]]) -> bytes:
    """Give rows with every cell in quotation marks, as the trusts' file has them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode("cp1252", errors="replace")


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
            "RELDENOM": of["faith"],
            "OTHERURN": before.fillna(after).astype("Int64"),
        }
    )
    return _as_csv(frame.sort_values("URN"), line_end="\n")
