"""What each column and each row of a results file is, and which rows are its schools."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pepstats import codes, layouts
from pepstats.cells import URN, Array, Cells
from pepstats.errors import SourceError, nearest

SCHOOL_ROWS = (layouts.MAINSTREAM, layouts.SPECIAL, layouts.NOT_STATED)


@dataclass(frozen=True)
class Roles:
    """What each column of a file is: identity, words, a figure, one of our measures, or unread."""

    identity: dict[str, int]
    words: Array
    numeric: Array
    measured: Array
    labels: tuple[str, ...]
    unread: Array


def give_roles(table: Cells, layout: layouts.Layout) -> Roles:
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
        raise SourceError(f"{table.file}, row 1: {what}.")
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
                f"{table.file}, row 1, column {j + 1}: no file of {layout.title} has a "
                f"column `{name[:60]}`. {nearest(name, absent)}"
            )
    return Roles(identity, np.flatnonzero(role == "words"), np.flatnonzero(role == "numeric"),
                  np.array(order), labels, np.flatnonzero(role == "unread"))  # fmt: skip


def say_what_rows_are(
    table: Cells, layout: layouts.Layout, identity: dict[str, int]
) -> tuple[Array, Array, Array]:
    """Say of each row whether it is a school or an aggregate, its authority and its URN."""
    urn_text = table.column(identity["urn"])
    la_text = (
        table.column(identity["la"])
        if "la" in identity
        else np.full(len(urn_text), "", dtype=object)
    )
    la = as_numbers(la_text)
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


def choose_rows(
    table: Cells, layout: layouts.Layout, level: Array, la: Array, urn: Array
) -> tuple[Array, dict[str, int], Array]:
    """Choose each school and each aggregate once; a second one must be the same as the first."""
    school = np.isin(level, SCHOOL_ROWS)
    key = pd.DataFrame({"what": np.where(school, "school", level), "urn": urn, "la": la})
    if not layout.records:  # national rows are told apart by phase
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


def as_numbers(texts: Array) -> Array:
    """Read identity numbers, each distinct text once; missing where a text is no number."""
    which, distinct = pd.factorize(texts)
    number = pd.to_numeric(pd.Series(distinct, dtype=object), errors="coerce").to_numpy(float)
    return np.asarray(np.append(number, np.nan)[which])
