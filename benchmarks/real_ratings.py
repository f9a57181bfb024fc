"""Real Hampshire and Surrey schools rated end to end, from published files outside the project.

    python benchmarks/real_ratings.py [--real ../shared/real] [--keep FOLDER]

Writes a study of each authority into a folder of its own (their key stage 2 tables of 2017 to 2019
and all of England's to compare with, census, absence, inspections, register, links and the long
series), rates its schools, and prints how many schools have each rating, how much
of the criteria there was, and how many ratings are less than 80% sure. Prints why where the files
are not there. Nothing of them is kept in the project.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import yaml

import pepstats
from pepstats import paths
from pepstats.priority.ratings import count_unsure

AUTHORITIES = {850: "hampshire", 936: "surrey"}
PROGRAMME = {
    "title": "All schools", "phase": "primary", "starts": 2018, "baseline": [2017],
    "outcomes": ["rwm_expected"], "match": {"near": ["rwm_expected", "cohort"]}, "seed": 1,
}  # fmt: skip


def list_sources(real: Path, code: int, year: int) -> list[dict[str, object]]:
    """List the published files an authority's ratings of a year rest on."""
    england = {2016: "2015-2016", 2017: "2016-2017", 2018: "2017-2018"}
    lines: list[dict[str, object]] = []
    for each in range(year - 2, year + 1):
        if each in england:
            lines.append({"kind": "ks2", "year": each, "release": "final",
                          "file": f"england/{england[each]}_england_ks2_extract.csv"})  # fmt: skip
        else:
            lines += [{"kind": "ks2", "year": each, "release": "final",
                       "file": f"ks2/{each - 1}-{each}_{one}_ks2final.csv"}
                      for one in AUTHORITIES]  # fmt: skip
    lines += [
        {"kind": "register", "year": 2018, "file": "england/2017-2018_england_spine.xlsx"},
        {"kind": "links", "file": "gias/links_edubasealldata_2022.csv"},
        {"kind": "trusts", "file": "gias/grouplinks_edubaseallacademiesandfree20190601.csv"},
        {"kind": "ofsted", "year": 2018, "file": "england/2018-07-31_ofsted-schools.xlsx"},
        {"kind": "la_series", "file": "la/lait_long_portsmouth_neighbours.csv"},
    ]
    if year == 2019:
        lines += [
            {"kind": "census", "year": 2019, "file": "england/2018-2019_england_census.csv"},
            {"kind": "absence", "year": 2019, "file": "england/2018-2019_england_abs.csv"},
        ]
    return [{**line, "file": str(real / str(line["file"]))} for line in lines]


def write_study(folder: Path, real: Path, code: int, year: int) -> str:
    """Write one authority's study of a year into a data folder; give its report's name."""
    slug = f"{AUTHORITIES[code]}-{year}"
    report = {
        "title": f"Priority ratings, {slug}", "authority": code, "year": year,
        "meeting": {"body": "A board", "date": f"{year}-12-18", "report_from": "A",
                    "report_by": "B"},
        "sources": list_sources(real, code, year), "programmes": [f"all-{code}"],
    }  # fmt: skip
    programme = {**PROGRAMME, "members": {"authority": code}}
    for kind, name, content in (
        ("reports", slug, report), ("programmes", f"all-{code}", programme)
    ):  # fmt: skip
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{name}.yml").write_text(yaml.safe_dump(content), "utf-8")
    return slug


@contextmanager
def kept_or_not(folder: Path | None) -> Iterator[Path]:
    """Give the folder asked for, or one that goes away again."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


def rate_one(folder: Path, slug: str) -> pd.DataFrame:
    """Rate a report's schools."""
    return pepstats.rate(pepstats.load(slug, data=folder)).ratings


def describe(slug: str, ratings: pd.DataFrame) -> dict[str, object]:
    """Give one line of the table: ratings, coverage and how sure."""
    there = ratings[ratings["rating"].notna()]
    counts = there["rating"].astype(int).value_counts()
    return {
        "study": slug, "schools": len(ratings), "not rated": len(ratings) - len(there),
        **{f"priority {n}": int(counts.get(n, 0)) for n in (1, 2, 3)},
        "coverage": round(float(there["coverage"].mean()), 3),
        "of sourced criteria": round(float(there["coverage_of_sourced"].mean()), 3),
        "under 80% sure": count_unsure(ratings),
        "share": round(count_unsure(ratings) / max(len(there), 1), 3),
    }  # fmt: skip


def main() -> None:
    """Rate both authorities in both years and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, default=paths.PROJECT.parent / "shared" / "real")
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    real = chosen.real.resolve()
    if not real.is_dir():
        print(f"{real} is not there: nothing was rated.")
        return
    os.environ["PYTHONPATH"] = str(paths.PROJECT)
    with kept_or_not(chosen.keep) as folder:
        rows = [
            describe(slug, rate_one(folder, slug))
            for code in AUTHORITIES
            for year in (2018, 2019)
            for slug in [write_study(folder, real, code, year)]
        ]
    print(pd.DataFrame(rows).set_index("study").T.to_string())


if __name__ == "__main__":
    main()
