"""A results file becomes schools and aggregates, each cell a value or the reason there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pepstats import codes, layouts
from pepstats.cells import Array
from pepstats.errors import SourceError, nearest
from pepstats.ledger import Ledger
from pepstats.registers import clean_links, clean_ofsted, clean_register, clean_trusts
from pepstats.sources import Source
from pepstats.table import (
    HAS_VALUE,
    REASONS,
    URN,
    Reading,
    Table,
    find_used,
    lay_on_table,
    read_cells,
    reason_of,
)

__all__ = [
    "Results", "clean_links", "clean_ofsted", "clean_register", "clean_results", "clean_trusts",
]  # fmt: skip

SCHOOL_ROWS = (layouts.MAINSTREAM, layouts.SPECIAL, layouts.NOT_STATED)
FEWEST_PUBLISHED = 6  # a group of fewer pupils is suppressed, and so is the group beside it
LIMITS = {
    # unit: what a published figure can be; pupils of all England are in the files too
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
        The code as published wherever there is a reason; missing where there is a value, and
        where the row was cut off.
    identity
        Index `urn`: row, la, estab, name, record, type, age_range, urn_ac; missing where the
        file does not say.
    aggregates
        Index (`level`, `la`): the authority and England rows' values, one column per measure.
    earlier
        Index `urn`: what the file repeats of earlier years; columns (`year`, `measure`).
    ledger
        The account of the file's rows and cells.
    """

    source: Source
    values: pd.DataFrame = field(repr=False)
    reasons: pd.DataFrame = field(repr=False)
    published: pd.DataFrame = field(repr=False)
    identity: pd.DataFrame = field(repr=False)
    aggregates: pd.DataFrame = field(repr=False)
    earlier: pd.DataFrame = field(repr=False)
    ledger: Ledger


def clean_results(raw: pd.DataFrame, source: Source) -> Results:
    """Turn a results file's text into values and reasons, schools and aggregates.

    Raises `SourceError` naming file, row and column for a code nobody knows, a URN that is none,
    a school given twice with different figures, a figure that cannot be.
    """
    table, layout = lay_on_table(raw, source), layouts.LAYOUTS[source.kind]
    roles = _give_roles(table, layout)
    level, la, urn = _say_what_rows_are(table, layout, roles.identity)
    reading = read_cells(table, roles.numeric)
    _refuse_impossible(table, reading, roles)
    keep, left_out, totals = _choose_rows(table, level, la, urn)
    cells = table.codes[:, roles.measured][keep]
    values, why = reading.value[cells], reading.why[cells]
    _name_complements(why, values, roles)
    urns, labels = pd.Index(urn[keep], name="urn"), list(roles.labels)
    added_up = reading.value[table.codes[np.ix_(totals, roles.measured)]]
    return Results(
        source=source,
        values=pd.DataFrame(values, index=urns, columns=labels),
        reasons=_as_text(why, list(REASONS), urns, labels),
        published=_published(table, reading, cells, urns, labels),
        identity=_identify(table, roles.identity, keep, level, urns),
        aggregates=pd.DataFrame(
            added_up, columns=labels,
            index=pd.MultiIndex.from_arrays([level[totals], la[totals]], names=["level", "la"]),
        ),
        earlier=_read_earlier(table, reading, keep, urns),
        ledger=_account(table, roles, level, left_out, reading, why),
    )  # fmt: skip


@dataclass(frozen=True)
class _Roles:
    """What each column of a file is: identity, words, a figure, one of our measures, or unread."""

    identity: dict[str, int]
    words: Array
    numeric: Array
    measured: Array
    labels: tuple[str, ...]
    unread: Array


