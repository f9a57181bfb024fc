"""A results file becomes schools and aggregates, each cell a value or the reason there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pepstats import codes, layouts
from pepstats.cells import (
    HAS_VALUE,
    REASONS,
    Array,
    Cells,
    Reading,
    find_used,
    read_cells,
    reason_of,
)
from pepstats.ledger import Ledger
from pepstats.roles import (
    SCHOOL_ROWS,
    Roles,
    as_numbers,
    choose_rows,
    give_roles,
    say_what_rows_are,
)
from pepstats.sources import Source

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


def clean_results(table: Cells, source: Source) -> Results:
    """Turn a results file's cells into values and reasons, schools and aggregates.

    Raises `SourceError` naming file, row and column for a code nobody knows, a URN that is none,
    a school given twice with different figures, a figure that cannot be.
    """
    layout = layouts.LAYOUTS[source.kind]
    roles = give_roles(table, layout)
    level, la, urn = say_what_rows_are(table, layout, roles.identity)
    reading = read_cells(table, roles.numeric)
    _refuse_impossible(table, reading, roles)
    keep, left_out, totals = choose_rows(table, layout, level, la, urn)
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
        earlier=_read_earlier(table, source.kind, reading, keep, urns),
        ledger=_account(
            table, source, roles, level, left_out, _count_codes(table, roles, reading, why)
        ),
    )  # fmt: skip


def _refuse_impossible(table: Cells, reading: Reading, roles: Roles) -> None:
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


def _name_complements(why: Array, values: Array, roles: Roles) -> None:
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


def _as_text(which: Array, words: list[Any], index: pd.Index, columns: list[str]) -> pd.DataFrame:
    """Give a table of words from their numbers, missing where the number is -1."""
    kind = pd.CategoricalDtype(words)
    cells = {
        name: pd.Categorical.from_codes(which[:, k], dtype=kind, validate=False)
        for k, name in enumerate(columns)
    }
    return pd.DataFrame(cells, index=index, copy=False)


def _published(
    table: Cells, reading: Reading, cells: Array, index: pd.Index, columns: list[str]
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
    table: Cells, identity: dict[str, int], keep: Array, level: Array, urns: pd.Index
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
        number = as_numbers(frame[ours])
        whole = (number > 0) & (number % 1 == 0)
        frame[ours] = pd.array(np.where(whole, number, np.nan), dtype="Int64")
    return pd.DataFrame(frame, index=urns)


def _read_earlier(
    table: Cells, kind: str, reading: Reading, keep: Array, urns: pd.Index
) -> pd.DataFrame:
    """Give the figures of earlier years that the file repeats (`PTRWM_EXP_17`)."""
    names = codes.measures_of(kind)
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
    table: Cells,
    source: Source,
    roles: Roles,
    level: Array,
    left_out: dict[str, int],
    met: pd.DataFrame,
) -> Ledger:
    """Add up what became of every row and cell of the file."""
    n_rows = len(table.codes)
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
        left_out=left_out, cells_in=n_rows * len(table.header),
        values=n_rows * len(roles.numeric) - int(reasons.sum()),
        words=n_rows * len(roles.words), unread=n_rows * len(roles.unread),
        reasons={reason: int(reasons[reason]) for reason in REASONS if reason in reasons.index},
        columns_unread=tuple(table.header[j] for j in roles.unread), codes=met,
    )  # fmt: skip


def _count_codes(table: Cells, roles: Roles, reading: Reading, why: Array) -> pd.DataFrame:
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
            name = table.header[j]
            counted += [(name, texts[at], reason, n - beside)] if n > beside else []
            counted += [(name, texts[at], codes.COMPLEMENT, beside)] if beside else []
    return pd.DataFrame(counted, columns=["column", "code", "reason", "cells"])
