"""What releases told, kept where the outputs are and never released: what later ones must heed.

Releases of the same results add up: a list of members that changes by one school tells of that one.
So every release adds to two tables in `disclosed/`: `forms.csv`, each shown number as a weighted
sum of results that are not published, and `counts.csv`, each count of schools that was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pepstats.errors import RunError
from pepstats.report import FORM_COLUMNS, SHOWN_COLUMNS, Told
from pepstats.runs.files import as_csv, read_csv, write_whole
from pepstats.settings import Report

FOLDER = "disclosed"
KEY = ["release", "report", "authority", "year"]
TABLES = {"forms": [*KEY, *FORM_COLUMNS], "counts": [*KEY, *SHOWN_COLUMNS]}
SHOWN = {"forms": "07-board-report/shown-forms.csv", "counts": "07-board-report/shown-counts.csv"}
"""Where a run says what its public edition shows."""


def read_disclosed(out: Path, name: str) -> pd.DataFrame:
    """Read all that releases told of one kind; nothing where none was made.

    Raises `RunError` for a table that is not as releases write it: without it nothing is released.
    """
    path = out / FOLDER / f"{name}.csv"
    if not path.is_file():
        return pd.DataFrame(columns=TABLES[name])
    try:
        return read_csv(path)[TABLES[name]]
    except (KeyError, ValueError) as error:
        raise RunError(
            f"{path}: not what releases told ({error}). Put back the file that `pepstats release` "
            "wrote; its columns are " + ", ".join(TABLES[name]) + "."
        ) from None


def read_told(out: Path, report: Report) -> Told:
    """Read what releases told of an authority's results of a report's year."""
    tables = {}
    for name in TABLES:
        table = read_disclosed(out, name)
        same = (table["authority"] == report.authority) & (table["year"] == report.year)
        tables[name] = table[same].reset_index(drop=True)
    return Told(**tables)


def add_to_disclosed(run: Path, out: Path, report: Report, on: str) -> None:
    """Add what a release told to what was told before.

    A release that tells just what an earlier one of the same report did stands once; of any other
    all is kept, since a number is told by all schools in it, also those that it shares with others.
    """
    for name, columns in TABLES.items():
        path = run / SHOWN[name]
        if not path.is_file():
            continue
        new = read_csv(path).assign(
            release=f"{report.slug} {on}", report=report.slug, authority=report.authority,
            year=report.year,
        )[columns]  # fmt: skip
        before, said = read_disclosed(out, name), columns[1:]
        earlier = [as_csv(part[said]) for _, part in before.groupby("release", sort=False)]
        if as_csv(new[said]) in earlier:
            continue
        both = pd.concat([before, new], ignore_index=True) if len(before) else new
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        write_whole(out / FOLDER / f"{name}.csv", as_csv(both))


def copy_disclosed(out: Path, place: Path, keep: Callable[[str], bool]) -> None:
    """Copy what was told by the releases that are kept, by their names, to another place."""
    for name in TABLES:
        table = read_disclosed(out, name)
        kept = table[[keep(str(one)) for one in table["release"]]]
        if len(kept):
            (place / FOLDER).mkdir(parents=True, exist_ok=True)
            write_whole(place / FOLDER / f"{name}.csv", as_csv(kept))