def _give_roles(table: Table, layout: layouts.Layout) -> _Roles:
    """Say what each column is; a column that is nearly one we know is an error, not a loss."""
    columns, kind = table.columns, layout.kind
    identity = {
        ours: columns[found[0]]
        for ours, names in layout.identity.items()
        if (found := [name for name in names if name in columns])
    }
    measures = {columns[c]: name for c, name in codes.measures_of(kind).items() if c in columns}
    rank = {name: n for n, name in enumerate(codes.MEASURES)}
    order = sorted(measures, key=lambda j: rank[measures[j]])
    labels = tuple(measures[j] for j in order)
    if not labels or len(set(labels)) < len(labels):
        twins = sorted({name for name in labels if labels.count(name) > 1})
        what = f"two columns are {', '.join(twins)}" if twins else "no column is a measure we know"
        raise SourceError(f"{table.source.file}, row 1: {what}.")
    role = np.array([
        "words" if j in identity.values() or name in layout.text or name.startswith("(COLUMN ")
        else "numeric" if layouts.is_known(kind, name) else "unread"
        for name, j in columns.items()
    ])  # fmt: skip
    absent = [
        column for column, name in codes.measures_of(kind).items()
        if column not in columns and (kind == "ks2" or "." not in name)
    ]  # fmt: skip
    for name, j in columns.items():
        unsure = role[j] == "unread" or (kind == "ks4" and role[j] == "numeric")
        if unsure and j not in measures and layouts.misspells(name, absent):
            raise SourceError(
                f"{table.source.file}, row 1, column {j + 1}: no file of {layout.title} has a "
                f"column `{name[:60]}`. {nearest(name, absent)}"
            )
    return _Roles(identity, np.flatnonzero(role == "words"), np.flatnonzero(role == "numeric"),
                  np.array(order), labels, np.flatnonzero(role == "unread"))  # fmt: skip


def _say_what_rows_are(
    table: Table, layout: layouts.Layout, identity: dict[str, int]
) -> tuple[Array, Array, Array]:
    """Say of each row whether it is a school or an aggregate, its authority and its URN."""
    urn_text = table.column(identity["urn"])
    la_text = (
        table.column(identity["la"])
        if "la" in identity
        else np.full(len(urn_text), "", dtype=object)
    )
    la = _as_numbers(la_text)
    wrong = ~np.isin(la_text, ["", "NAT", "NA"]) & ~((la >= 100) & (la <= 999) & (la % 1 == 0))
    if wrong.any():
        table.stop(np.flatnonzero(wrong), identity["la"], "`{text}` is not an authority's code")
    la = np.nan_to_num(la, nan=0).astype(np.int64)
    if layout.records:
        record = pd.Series(table.column(identity["record"]), dtype="str").str.removesuffix(".0")
        level = record.map({**layout.records, "": layouts.NOT_STATED}).astype(object)
        if level.isna().any():
            known = ", ".join(layout.records)
            table.stop(np.flatnonzero(level.isna()), identity["record"],
                       f"record type `{{text}}` is none of {known}")  # fmt: skip
    else:
        national = np.isin(urn_text, ["NAT", "PRI", "SEC", "SPE"]) | (la_text == "NAT")
        level = pd.Series(np.where(national, layouts.STATE_FUNDED, layouts.NOT_STATED))
    school = level.isin(SCHOOL_ROWS).to_numpy()
    found = {text: match for text in set(urn_text[school]) if (match := URN.fullmatch(text))}
    missing = [i for i in np.flatnonzero(school) if urn_text[i] not in found]
    if missing:
        table.stop(
            np.array(missing), identity["urn"], "`{text}` is not a URN of six or seven digits"
        )
    urn = [int(found[t][1]) if s else 0 for t, s in zip(urn_text, school, strict=True)]
    alone = np.unique(la[school & (la > 0)])
    if len(alone) == 1:  # one authority's file does not say whose its authority row is
        la = np.where((level == layouts.AUTHORITY) & (la == 0), alone[0], la)
    return level.to_numpy(dtype=object), la, np.array(urn, dtype=np.int64)


def _refuse_impossible(table: Table, reading: Reading, roles: _Roles) -> None:
    """Refuse a figure that cannot be: a percentage of 400, a negative number of pupils."""
    signed = np.array([text is not None and text.rstrip().endswith("%") for text in table.texts])
    alike: dict[tuple[float, float, bool], list[int]] = {}
    for k, name in enumerate(roles.labels):
        measure = codes.MEASURES[name]
        limits = (0.0, 100.0) if measure.percent else LIMITS.get(measure.unit, (-1e6, 1e6))
        alike.setdefault((*limits, measure.percent), []).append(k)
    for (low, high, percent), those in alike.items():
        with np.errstate(invalid="ignore"):
            outside = (reading.value < low) | (reading.value > high)
        wrong = outside if percent else outside | signed
        if not (wrong & find_used(table, roles.measured[those])).any():
            continue
        for k in those:
            j, label = int(roles.measured[k]), codes.MEASURES[roles.labels[k]].label
            for texts, said in (
                (outside, f"`{{text}}` cannot be {label} ({low:g} to {high:g})"),
                (wrong & ~outside, f"`{{text}}` is a percentage, and {label} is not"),
            ):
                rows = np.flatnonzero(texts[table.codes[:, j]])
                if len(rows):
                    table.stop(rows, j, said)


