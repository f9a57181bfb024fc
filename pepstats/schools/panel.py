"""Results laid out as school by year, each cell a value or the reason there is none; how many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pepstats.errors import SourceError
from pepstats.measures import (
    GAP,
    MEASURES,
    NO_ROW,
    NOT_IN_LAYOUT,
    NOT_LISTED,
    breaks_between,
    why_not_taken,
)
from pepstats.schools.identity import Schools
from pepstats.settings import RELEASES
from pepstats.sources import Array, Results


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
        """Return one measure as school by year, missing where it has a reason instead."""
        one = self.values[measure]
        schools, years = one.index.levels
        full = len(one) == len(schools) * len(years) and one.index.is_monotonic_increasing
        if full:  # as it is built: every school has every year
            laid_out = one.to_numpy().reshape(len(schools), -1).copy()
            return pd.DataFrame(laid_out, schools, years, copy=False)
        return one.unstack("year")


def build_panel(results: Sequence[Results], schools: Schools, years: Sequence[int]) -> Panel:
    """Lay cleaned results out as school by year; a missing result keeps its reason.

    Several files of one kind, year and release (one per authority) are one source in parts. A
    measure that one year's files give in two releases is refused.
    """
    present = {name for one in results for name in one.values.columns}
    measures = [name for name in MEASURES if name in present]
    index = pd.Index(sorted(set(years)), name="year")
    grid = pd.MultiIndex.from_product([schools.register.index, index], names=["school", "year"])
    shape = (len(schools.register), len(index), len(measures))
    values, reasons = np.full(shape, np.nan), np.full(shape, NOT_LISTED, dtype=object)
    for j, name in enumerate(measures):
        for t, year in enumerate(index):
            reasons[:, t, j] = why_not_taken(name, int(year)) or NOT_LISTED
    releases = pd.DataFrame("", index=index, columns=measures, dtype="str")
    for (year, release), parts in _in_parts(results).items():
        if year not in index:
            continue
        t = index.get_loc(year)
        for own, names in _of_the_same_measures(parts, measures):
            cells, why = _lay_out(own, schools, year, names)
            for k, name in enumerate(names):
                j, had = measures.index(name), releases.loc[year, name]
                if not any(name in part.values for part in own):
                    if not had and reasons[0, t, j] == NOT_LISTED:
                        reasons[:, t, j] = NOT_IN_LAYOUT
                    continue
                if had:
                    raise SourceError(_two_releases(results, year, name, had, release))
                values[:, t, j], reasons[:, t, j] = cells[:, k], why[:, k]
                releases.loc[year, name] = release
    flat_values, flat_reasons = values.reshape(len(grid), -1), reasons.reshape(len(grid), -1)
    flat_reasons[~np.isnan(flat_values)] = np.nan
    return Panel(
        pd.DataFrame(flat_values, index=grid, columns=measures),
        pd.DataFrame(flat_reasons, index=grid, columns=measures, dtype="str"),
        releases,
    )


def add_gaps(panel: Panel, outcomes: Iterable[str]) -> Panel:
    """Add the gaps within each school that are among some outcomes, as far as they can be had.

    Disadvantaged less other pupils of the same school and year (`rwm_expected.gap`); where either
    is missing, the reason for that one. Nothing where the files have not both groups.
    """
    values, reasons, releases = panel.values, panel.reasons, panel.releases
    for name in sorted({one for one in outcomes if one.endswith(GAP)} - set(values.columns)):
        own, other = (f"{name.removesuffix(GAP)}.{one}" for one in ("disadvantaged", "other"))
        if {own, other} <= set(panel.values.columns):
            values = values.assign(**{name: values[own] - values[other]})
            reasons = reasons.assign(**{name: reasons[own].fillna(reasons[other])})
            both = releases[own].where(releases[own].eq(releases[other]), "")
            releases = releases.assign(**{name: both})
    return Panel(values, reasons, releases)


def _in_parts(results: Sequence[Results]) -> dict[tuple[int, str], list[Results]]:
    """Gather the files of each year and release, the most final release first."""
    found: dict[tuple[int, str], list[Results]] = {}
    for one in results:
        if one.source.year is None:
            raise SourceError(f"{one.source.file}: give its `year`, to place its results in time.")
        found.setdefault((one.source.year, one.source.release or "final"), []).append(one)
    order = sorted(found, key=lambda key: (key[0], -RELEASES.index(key[1])))
    return {key: found[key] for key in order}


def _of_the_same_measures(
    parts: list[Results], measures: list[str]
) -> Iterator[tuple[list[Results], list[str]]]:
    """Gather the files that share measures, with those that they are to give.

    Files of one kind that share none stand beside each other: the Department publishes results
    and the pupils behind them in two. What none of them has is asked of the first.
    """
    for kind in sorted({part.source.kind for part in parts}):
        families: list[tuple[list[Results], set[str]]] = []
        for part in (part for part in parts if part.source.kind == kind):
            near = [one for one in families if one[1] & set(part.values)]
            own = [file for files, _ in near for file in files] + [part]
            families = [one for one in families if one not in near]
            families.append((own, set(part.values).union(*(has for _, has in near))))
        others = {name for _, has in families[1:] for name in has}
        for n, (own, has) in enumerate(families):
            yield own, [name for name in measures if MEASURES[name].kind == kind
                        and (name in has or (n == 0 and name not in others))]  # fmt: skip


def _two_releases(
    results: Sequence[Results], year: int, measure: str, first: str, second: str
) -> str:
    files = [r.source.file for r in results if r.source.year == year and measure in r.values]
    return (
        f"{' and '.join(dict.fromkeys(files))}: `{measure}` of {year} is given in two releases, "
        f"{first} and {second}. List one of them: releases are mixed only when asked for."
    )


def _lay_out(
    parts: list[Results], schools: Schools, year: int, names: list[str]
) -> tuple[Array, Array]:
    """Lay one kind, year and release out as school by measure: values, else reasons."""
    values = pd.concat([part.values.reindex(columns=names) for part in parts])
    reasons = pd.concat([
        part.reasons.astype("str").reindex(columns=names, fill_value=NOT_IN_LAYOUT)
        for part in parts
    ])  # fmt: skip
    _refuse_twins(values.index, parts, year)
    school = schools.known.reindex(values.index)
    filled = values.notna().sum(axis=1).to_numpy()
    order = pd.DataFrame({"school": school.to_numpy(), "filled": -filled, "urn": values.index})
    chosen = order.dropna().sort_values(["school", "filled", "urn"]).drop_duplicates("school")
    register = schools.register.index
    at = register.get_indexer(chosen["school"].astype("int64"))
    inside = at >= 0
    cells = np.full((len(register), len(names)), np.nan)
    why = np.full((len(register), len(names)), NO_ROW, dtype=object)
    cells[at[inside]] = values.to_numpy()[chosen.index[inside]]
    why[at[inside]] = reasons.to_numpy(dtype=object)[chosen.index[inside]]
    return cells, why


def _refuse_twins(urns: pd.Index, parts: list[Results], year: int) -> None:
    """Refuse a school that two files of one year and release both hold."""
    twins = urns[urns.duplicated()]
    if not len(twins):
        return
    holding = [part for part in parts if twins[0] in part.identity.index]
    places = [f"{p.source.file}, row {p.identity.loc[twins[0], 'row']}" for p in holding]
    raise SourceError(
        f"{' and '.join(places)}: URN {twins[0]} is given twice for {year} ({len(twins):,} "
        "schools). List each school's results once."
    )


BANDS = (0, 5, 10, 20, 30, 60, 10_000)  # pupils, upper ends
BAND_WORDS = ("up to 5", "6 to 10", "11 to 20", "21 to 30", "31 to 60", "over 60")
NO_COHORT = "number not given"


def measure_coverage(panel: Panel) -> pd.DataFrame:
    """Count, for each measure and year, the schools in the file and those that have a value."""
    names = list(panel.values.columns)
    has = panel.values[names].notna().groupby("year").sum()
    absent = panel.reasons[names].isin([NO_ROW, NOT_LISTED])
    listed = (~absent).groupby("year").sum()
    table = pd.concat([
        pd.DataFrame({"measure": n, "schools": listed[n], "with_value": has[n]}) for n in names
    ])  # fmt: skip
    table["share"] = table["with_value"] / table["schools"].where(table["schools"] > 0)
    return table.reset_index().sort_values(["measure", "year"], ignore_index=True)


def say_why_missing(panel: Panel, measures: list[str]) -> pd.DataFrame:
    """Count, for each measure, year and size of cohort, the schools by reason.

    Columns measure, group, year, cohort (a band of the group's own pupils, or of all pupils where
    the group's number is not given), reason (`has a value` where there is one), schools.
    """
    parts = []
    for name in measures:
        what = MEASURES[name]
        whole = what.cohort.split(".")[0]
        pupils = panel.values.get(what.cohort, pd.Series(float("nan"), panel.values.index))
        pupils = pupils.fillna(panel.values[whole]) if whole in panel.values else pupils
        bands = pd.cut(pupils, BANDS, labels=BAND_WORDS, include_lowest=True).astype("str")
        parts.append(pd.DataFrame({
            "measure": name,
            "group": name.partition(".")[2] or "all pupils",
            "year": panel.values.index.get_level_values("year"),
            "cohort": bands.fillna(NO_COHORT).to_numpy(),
            "reason": panel.reasons[name].fillna("has a value").to_numpy(),
        }))  # fmt: skip
    key = ["measure", "group", "year", "cohort", "reason"]
    return pd.concat(parts).groupby(key).size().rename("schools").reset_index()


def list_breaks(panel: Panel, measures: list[str]) -> pd.DataFrame:
    """List the definition breaks that the panel's years cross: measure, year, word, what."""
    years = panel.releases.index.tolist()
    rows = [(name, one.year, one.word, one.what)
            for name in measures for one in breaks_between(name, years)]  # fmt: skip
    return pd.DataFrame(rows, columns=["measure", "year", "word", "what"])
