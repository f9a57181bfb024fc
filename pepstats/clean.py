"""Text cells become values, or the reason there is none; rows become schools and aggregates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats import codes, layouts
from pepstats.errors import SourceError, nearest
from pepstats.ledger import Ledger
from pepstats.registers import clean_links, clean_ofsted, clean_register, clean_trusts
from pepstats.sources import Source

__all__ = [
    "Results", "clean_links", "clean_ofsted", "clean_register", "clean_results", "clean_trusts",
    "read_number", "reason_of",
]  # fmt: skip

Array = npt.NDArray[Any]

NUMBER = re.compile(r"[-+]?(\d{1,12}(\.\d{0,20})?|\.\d{1,20})([eE][-+]?\d{1,2})?(%?)")
URN = re.compile(r"(\d{6,7})(\.0)?")
SCHOOL_ROWS = (layouts.MAINSTREAM, layouts.SPECIAL, layouts.NOT_STATED)
_REASONS = (*dict.fromkeys(codes.REASONS.values()), codes.BLANK, codes.SPACE, codes.CUT_OFF)
REASON_WORDS = np.array([*_REASONS, ""], dtype=object)  # the last, -1, is "there is a value"
LIMITS = {
    # unit or kind of measure: what a published figure can be
    "percent": (0.0, 100.0),
    "pupils": (0.0, 20_000_000.0),
    "progress points": (-60.0, 60.0),
    "scaled score points": (60.0, 130.0),
    "Attainment 8 points": (0.0, 100.0),
    "Progress 8 points": (-9.0, 9.0),
    "key stage 1 points": (0.0, 40.0),
}


@dataclass(frozen=True)
class Results:
    """One file of results, every cell a value or a reason.

    Attributes
    ----------
    source
        The file.
    values, reasons
        Index `urn`, one column per measure the layout has, aligned: a number, or why there is
        none; never both and never neither.
    published
        The code as published wherever there is a reason; missing where there is a value.
    identity
        Index `urn`: row, la, estab, name, record, type, age_range, urn_ac; missing where the
        file does not say.
    aggregates
        Index (`level`, `la`): the authority and England rows' values, one column per measure.
    ledger
        The account of the file's rows and cells.
    """

    source: Source
    values: pd.DataFrame
    reasons: pd.DataFrame
    published: pd.DataFrame
    identity: pd.DataFrame
    aggregates: pd.DataFrame
    ledger: Ledger


def clean_results(raw: pd.DataFrame, source: Source) -> Results:
    """Turn a results file's text into values and reasons, schools and aggregates.

    Raises `SourceError` naming file, row and column for a code nobody knows, a URN that is none,
    a school given twice with different figures, a figure that cannot be.
    """
    layout = layouts.LAYOUTS[source.kind]
    columns = {layouts.tidy(name): j for j, name in enumerate(raw.columns)}
    table = _Table(source, raw, columns, *_encode(raw))
    measures = {columns[c]: name for c, name in codes.measures_of(source.kind).items() if c in columns}  # fmt: skip
    if not measures:
        raise SourceError(f"{source.file}, row 1: no column of this file is a measure we know.")
    identity = {
        ours: columns[found[0]]
        for ours, names in layout.identity.items()
        if (found := [name for name in names if name in columns])
    }
    level, la = _say_what_rows_are(table, layout, identity)
    urn = _read_urns(table, identity["urn"], np.isin(level, SCHOOL_ROWS))
    names = [layouts.tidy(name) for name in raw.columns]
    worded = np.array([j in identity.values() or n in layout.text or n.startswith("(COLUMN") for j, n in enumerate(names)])  # fmt: skip
    known = np.array([layouts.is_known(source.kind, name) for name in names])
    numeric = np.flatnonzero(known & ~worded)
    _refuse_misspelt(table, names, known | worded, source.kind)
    values, why = _read_numbers(table, numeric)
    _refuse_impossible(table, values, numeric, measures)
    keep, left_out, aggregate_rows = _choose_rows(table, level, urn, la)
    place = {j: k for k, j in enumerate(numeric)}
    order = [place[j] for j in measures]
    urns = pd.Index(urn[keep], name="urn")
    own_values = values[np.ix_(keep, order)]
    own_why = why[np.ix_(keep, order)]
    labels = list(measures.values())
    published = table.texts[table.codes[np.ix_(keep, numeric[order])]]
    published[own_why < 0] = None
    return Results(
        source=source,
        values=pd.DataFrame(own_values, index=urns, columns=labels),
        reasons=_words(REASON_WORDS[own_why], own_why < 0, urns, labels),
        published=_words(published, own_why < 0, urns, labels),
        identity=_identify(table, identity, keep, level, urns),
        aggregates=pd.DataFrame(
            values[np.ix_(aggregate_rows, order)],
            index=pd.MultiIndex.from_arrays(
                [level[aggregate_rows], la[aggregate_rows]], names=["level", "la"]
            ),
            columns=labels,
        ).sort_index(),
        ledger=_account(table, level, left_out, worded, known, numeric, values, why, names),
    )


@dataclass(frozen=True)
class _Table:
    """A file's cells as numbers of their texts, with what is needed to name a place in it."""

    source: Source
    raw: pd.DataFrame
    columns: dict[str, int]
    codes: Array
    texts: Array  # the last, -1, stands for a cell that was cut off

    def column(self, j: int) -> Array:
        """Give one column's texts, stripped; cut-off cells are empty."""
        stripped = np.array([str(text).strip() for text in self.texts[:-1]] + [""], dtype=object)
        return np.asarray(stripped[self.codes[:, j]])

    def at(self, row: int, j: int) -> str:
        """Say where a cell is, in the file's own lines and column names."""
        return f"{self.source.file}, row {self.raw.index[row]}, column {self.raw.columns[j]}"


