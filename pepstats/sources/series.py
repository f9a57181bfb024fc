"""Series that are not one file of schools: by authority, national, and what an authority holds.

An authority fills the last itself, for outcomes that are never published by school: a CSV with the
columns `urn, year, measure, group, value, cohort, release`, one row per school, year, measure and
group. `measure` is one of our names (`rwm_expected`), `group` is blank for all pupils or one of our
groups (`sen_support`, `disadvantaged`); `value` is a figure or a published code (`SUPP`); `cohort`
the pupils behind it.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import replace

import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.measures import MEASURES, NO_ROW
from pepstats.sources.cells import Cells, read_number, reason_of
from pepstats.sources.files import RELEASES, Source
from pepstats.sources.registers import Tidied, read_column, read_numbers, read_urns, read_words
from pepstats.sources.results import Ledger, Results


def tidy_la_series(raw: Cells, source: Source) -> Tidied:
    """Give the long series by authority, one row per series, year and area.

    Columns: code, item, year (the year a school year ends), area, la (missing for England and
    regions that have no code), region, value, reason; sorted.
    """
    value, reason = _figures(raw, source, "VALUES")
    la = read_column(raw, source, "LA NUMBER", optional=True)
    frame = pd.DataFrame({
        "code": read_words(read_column(raw, source, "SHORT DESC", optional=True)),
        "item": read_column(raw, source, "DATA ITEM"),
        "year": _years(read_column(raw, source, "YEARS"), source, "Years"),
        "area": read_column(raw, source, "LA AND REGIONS"),
        "la": read_numbers(la, source, "LA Number").astype("Int64"),
        "region": read_words(read_column(raw, source, "REGION", optional=True)),
        "value": value,
        "reason": reason,
    })  # fmt: skip
    key = ["code", "item", "year", "area"]
    once = frame.drop_duplicates()
    _refuse_twins(once, key, source, "series, year and area")
    left_out = {"a row repeated": len(frame) - len(once)} if len(frame) > len(once) else {}
    return Tidied(once.sort_values(key).reset_index(drop=True), left_out)


def tidy_national(raw: Cells, source: Source) -> Tidied:
    """Give the published national headlines: year, measure, phase, value, release; sorted.

    `phase` (primary or secondary) is blank but for measures whose figure differs by it.
    """
    measure = read_column(raw, source, "MEASURE")
    _refuse_unknown(measure, MEASURES, source, "measure")
    phase = read_column(raw, source, "PHASE", optional=True)
    _refuse_unknown(phase, ("", "primary", "secondary"), source, "phase")
    value, reason = _figures(raw, source, "VALUE")
    without = raw.index[reason.notna()]
    if len(without):
        raise SourceError(
            f"{source.file}, row {without[0]}, column value: a national headline needs a figure "
            f"({len(without):,} rows have none)."
        )
    frame = pd.DataFrame({
        "year": _years(read_column(raw, source, "YEAR"), source, "year"),
        "measure": measure,
        "phase": phase,
        "value": value,
        "release": _releases(raw, source),
    })  # fmt: skip
    once, key = frame.drop_duplicates(), ["year", "measure", "phase", "release"]
    _refuse_twins(once, key, source, "year, measure, phase and release")
    left_out = {"a row repeated": len(frame) - len(once)} if len(frame) > len(once) else {}
    return Tidied(once.sort_values(key).reset_index(drop=True), left_out)


def clean_local_results(raw: Cells, source: Source) -> list[Results]:
    """Give the results an authority holds itself, as one `Results` per stage, year and release.

    A cohort given beside a figure is kept as the measure that counts its pupils. Raises
    `SourceError` naming file, row and column for an unknown measure, group or release, a figure
    that cannot be, and a school given twice.
    """
    frame = _read_local(raw, source)
    out = []
    for (kind, year, release), rows in frame.groupby(["kind", "year", "release"], sort=True):
        at = rows.set_index(["urn", "measure"])
        values = at["value"].unstack("measure")
        reasons = at["reason"].unstack("measure").reindex_like(values)
        published = at["published"].unstack("measure").reindex_like(values)
        for cohort, given in _cohorts(rows):
            values[cohort] = given.reindex(values.index)
            reasons[cohort] = None
            published[cohort] = None
        gap = values.isna() & reasons.isna()
        reasons = reasons.astype("str").mask(gap, NO_ROW)
        order = [name for name in MEASURES if name in values]
        part = replace(
            source, name=f"{source.name}, {year} {release}", kind=str(kind), year=int(year),
            release=str(release),
        )  # fmt: skip
        nothing = pd.array([None] * len(values), "str")
        identity = pd.DataFrame({
            "row": rows.groupby("urn")["row"].min().reindex(values.index),
            "la": pd.array([pd.NA] * len(values), "Int64"),
            "estab": pd.array([pd.NA] * len(values), "Int64"),
            **dict.fromkeys(("name", "record", "type", "age_range"), nothing),
            "urn_ac": pd.array([pd.NA] * len(values), "Int64"),
        }, index=values.index)  # fmt: skip
        known = {str(why): int(n) for why, n in rows["reason"].value_counts().sort_index().items()}
        ledger = Ledger(
            source.file, str(kind), int(year), str(release), len(rows), len(rows),
            cells_in=len(rows), values=int(rows["value"].notna().sum()), reasons=known,
        )  # fmt: skip
        out.append(Results(
            part, values[order], reasons[order], published[order].astype("str"), identity,
            pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["level", "la"])),
            pd.DataFrame(index=values.index), ledger,
        ))  # fmt: skip
    return out


def tidy_local_results(raw: Cells, source: Source) -> Tidied:
    """Give an authority's own results as they are listed, for their account."""
    return Tidied(_read_local(raw, source), {})