def _name_complements(why: Array, values: Array, roles: _Roles) -> None:
    """Tell a group suppressed for its own size from one suppressed to protect the other group."""
    place = {name: k for k, name in enumerate(roles.labels)}
    own, other = place.get("cohort.disadvantaged"), place.get("cohort.other")
    if own is None or other is None:
        return
    suppressed, complement = REASONS.index(codes.SUPPRESSED), REASONS.index(codes.COMPLEMENT)
    for group, mine, beside in (("disadvantaged", own, other), ("other", other, own)):
        with np.errstate(invalid="ignore"):
            large = (values[:, mine] >= FEWEST_PUBLISHED) & (values[:, beside] < FEWEST_PUBLISHED)
        for name, k in place.items():
            if name.endswith(f".{group}") and not name.startswith("cohort"):
                why[large & (why[:, k] == suppressed), k] = complement


def _choose_rows(
    table: Table, level: Array, la: Array, urn: Array
) -> tuple[Array, dict[str, int], Array]:
    """Choose each school and each aggregate once; a second one must be the same as the first."""
    school = np.isin(level, SCHOOL_ROWS)
    key = pd.DataFrame({"what": np.where(school, "school", level), "urn": urn, "la": la})
    if not layouts.LAYOUTS[table.source.kind].records:  # national rows are told apart by phase
        for name in ("ESTAB", "URN", "SCHOOLTYPE"):
            if name in table.columns:
                key[name] = np.where(school, "", table.column(table.columns[name]))
    key["la"] = key["la"].mask(school, 0)
    first = ~key.duplicated().to_numpy()
    start = np.arange(len(key))
    if not first.all():
        group = key.groupby(list(key.columns)).ngroup()
        start = pd.Series(start).groupby(group).transform("first").to_numpy()
    left_out: dict[str, int] = {}
    for twin in np.flatnonzero(~first):
        one = int(start[twin])
        differs = np.flatnonzero(table.codes[twin] != table.codes[one])
        who = f"URN {urn[twin]}" if school[twin] else f"the row of {level[twin]}"
        if len(differs):
            raise SourceError(
                f"{table.at(int(twin), int(differs[0]))}: {who} is given twice, and differs from "
                f"row {table.rows[one]}. Remove the wrong one."
            )
        what = "a school's row repeated" if school[twin] else f"row of {level[twin]} repeated"
        left_out[what] = left_out.get(what, 0) + 1
    keep = np.flatnonzero(school & first)
    return keep[np.argsort(urn[keep])], left_out, np.flatnonzero(~school & first)


def _as_text(which: Array, words: list[Any], index: pd.Index, columns: list[str]) -> pd.DataFrame:
    """Give a table of words from their numbers, missing where the number is -1."""
    kind = pd.CategoricalDtype(words)
    cells = {
        name: pd.Categorical.from_codes(which[:, k], dtype=kind, validate=False)
        for k, name in enumerate(columns)
    }
    return pd.DataFrame(cells, index=index, copy=False)


def _published(
    table: Table, reading: Reading, cells: Array, index: pd.Index, columns: list[str]
) -> pd.DataFrame:
    """Give the code as published where there is a reason."""
    met, place = _codes_met(reading)
    return _as_text(place[cells], list(table.texts[met]), index, columns)


def _codes_met(reading: Reading) -> tuple[Array, Array]:
    """Give the texts that are codes, and each text's place among them (-1 for the others)."""
    met = np.flatnonzero((reading.why[:-1] != HAS_VALUE) & reading.used[:-1])
    place = np.full(len(reading.why), -1, dtype=np.int16)
    place[met] = np.arange(len(met))
    return met, place