def _encode(raw: pd.DataFrame) -> tuple[Array, Array]:
    """Give a table's cells as numbers of their distinct texts."""
    kinds = [raw.dtypes.iloc[j] for j in range(raw.shape[1])]
    if kinds and isinstance(kinds[0], pd.CategoricalDtype) and all(k is kinds[0] for k in kinds):
        grid = np.column_stack([raw.iloc[:, j].cat.codes for j in range(raw.shape[1])])
        return grid, np.append(kinds[0].categories.to_numpy(), None)
    flat = raw.astype(object).to_numpy().ravel()
    numbers, distinct = pd.factorize(flat)
    return numbers.reshape(raw.shape), np.append(np.asarray(distinct, dtype=object), None)


def _say_what_rows_are(
    table: _Table, layout: layouts.Layout, identity: dict[str, int]
) -> tuple[Array, Array]:
    """Say of each row whether it is a school or an aggregate, and of which authority."""
    la_text = table.column(identity["la"]) if "la" in identity else np.full(len(table.codes), "")
    la = pd.to_numeric(pd.Series(la_text), errors="coerce").to_numpy(dtype=float)
    wrong_la = np.flatnonzero(np.isnan(la) & (la_text != "") & ~np.isin(la_text, ["NAT", "NA"]))
    if len(wrong_la):
        place = table.at(wrong_la[0], identity["la"])
        raise SourceError(f"{place}: `{la_text[wrong_la[0]][:40]}` is not an authority's code.")
    la = np.where(np.isnan(la), 0, la).astype(np.int64)
    if not layout.records:
        urn_text = table.column(identity["urn"])
        national = np.isin(urn_text, ["NAT", "PRI", "SEC", "SPE"]) | (la_text == "NAT")
        return np.where(national, layouts.STATE_FUNDED, layouts.NOT_STATED).astype(object), la
    record = pd.Series(table.column(identity["record"])).str.removesuffix(".0")
    level = record.map({**layout.records, "": layouts.NOT_STATED})
    unknown = np.flatnonzero(level.isna())
    if len(unknown):
        place = table.at(unknown[0], identity["record"])
        raise SourceError(
            f"{place}: record type `{record[unknown[0]][:40]}` is none of "
            f"{', '.join(layout.records)} ({len(unknown):,} rows)."
        )
    return level.to_numpy(dtype=object), la


def _read_urns(table: _Table, j: int, school: Array) -> Array:
    """Read the URN of each school row; 0 for the others."""
    text = table.column(j)
    found = {t: m for t in set(text[school]) if (m := URN.fullmatch(t))}
    wrong = [i for i in np.flatnonzero(school) if text[i] not in found]
    if wrong:
        raise SourceError(
            f"{table.at(wrong[0], j)}: `{text[wrong[0]][:40]}` is not a URN of six or seven digits "
            f"({len(wrong):,} rows)."
        )
    return np.array([int(found[t][1]) if s else 0 for t, s in zip(text, school, strict=True)], dtype=np.int64)  # fmt: skip


