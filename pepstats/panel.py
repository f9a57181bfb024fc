"""Results laid out as school by year, each cell a value or the reason there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pepstats import codes
from pepstats.clean import Results
from pepstats.errors import SourceError
from pepstats.schools import Schools

NO_TESTS_YEARS = (2020, 2021)


@dataclass(frozen=True)
class Panel:
    """Two aligned tables, (school, year) by measure: a value or a reason, never both or neither.

    Attributes
    ----------
    values
        Float; index (`school`, `year`), sorted and unique; one column per measure.
    reasons
        Text of the same shape: why there is no value, missing where there is one.
    releases
        Text; index `year`, one column per measure: the release a year's values come from
        (school-returned, provisional, revised or final), empty where nothing was published.
    """

    values: pd.DataFrame
    reasons: pd.DataFrame
    releases: pd.DataFrame

    def wide(self, measure: str) -> pd.DataFrame:
        """Give one measure as school by year, missing where it has a reason instead."""
        return self.values[measure].unstack("year")


def build_panel(results: Sequence[Results], schools: Schools, years: list[int]) -> Panel:
    """Lay cleaned results out as school by year; a missing result keeps its reason.

    Several files of one kind and year (one per authority) are one source in parts. Two releases
    of one kind and year are refused: a result belongs to a release.
    """
    present = {name for one in results for name in one.values.columns}
    measures = [name for name in codes.MEASURES if name in present]
    grid = pd.MultiIndex.from_product(
        [schools.register.index, sorted(set(years))], names=["school", "year"]
    )
    values = np.full((len(grid), len(measures)), np.nan)
    reasons = np.full((len(grid), len(measures)), codes.NOT_LISTED, dtype=object)
    of_year = grid.get_level_values("year").to_numpy()
    kinds = np.array([codes.MEASURES[name].kind for name in measures])
    tested = np.isin(kinds, ["ks2", "ks4"])
    reasons[np.ix_(np.isin(of_year, NO_TESTS_YEARS), tested)] = codes.NO_TESTS
    releases = pd.DataFrame("", index=pd.Index(sorted(set(years)), name="year"), columns=measures, dtype="str")  # fmt: skip
    for (kind, year), parts in _in_parts(results).items():
        if year not in releases.index:
            continue
        own = np.flatnonzero(kinds == kind)
        names = [measures[j] for j in own]
        rows = np.flatnonzero(of_year == year)
        cells, why = _lay_out(parts, schools, year, names)
        values[np.ix_(rows, own)] = cells
        reasons[np.ix_(rows, own)] = why
        there = [name for name in names if any(name in part.values for part in parts)]
        releases.loc[year, there] = parts[0].source.release or "final"
    reasons[~np.isnan(values)] = np.nan
    return Panel(
        pd.DataFrame(values, index=grid, columns=measures),
        pd.DataFrame(reasons, index=grid, columns=measures, dtype="str"),
        releases,
    )


def _in_parts(results: Sequence[Results]) -> dict[tuple[str, int], list[Results]]:
    """Gather the files of each kind and year, refusing two releases of one."""
    found: dict[tuple[str, int], list[Results]] = {}
    for one in results:
        if one.source.year is None:
            raise SourceError(f"{one.source.file}: give its `year` to place it in time.")
        found.setdefault((one.source.kind, one.source.year), []).append(one)
    for (kind, year), parts in found.items():
        releases = sorted({part.source.release or "final" for part in parts})
        if len(releases) > 1:
            files = ", ".join(part.source.file for part in parts)
            raise SourceError(
                f"{files}: {kind} {year} is given in two releases ({', '.join(releases)}). "
                "List one of them: results of different releases are not mixed."
            )
    return found


def _lay_out(
    parts: Sequence[Results], schools: Schools, year: int, names: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Give one kind and year as school by measure: values, and reasons where there are none."""
    values = pd.concat([part.values.reindex(columns=names) for part in parts])
    reasons = pd.concat([_reasons_in_full(part, names) for part in parts])
    _refuse_twins(values.index, parts)
    school = schools.known.reindex(values.index)
    filled = values.notna().sum(axis=1).to_numpy()
    order = pd.DataFrame({"school": school.to_numpy(), "filled": -filled, "urn": values.index})
    chosen = order.dropna().sort_values(["school", "filled", "urn"]).drop_duplicates("school")
    register = schools.register.index
    at = register.get_indexer(chosen["school"].astype("int64"))
    inside = at >= 0
    cells = np.full((len(register), len(names)), np.nan)
    why = np.full((len(register), len(names)), codes.NO_ROW, dtype=object)
    cells[at[inside]] = values.to_numpy()[chosen.index[inside]]
    why[at[inside]] = reasons.to_numpy(dtype=object)[chosen.index[inside]]
    return cells, why


def _reasons_in_full(part: Results, names: list[str]) -> pd.DataFrame:
    """Give one file's reasons for every measure, also for those its layout does not have."""
    absent = [name for name in names if name not in part.reasons]
    own = part.reasons.astype("str").assign(**dict.fromkeys(absent, codes.NOT_IN_LAYOUT))
    return own[names]


def _refuse_twins(urns: pd.Index, parts: list[Results]) -> None:
    if urns.is_unique:
        return
    urn = urns[urns.duplicated()][0]
    places = [
        f"{part.source.file}, row {part.identity.at[urn, 'row']}"
        for part in parts
        if urn in part.identity.index
    ]
    raise SourceError(f"URN {urn} is given twice for one year: {' and '.join(places)}.")