def _identify(
    table: Table, identity: dict[str, int], keep: Array, level: Array, urns: pd.Index
) -> pd.DataFrame:
    """Give what the file says of each school besides its results."""
    frame: dict[str, Any] = {"row": table.rows[keep]}
    for ours in ("la", "estab", "name", "record", "type", "age_range", "urn_ac"):
        text = (
            table.column(identity[ours])[keep]
            if ours in identity
            else np.full(len(keep), "", dtype=object)
        )
        frame[ours] = text
    frame["record"] = level[keep]
    for ours in ("name", "record", "type", "age_range"):
        text = frame[ours]
        frame[ours] = pd.array(np.where(text == "", np.nan, text), dtype="str")
    for ours in ("la", "estab", "urn_ac"):
        number = _as_numbers(frame[ours])
        whole = (number > 0) & (number % 1 == 0)
        frame[ours] = pd.array(np.where(whole, number, np.nan), dtype="Int64")
    return pd.DataFrame(frame, index=urns)


def _as_numbers(texts: Array) -> Array:
    """Read identity numbers, each distinct text once; missing where a text is no number."""
    which, distinct = pd.factorize(texts)
    number = pd.to_numeric(pd.Series(distinct, dtype=object), errors="coerce").to_numpy(float)
    return np.asarray(np.append(number, np.nan)[which])


def _read_earlier(table: Table, reading: Reading, keep: Array, urns: pd.Index) -> pd.DataFrame:
    """Give the figures of earlier years that the file repeats (`PTRWM_EXP_17`)."""
    names = codes.measures_of(table.source.kind)
    found = {
        (2000 + int(column[-2:]), names[column[:-3]]): j
        for column, j in table.columns.items()
        if column[-3:-2] == "_" and column[-2:].isdigit() and column[:-3] in names
    }
    columns = sorted(found)
    at = np.array([found[c] for c in columns], dtype=int)
    cells = reading.value[table.codes[:, at][keep]]
    labels = pd.MultiIndex.from_tuples(columns, names=["year", "measure"])
    return pd.DataFrame(cells, index=urns, columns=labels)


def _account(
    table: Table,
    roles: _Roles,
    level: Array,
    left_out: dict[str, int],
    reading: Reading,
    why: Array,
) -> Ledger:
    """Add up what became of every row and cell of the file."""
    source, n_rows = table.source, len(table.codes)
    met = _count_codes(table, roles, reading, why)
    reasons = met.groupby("reason", sort=False)["cells"].sum()
    twins = left_out.get("a school's row repeated", 0)
    return Ledger(
        file=source.file, kind=source.kind, year=source.year, release=source.release,
        rows_in=n_rows, rows_kept=int(np.isin(level, SCHOOL_ROWS).sum()) - twins,
        aggregates={
            name: int((level == name).sum()) - left_out.get(f"row of {name} repeated", 0)
            for name in layouts.AGGREGATES
            if (level == name).any()
        },
        left_out=left_out, cells_in=n_rows * len(table.names),
        values=n_rows * len(roles.numeric) - int(reasons.sum()),
        words=n_rows * len(roles.words), unread=n_rows * len(roles.unread),
        reasons={reason: int(reasons[reason]) for reason in REASONS if reason in reasons.index},
        columns_unread=tuple(table.names[j] for j in roles.unread), codes=met,
    )  # fmt: skip


def _count_codes(table: Table, roles: _Roles, reading: Reading, why: Array) -> pd.DataFrame:
    """Count each published code by column and reason; a cut-off cell has no code."""
    met, place = _codes_met(reading)
    place[-1] = len(met)  # cells that were cut off
    texts = [*table.texts[met], None]
    complement = {
        j: (why[:, k] == REASONS.index(codes.COMPLEMENT)).sum()
        for k, j in enumerate(roles.measured)
    }
    counted = []
    for j in roles.numeric:
        counts = np.bincount(place[table.codes[:, j]] + 1, minlength=len(texts) + 1)[1:]
        for at in np.flatnonzero(counts):
            reason, n = reason_of(texts[at]), int(counts[at])
            beside = int(complement.get(j, 0)) if reason == codes.SUPPRESSED else 0
            name = table.names[j]
            counted += [(name, texts[at], reason, n - beside)] if n > beside else []
            counted += [(name, texts[at], codes.COMPLEMENT, beside)] if beside else []
    return pd.DataFrame(counted, columns=["column", "code", "reason", "cells"])