def _refuse_misspelt(table: _Table, names: list[str], known: Array, kind: str) -> None:
    """Refuse a column that is nearly one we know: its measure would be lost without a word."""
    absent = [c for c in codes.measures_of(kind) if c not in table.columns]
    for j in np.flatnonzero(~known):
        close = layouts.close_to(names[j], absent)
        if close:
            raise SourceError(
                f"{table.source.file}, row 1, column {j + 1}: no {layouts.titles()[kind]} file has "
                f"a column `{names[j][:60]}`. {nearest(names[j], absent)}"
            )


def read_number(text: str) -> float | None:
    """Read a published figure: `64%`, `66.2%`, `16.2`, `-0.5`; None when it is no number."""
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    value = float(text.strip().removesuffix("%"))
    return value


def reason_of(text: str) -> str | None:
    """Say why a published cell holds no number; None when its code is not known."""
    if text == "":
        return codes.BLANK
    return codes.SPACE if text.isspace() else codes.REASONS.get(text.strip().upper())


def _read_numbers(table: _Table, numeric: Array) -> tuple[Array, Array]:
    """Read every cell of the numeric columns as a value, or as the number of its reason."""
    cells = table.codes[:, numeric]
    used = np.flatnonzero(np.bincount(cells.ravel() + 1, minlength=len(table.texts))[1:])
    value_of = np.full(len(table.texts), np.nan)
    why_of = np.full(len(table.texts), -2, dtype=np.int8)
    why_of[-1] = _REASONS.index(codes.CUT_OFF)
    for code in used:
        number = read_number(table.texts[code])
        reason = reason_of(table.texts[code]) if number is None else None
        if number is not None:
            value_of[code], why_of[code] = number, -1
        elif reason is not None:
            why_of[code] = _REASONS.index(reason)
    unknown = np.flatnonzero(why_of == -2)
    unknown = unknown[np.isin(unknown, used)]
    if len(unknown):
        _stop_at_unknown(table, cells, numeric, unknown)
    return value_of[cells], why_of[cells]


def _stop_at_unknown(table: _Table, cells: Array, numeric: Array, unknown: Array) -> None:
    rows, columns = np.nonzero(np.isin(cells, unknown))
    first = pd.DataFrame({
        "row": table.raw.index[rows], "column": table.raw.columns[numeric[columns]],
        "text": table.texts[cells[rows, columns]],
    })  # fmt: skip
    met = [
        f"column {column}: `{str(text)[:40]}` in {len(group):,} row(s), first in row {group['row'].iloc[0]}"
        for (column, text), group in list(first.groupby(["column", "text"], sort=False))[:5]
    ]
    more = "" if first.groupby(["column", "text"]).ngroups <= 5 else " and more"
    raise SourceError(
        f"{table.source.file}: neither a number nor a code we know: {'; '.join(met)}{more}. "
        "If it is a new code, add it with its meaning to REASONS in pepstats/codes.py."
    )


def _refuse_impossible(
    table: _Table, values: Array, numeric: Array, measures: dict[int, str]
) -> None:
    """Refuse a figure that cannot be: a percentage of 400, a negative number of pupils."""
    for k, j in enumerate(numeric):
        name = measures.get(j)
        if name is None:
            continue
        measure = codes.MEASURES[name]
        low, high = LIMITS.get("percent" if measure.percent else measure.unit, (-1e9, 1e9))
        with np.errstate(invalid="ignore"):
            wrong = np.flatnonzero((values[:, k] < low) | (values[:, k] > high))
        if len(wrong):
            raise SourceError(
                f"{table.at(wrong[0], j)}: {values[wrong[0], k]:g} cannot be {measure.label} "
                f"({low:g} to {high:g}); {len(wrong):,} row(s)."
            )


