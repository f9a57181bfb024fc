"""Series that are not one file of schools: by authority, national, and what an authority holds.

An authority fills the last itself, for outcomes that are never published by school: a CSV with the
columns `urn, year, measure, group, value, cohort, release`, one row per school, year, measure and
group. `measure` is one of our names (`rwm_expected`), `group` is blank for all pupils or one of our
groups (`sen_support`, `disadvantaged`); `value` is a figure or a published code (`SUPP`); `cohort`
the pupils behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.measures import IMPOSSIBLE, LA_SERIES, MEASURES, NO_ROW, PUBLISHED
from pepstats.settings import RELEASES
from pepstats.sources.cells import (
    FRACTION,
    Cells,
    ask,
    by_pupils,
    find_strays,
    raise_text,
    read_number,
    reason_of,
    said_of,
)
from pepstats.sources.files import Source
from pepstats.sources.registers import (
    Tidied,
    account_for,
    keep_once,
    read_column,
    read_numbers,
    read_urns,
    read_words,
    refuse_twins,
)
from pepstats.sources.results import IDENTITY, MOST_PUPILS, Ledger, Results


def tidy_la_series(raw: Cells, source: Source) -> Tidied:
    """Read the long series by authority, one row per series, year and area.

    Series are told apart by their code: what a series is called may stand on its first rows only,
    and is carried down.
    """
    value, reason = _figures(raw, "VALUES")
    named = read_column(raw, "SHORT DESC").map({c: m for c, (m, _) in LA_SERIES.items()})
    wrong = _outside(value, named)
    value, reason = value.mask(wrong), reason.mask(wrong, IMPOSSIBLE)
    code, item = read_words(raw, "SHORT DESC"), read_words(raw, "DATA ITEM")
    frame = pd.DataFrame({
        "code": code,
        "item": item.fillna(item.groupby(code).transform("first")).fillna(""),
        "year": _years(raw, "YEARS"),
        "area": read_column(raw, "LA AND REGIONS"),
        "la": read_numbers(raw, read_column(raw, "LA NUMBER")).astype("Int64"),
        "region": read_words(raw, "REGION"),
        "value": value,
        "reason": reason,
    })  # fmt: skip
    return keep_once(raw, source, frame, ["code", "item", "year", "area"])


def tidy_national(raw: Cells, source: Source) -> Tidied:
    """Read the published national headlines: year, measure, phase, value, release; sorted.

    `phase` (primary or secondary) is blank but for measures whose figure differs by it.
    """
    value, reason = _figures(raw, "VALUE")
    text = read_column(raw, "VALUE")
    raw.refuse(reason.notna(), text, "is no figure, and a national headline needs one")
    measure = _known(raw, read_column(raw, "MEASURE"), PUBLISHED)
    raw.refuse(_outside(value, measure), text, "cannot be")
    tiny = measure.map(lambda one: MEASURES[one].percent) & value.between(0, 1, "neither")
    what = "is under 1%: write 65, not 0.65; or its percent sign, if it is so low"
    raw.refuse(tiny & ~text.str.endswith("%"), text, what)
    frame = pd.DataFrame({
        "year": _years(raw, "YEAR"),
        "measure": measure,
        "phase": _known(raw, read_column(raw, "PHASE"), ("", "primary", "secondary")),
        "value": value,
        "release": _releases(raw, source),
    })  # fmt: skip
    return keep_once(raw, source, frame, ["year", "measure", "phase", "release"])


def split_local_results(read: Tidied) -> list[Results]:
    """Split the results an authority holds itself into one `Results` per stage, year and release.

    They are as `tidy_local_results` reads them. A cohort given beside a figure is kept as the
    measure that counts its pupils.
    """
    rows, source = read.values, read.source
    return [
        _as_results(part, replace(
            source, name=f"{source.name}, {year} {release}", kind=str(kind), year=int(year),
            release=str(release),
        ))
        for (kind, year, release), part in rows.groupby(["kind", "year", "release"], sort=True)
    ]  # fmt: skip


def _as_results(rows: pd.DataFrame, source: Source) -> Results:
    """Lay an authority's own results of one stage, year and release out as any others are."""
    at = rows.set_index(["urn", "measure"])
    values, reasons = at["value"].unstack("measure"), at["reason"].unstack("measure")
    counts = rows["measure"].map(lambda one: MEASURES[one].cohort)
    given = rows["cohort"].dropna().groupby([rows["urn"], counts]).first().unstack()
    values = values.join(given[given.columns.difference(values.columns)])
    reasons = reasons.reindex(columns=values.columns).astype("str")
    reasons = reasons.mask(values.isna() & reasons.isna(), NO_ROW)
    order = [name for name in MEASURES if name in values]
    identity = rows.groupby("urn")[["row"]].min().reindex(columns=list(IDENTITY))
    why = rows["reason"].value_counts().sort_index()
    ledger = Ledger(
        source.file, source.kind, source.year, source.release, len(rows), len(rows),
        cells_in=len(rows), values=int(rows["value"].notna().sum()), reasons=why.to_dict(),
    )  # fmt: skip
    no_totals = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["level", "la"]))
    return Results(
        source, values[order], reasons[order], identity.astype(IDENTITY), no_totals,
        pd.DataFrame(index=values.index), ledger,
    )  # fmt: skip