def _read_local(raw: Cells, source: Source) -> pd.DataFrame:
    """Read the rows of an authority's own results."""
    measure = read_column(raw, source, "MEASURE")
    group = read_column(raw, source, "GROUP", optional=True)
    name = measure.where(group == "", measure + "." + group)
    _refuse_unknown(name, MEASURES, source, "measure")
    value, reason = _figures(raw, source, "VALUE")
    frame = pd.DataFrame({
        "row": raw.index,
        "urn": read_urns(raw, source, "URN"),
        "year": _years(read_column(raw, source, "YEAR"), source, "year"),
        "measure": name,
        "kind": name.map(lambda one: MEASURES[one].kind),
        "percent": name.map(lambda one: MEASURES[one].percent),
        "value": value,
        "reason": reason,
        "published": read_column(raw, source, "VALUE").where(reason.notna()),
        "cohort": read_numbers(read_column(raw, source, "COHORT", optional=True), source, "cohort"),
        "release": _releases(raw, source),
    }, index=raw.index)  # fmt: skip
    for column, wrong in (
        ("value", frame["percent"] & ~value.between(0, 100) & value.notna()),
        ("cohort", frame["cohort"].lt(0)),
    ):  # fmt: skip
        rows = raw.index[wrong.to_numpy(bool)]
        if len(rows):
            raise SourceError(
                f"{source.file}, row {rows[0]}, column {column}: {frame.loc[rows[0], column]:g} "
                f"cannot be ({len(rows):,} rows)."
            )
    _refuse_twins(
        frame, ["urn", "year", "measure", "release"], source, "school, year, measure and group"
    )
    return frame.reset_index(drop=True)


def _cohorts(rows: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    """Give the cohorts written beside figures, as the measures that count those pupils."""
    counted = rows.dropna(subset=["cohort"])
    named = counted.assign(name=counted["measure"].map(lambda one: MEASURES[one].cohort))
    named = named[~named["name"].isin(set(rows["measure"]))]
    return [
        (str(name), part.groupby("urn")["cohort"].first()) for name, part in named.groupby("name")
    ]


def _figures(raw: Cells, source: Source, column: str) -> tuple[pd.Series, pd.Series]:
    """Read a column of figures: each cell's value, or the reason there is none."""
    text = read_column(raw, source, column)
    value = text.map(read_number).astype(float)
    reason = text.map(reason_of).where(value.isna())
    unknown = raw.index[value.isna() & reason.isna()]
    if len(unknown):
        raise SourceError(
            f"{source.file}, row {unknown[0]}, column {column.lower()}: `{text[unknown[0]][:40]}` "
            f"is neither a number nor a code we know ({len(unknown):,} rows)."
        )
    return value, reason.astype("str")


def _years(text: pd.Series, source: Source, column: str) -> pd.Series:
    """Read years written 2016, 2015/16, 2015-16 or 201516 as the year the school year ends."""
    found: dict[str, int] = {}
    for one in text.unique():
        if match := re.fullmatch(r"(20\d\d|19\d\d)(\.0)?", one):
            found[one] = int(match[1])
        elif match := re.fullmatch(r"(?:20|19)\d\d[/-]?(\d\d)", one):
            found[one] = 2000 + int(match[1]) if int(match[1]) < 70 else 1900 + int(match[1])
        elif match := re.fullmatch(r"(?:20|19)\d\d[/-](20\d\d)", one):
            found[one] = int(match[1])
    wrong = text.index[~text.isin(list(found))]
    if len(wrong):
        raise SourceError(
            f"{source.file}, row {wrong[0]}, column {column}: `{text[wrong[0]][:40]}` is not a "
            f"year such as 2016 or 2015/16 ({len(wrong):,} rows)."
        )
    return text.map(found).astype("int64")


def _releases(raw: Cells, source: Source) -> pd.Series:
    text = read_column(raw, source, "RELEASE", optional=True)
    filled = text.where(text != "", source.release or "final")
    _refuse_unknown(filled, RELEASES, source, "release")
    return filled


def _refuse_unknown(text: pd.Series, known: Iterable[str], source: Source, column: str) -> None:
    names = list(known)
    wrong = text.index[~text.isin(names)]
    if len(wrong):
        raise SourceError(
            f"{source.file}, row {wrong[0]}, column {column}: `{text[wrong[0]][:60]}` is not known "
            f"({len(wrong):,} rows). {nearest(text[wrong[0]], names)}"
        )


def _refuse_twins(frame: pd.DataFrame, key: list[str], source: Source, what: str) -> None:
    twins: list[Hashable] = list(frame.index[frame.duplicated(key, keep=False)])
    if twins:
        raise SourceError(
            f"{source.file}, rows {twins[0]} and {twins[1]}: the same {what} given twice."
        )