def _choose_rows(
    table: _Table, level: Array, urn: Array, la: Array
) -> tuple[Array, dict[str, int], Array]:
    """Choose each school and each aggregate once; a second one must be the same as the first."""
    left_out: dict[str, int] = {}
    school = np.isin(level, SCHOOL_ROWS)
    key = np.where(school, urn, -1 - la)
    names = pd.Series(level).where(~pd.Series(school), "school")
    if table.source.kind in ("census", "absence"):  # national rows differ by phase, named in words
        first = np.ones(len(urn), dtype=bool)
        first[school] = ~pd.Series(urn[school]).duplicated().to_numpy()
        twins = np.flatnonzero(~first)
        origin = {u: i for i, u in reversed(list(enumerate(urn))) if school[i]}
        of = [origin[urn[i]] for i in twins]
    else:
        frame = pd.DataFrame({"level": names, "key": key})
        first = ~frame.duplicated().to_numpy()
        twins = np.flatnonzero(~first)
        groups = frame.groupby(["level", "key"]).ngroup().to_numpy()
        start = pd.Series(np.arange(len(groups))).groupby(groups).transform("first").to_numpy()
        of = start[twins].tolist()
    for twin, one in zip(twins, of, strict=True):
        differs = np.flatnonzero(table.codes[twin] != table.codes[one])
        if len(differs):
            who = f"URN {urn[twin]}" if school[twin] else str(level[twin])
            raise SourceError(
                f"{table.at(twin, int(differs[0]))}: {who} is given twice, and differs from row "
                f"{table.raw.index[one]}. Remove the wrong one."
            )
        what = "a school's row repeated" if school[twin] else f"{level[twin]} row repeated"
        left_out[what] = left_out.get(what, 0) + 1
    keep = np.flatnonzero(school & first)
    keep = keep[np.argsort(urn[keep], kind="stable")]
    return keep, left_out, np.flatnonzero(~school & first)


def _identify(
    table: _Table, identity: dict[str, int], keep: Array, level: Array, urns: pd.Index
) -> pd.DataFrame:
    """Give what the file says of each school besides its results."""
    frame: dict[str, Any] = {"row": table.raw.index.to_numpy()[keep]}
    for ours in ("la", "estab", "name", "record", "type", "age_range", "urn_ac"):
        text = table.column(identity[ours])[keep] if ours in identity else np.full(len(keep), "")
        frame[ours] = pd.Series(text, dtype="str").where(text != "").to_numpy()
    frame["record"] = level[keep]
    tidy = pd.DataFrame(frame, index=urns)
    tidy["la"] = pd.to_numeric(tidy["la"]).astype("Int64")
    tidy["estab"] = pd.to_numeric(tidy["estab"], errors="coerce").astype("Int64")
    after = pd.to_numeric(tidy["urn_ac"], errors="coerce")
    tidy["urn_ac"] = after.where(after > 0).astype("Int64")
    return tidy


def _words(cells: Array, absent: Array, index: pd.Index, columns: list[str]) -> pd.DataFrame:
    cells = np.where(absent, np.nan, cells)
    return pd.DataFrame(cells, index=index, columns=columns, dtype="str")


def _account(
    table: _Table, level: Array, left_out: dict[str, int], worded: Array, known: Array,
    numeric: Array, values: Array, why: Array, names: list[str],
) -> Ledger:  # fmt: skip
    """Add up what became of every row and cell of the file."""
    source, (n_rows, n_columns) = table.source, table.codes.shape
    school = np.isin(level, SCHOOL_ROWS)
    repeated = left_out.get("a school's row repeated", 0)
    aggregates = {
        name: int((level == name).sum()) - left_out.get(f"{name} row repeated", 0)
        for name in layouts.AGGREGATES
        if (level == name).any()
    }
    counts = np.bincount(why.ravel() + 1, minlength=len(_REASONS) + 1)
    unread = np.flatnonzero(~known & ~worded)
    return Ledger(
        file=source.file, kind=source.kind, year=source.year, release=source.release,
        rows_in=n_rows, rows_kept=int(school.sum()) - repeated, aggregates=aggregates,
        left_out=left_out, cells_in=n_rows * n_columns, values=int(counts[0]),
        words=n_rows * int(worded.sum()),
        reasons={r: int(n) for r, n in zip(_REASONS, counts[1:], strict=True) if n},
        unread=n_rows * len(unread), columns_unread=tuple(names[j] for j in unread),
        codes=_count_codes(table, numeric, why),
    )  # fmt: skip


def _count_codes(table: _Table, numeric: Array, why: Array) -> pd.DataFrame:
    """Count each published code by column."""
    cells = table.codes[:, numeric]
    met = np.unique(cells[why >= 0])
    position = np.full(len(table.texts), 0)
    position[met] = np.arange(len(met))
    rows, columns = np.nonzero(why >= 0)
    counts = np.bincount(columns * len(met) + position[cells[rows, columns]], minlength=len(numeric) * len(met))  # fmt: skip
    at = np.flatnonzero(counts)
    texts = table.texts[met[at % max(len(met), 1)]] if len(met) else np.array([], dtype=object)
    return pd.DataFrame({
        "column": table.raw.columns[numeric[at // max(len(met), 1)]],
        "code": texts,
        "reason": [codes.CUT_OFF if t is None else reason_of(t) for t in texts],
        "cells": counts[at],
    })  # fmt: skip