def tidy_local_results(raw: Cells, source: Source) -> Tidied:
    """Read an authority's own results as they are listed, one row per school, year and measure."""
    measure, group = read_column(raw, "MEASURE"), read_column(raw, "GROUP")
    name = _known(raw, measure.where(group == "", measure + "." + group), PUBLISHED)
    value, reason = _figures(raw, "VALUE")
    text, counted = read_column(raw, "VALUE"), read_column(raw, "COHORT")
    cohort = read_numbers(raw, counted)
    value = _raise_fractions(raw, source, name, value, cohort)
    raw.refuse(_outside(value, name), text, "cannot be")
    raw.refuse(~cohort.between(0, MOST_PUPILS) & cohort.notna(), counted, "cannot be")
    raw.refuse(cohort % 1 > 0, counted, "is no number of pupils")
    frame = pd.DataFrame({
        "row": raw.index,
        "urn": read_urns(raw, "URN"),
        "year": _years(raw, "YEAR"),
        "measure": name,
        "kind": name.map(lambda one: MEASURES[one].kind),
        "value": value,
        "reason": reason,
        "cohort": cohort,
        "release": _releases(raw, source),
    }, index=raw.index)  # fmt: skip
    refuse_twins(raw, frame, ["urn", "year", "measure", "release"])
    return account_for(raw, source, frame.reset_index(drop=True), {})


def _outside(value: pd.Series, measure: pd.Series) -> pd.Series:
    """Find the figures that their measure cannot be."""
    limits = {one: MEASURES[one].limits for one in measure.dropna().unique()}
    low, high = (measure.map({one: pair[n] for one, pair in limits.items()}) for n in (0, 1))
    return (value < low.astype(float)) | (value > high.astype(float))


def _raise_fractions(
    raw: Cells, source: Source, measure: pd.Series, value: pd.Series, cohort: pd.Series
) -> pd.Series:
    """Return figures with those of a percentage that are written as fractions made percentages."""
    text, raised = read_column(raw, "VALUE"), value.copy()
    for name in measure.unique():
        own = measure.eq(name) & value.notna()
        bare = own & ~text.str.endswith("%")
        if not MEASURES[name].percent or not value[bare].any():
            continue
        if not value[bare].between(0, 1).all() or not bare.equals(own):
            figures, pupils = value[own].to_numpy(), cohort[own].to_numpy(float)
            stray = pd.Series(
                find_strays(text[own].tolist(), figures, pupils, True), own.index[own]
            )
            what = "is under 1%, and no whole number of pupils: is it a fraction?"
            raw.refuse(stray.reindex(own.index, fill_value=False), text, what)
            continue
        told = said_of(source.shares, name)
        told = told or by_pupils(text[bare].tolist(), cohort[bare].to_numpy(float))
        if told is None:
            raise SourceError(f"{raw.file}, measure {name}: {ask(text[bare].tolist(), name)}")
        if told == FRACTION:
            raised[bare] = text[bare].map(raise_text)
    return raised


def _figures(raw: Cells, column: str) -> tuple[pd.Series, pd.Series]:
    """Read a column of figures: each cell's value, or the reason there is none."""
    text = read_column(raw, column)
    value = text.map(read_number).astype(float)
    reason = text.map(lambda one: reason_of(one, raw.declared)).where(value.isna())
    raw.refuse(value.isna() & reason.isna(), text, "is neither a number nor a code we know")
    return value, reason.astype("str")


def _years(raw: Cells, column: str) -> pd.Series:
    """Read years written 2016, 2015/16, 2015-16 or 201516 as the year the school year ends."""
    text = read_column(raw, column)
    found: dict[str, int] = {}
    for one in text.unique():
        if match := re.fullmatch(r"((?:20|19)[0-9]{2})(\.0)?", one):
            found[one] = int(match[1])
        match = re.fullmatch(r"((?:20|19)[0-9]{2})[/-]?((?:20)?[0-9]{2})", one)
        if match and (int(match[1]) + 1) % 100 == int(match[2]) % 100:  # else they do not follow
            found[one] = int(match[1]) + 1
    raw.refuse(~text.isin(list(found)), text, "is not a year such as 2016 or 2015/16")
    return text.map(found).astype("int64")


def _releases(raw: Cells, source: Source) -> pd.Series:
    text = read_column(raw, "RELEASE")
    if source.release is None and text.ne("").any():
        raw.refuse(text.eq(""), text, "is no release, and other rows say theirs")
    return _known(raw, text.where(text != "", source.release or "final"), RELEASES)


def _known(raw: Cells, text: pd.Series, known: Iterable[str]) -> pd.Series:
    """Return a column of words that must be known ones, naming the nearest to a wrong one."""
    wrong = ~text.isin(list(known))
    hint = f" {nearest(text[wrong].iloc[0], known)}" if wrong.any() else ""
    raw.refuse(wrong, text, "is not known", hint)
    return text
