"""A results file becomes schools and aggregates, each cell a value or the reason there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.measures import COMPLEMENT, MEASURES, SUPPRESSED, measures_of
from pepstats.sources.cells import (
    ALL_REASONS,
    HAS_VALUE,
    URN,
    Array,
    Cells,
    Reading,
    read_cells,
    read_number,
    reason_of,
)
from pepstats.sources.files import Source
from pepstats.sources.layouts import (
    AGGREGATES,
    AUTHORITY,
    MAINSTREAM,
    NOT_STATED,
    RECORDS,
    SCHOOL_COLUMNS,
    SPECIAL,
    STATE_FUNDED,
    WORD_COLUMNS,
    is_known_column,
    list_titles,
    misspells,
)

SCHOOL_ROWS = (MAINSTREAM, SPECIAL, NOT_STATED)
TWIN = "a school's row repeated"
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

IDENTITY = {
    # what a file says of a school besides its results, and how it is kept
    "row": "int64", "la": "Int64", "estab": "Int64", "name": "str", "record": "str",
    "type": "str", "age_range": "str", "urn_ac": "Int64",
}  # fmt: skip


@dataclass(frozen=True)
class Ledger:
    """What became of a file's rows and cells; both sides add up or it cannot be made.

    `rows_in` are the rows below the header, `rows_kept` those kept as schools (or as the table's
    own); `aggregates` are rows of an authority or England by what they are, `left_out` those left
    out by why. `cells_in = values + words + unread + sum(reasons)`; `codes` has each published
    code that was met: columns `column`, `code`, `reason`, `cells`.
    """

    file: str
    kind: str
    year: int | None
    release: str | None
    rows_in: int
    rows_kept: int
    aggregates: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    cells_in: int = 0
    values: int = 0  # cells that became a number
    words: int = 0  # cells of columns that hold words
    reasons: dict[str, int] = field(default_factory=dict)  # cells without a number, by why
    unread: int = 0  # cells of columns that no layout we know has, or of words nobody uses
    columns_unread: tuple[str, ...] = ()
    codes: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    unfilled: dict[str, int] = field(default_factory=dict)  # schools without a field, by which

    def __post_init__(self) -> None:
        """Refuse an account that does not add up: a row or a cell would have been lost."""
        rows = self.rows_kept + sum(self.aggregates.values()) + sum(self.left_out.values())
        cells = self.values + self.words + self.unread + sum(self.reasons.values())
        if rows != self.rows_in or cells != self.cells_in:
            raise SourceError(
                f"{self.file}: the account does not add up: {self.rows_in} rows in and {rows} "
                f"accounted for, {self.cells_in} cells in and {cells} accounted for. "
                "This is a defect of pepstats; please report it with the file's name."
            )


@dataclass(frozen=True)
class Roles:
    """What each column of a file is: identity, words, a figure, one of our measures, or unread."""

    identity: dict[str, int]
    words: Array
    numeric: Array
    measured: Array
    labels: tuple[str, ...]
    unread: Array


def _find_roles(table: Cells, kind: str) -> Roles:
    """Find what each column is; a column that is nearly one we know is an error, not a loss."""
    columns = table.columns
    identity = {
        ours: columns[found[0]]
        for ours, names in SCHOOL_COLUMNS.items()
        if (found := [name for name in names if name in columns])
    }
    measures = {columns[c]: name for c, name in measures_of(kind).items() if c in columns}
    rank = {name: n for n, name in enumerate(MEASURES)}
    order = sorted(measures, key=lambda j: rank[measures[j]])
    labels = tuple(measures[j] for j in order)
    if not labels or len(set(labels)) < len(labels):
        twins = sorted({name for name in labels if labels.count(name) > 1})
        what = f"two columns are {', '.join(twins)}" if twins else "no column is a measure we know"
        raise SourceError(f"{table.file}, row 1: {what}.")
    role = np.array([
        "words" if j in identity.values() or name in WORD_COLUMNS or name.startswith("(COLUMN ")
        else "numeric" if is_known_column(kind, name)
        and (j in measures or not _holds_words(table, j))
        else "unread"
        for name, j in columns.items()
    ])  # fmt: skip
    absent = [
        column for column, name in measures_of(kind).items()
        if column not in columns and (kind == "ks2" or "." not in name)
    ]  # fmt: skip
    for name, j in columns.items():
        unsure = role[j] == "unread" or (kind == "ks4" and role[j] == "numeric")
        if unsure and j not in measures and misspells(name, absent):
            raise SourceError(
                f"{table.file}, row 1, column {j + 1}: no file of {list_titles()[kind]} has a "
                f"column `{name[:60]}`. {nearest(name, absent)}"
            )
    words, numeric, unread = (np.flatnonzero(role == r) for r in ("words", "numeric", "unread"))
    return Roles(identity, words, numeric, np.array(order), labels, unread)


def _holds_words(table: Cells, j: int) -> bool:
    """Return whether a column holds words: something that is no code, and not one number."""
    texts = [text for text in table.texts[np.unique(table.codes[:, j])] if text is not None]
    words = any(reason_of(text) is None for text in texts)
    return words and not any(read_number(text) is not None for text in texts)


def _find_levels(table: Cells, kind: str, identity: dict[str, int]) -> tuple[Array, Array, Array]:
    """Find of each row whether it is a school or an aggregate, its authority and its URN."""
    urn_text, la_text = (table.text_of(identity.get(ours)) for ours in ("urn", "la"))
    la = _as_numbers(la_text)
    wrong = ~np.isin(la_text, ["", "NAT", "NA"]) & ~((la >= 100) & (la <= 999) & (la % 1 == 0))
    if wrong.any():
        table.refuse(wrong, table.text(identity["la"]), "is not an authority's code")
    la = np.nan_to_num(la, nan=0).astype(np.int64)
    if kind in RECORDS:
        record = pd.Series(table.column(identity["record"]), dtype="str").str.removesuffix(".0")
        level = record.map({**RECORDS[kind], "": NOT_STATED}).astype(object)
        if level.isna().any():
            what = f"is none of the record types {', '.join(RECORDS[kind])}"
            table.refuse(level.isna().to_numpy(), table.text(identity["record"]), what)
    else:
        national = np.isin(urn_text, ["NAT", "PRI", "SEC", "SPE"]) | (la_text == "NAT")
        level = pd.Series(np.where(national, STATE_FUNDED, NOT_STATED))
    school = level.isin(SCHOOL_ROWS).to_numpy()
    found = {text: match for text in set(urn_text[school]) if (match := URN.fullmatch(text))}
    missing = school & np.array([text not in found for text in urn_text])
    if missing.any():
        table.refuse(missing, table.text(identity["urn"]), "is not a URN of six or seven digits")
    urn = [int(found[t][1]) if s else 0 for t, s in zip(urn_text, school, strict=True)]
    alone = np.unique(la[school & (la > 0)])
    if len(alone) == 1:  # one authority's file does not say whose its authority row is
        la = np.where((level == AUTHORITY) & (la == 0), alone[0], la)
    return level.to_numpy(dtype=object), la, np.array(urn, dtype=np.int64)


def _choose_rows(
    table: Cells, kind: str, level: Array, la: Array, urn: Array
) -> tuple[Array, dict[str, int], Array]:
    """Choose each school and each aggregate once; a second one must be the same as the first."""
    school = np.isin(level, SCHOOL_ROWS)
    key = pd.DataFrame({"what": np.where(school, "school", level), "urn": urn, "la": la})
    if kind not in RECORDS:  # national rows are told apart by phase
        for name in ("ESTAB", "URN", "SCHOOLTYPE"):
            if name in table.columns:
                key[name] = np.where(school, "", table.column(table.columns[name]))
    key["la"] = key["la"].mask(school, 0)
    first = ~key.duplicated().to_numpy()
    start = np.arange(len(key))
    if not first.all():
        group = key.groupby(list(key.columns)).ngroup()
        start = pd.Series(start).groupby(group).transform("first").to_numpy()
    left_out: Counter[str] = Counter()
    for twin in np.flatnonzero(~first):
        one = int(start[twin])
        differs = np.flatnonzero(table.codes[twin] != table.codes[one])
        who = f"URN {urn[twin]}" if school[twin] else f"the row of {level[twin]}"
        if len(differs):
            raise SourceError(
                f"{table.at(int(twin), int(differs[0]))}: {who} is given twice, and differs from "
                f"row {table.rows[one]}. Remove the wrong one."
            )
        left_out[TWIN if school[twin] else f"row of {level[twin]} repeated"] += 1
    keep = np.flatnonzero(school & first)
    return keep[np.argsort(urn[keep])], dict(left_out), np.flatnonzero(~school & first)


def _as_numbers(texts: Array) -> Array:
    """Read identity numbers, each distinct text once; missing where a text is no number."""
    which, distinct = pd.factorize(texts)
    number = pd.to_numeric(pd.Series(distinct, dtype=object), errors="coerce").to_numpy(float)
    return np.asarray(np.append(number, np.nan)[which])


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
    identity: pd.DataFrame = field(repr=False)
    aggregates: pd.DataFrame = field(repr=False)
    earlier: pd.DataFrame = field(repr=False)
    ledger: Ledger


def clean_results(table: Cells, source: Source) -> Results:
    """Turn a results file's cells into values and reasons, schools and aggregates.

    Raises `SourceError` naming file, row and column for a code nobody knows, a URN that is none,
    a school given twice with different figures, a figure that cannot be.
    """
    kind = source.kind
    roles = _find_roles(table, kind)
    level, la, urn = _find_levels(table, kind, roles.identity)
    reading = read_cells(table, roles.numeric)
    _refuse_impossible(table, reading, roles)
    keep, left_out, totals = _choose_rows(table, kind, level, la, urn)
    cells = table.codes[:, roles.measured][keep]
    values, why = reading.value[cells], reading.why[cells]
    _name_complements(why, values, roles)
    urns, labels = pd.Index(urn[keep], name="urn"), list(roles.labels)
    added_up = reading.value[table.codes[np.ix_(totals, roles.measured)]]
    of = pd.MultiIndex.from_arrays([level[totals], la[totals]], names=["level", "la"])
    codes = _count_codes(table, roles, reading, keep, why)
    return Results(
        source=source,
        values=pd.DataFrame(values, index=urns, columns=labels),
        reasons=_as_reasons(why, urns, labels),
        identity=_identify(table, roles.identity, keep, level).set_index(urns),
        aggregates=pd.DataFrame(added_up, index=of, columns=labels),
        earlier=_read_earlier(table, kind, reading, keep).set_index(urns),
        ledger=_account(table, source, roles, level, left_out, codes),
    )


def _refuse_impossible(table: Cells, reading: Reading, roles: Roles) -> None:
    """Refuse a figure that cannot be: a percentage of 400, a negative number of pupils."""
    signed = np.array([text is not None and text.rstrip().endswith("%") for text in table.texts])
    for j, name in zip(roles.measured, roles.labels, strict=True):
        what, cells = MEASURES[name], table.codes[:, j]
        low, high = (0.0, 100.0) if what.percent else LIMITS.get(what.unit, (-1e6, 1e6))
        with np.errstate(invalid="ignore"):
            outside = (reading.value[cells] < low) | (reading.value[cells] > high)
        for wrong, said in (
            (outside, f"cannot be {what.label} ({low:g} to {high:g})"),
            (signed[cells] & (not what.percent), f"is a percentage, and {what.label} is not"),
        ):
            if wrong.any():
                table.refuse(wrong, table.text(j), said)


def _name_complements(why: Array, values: Array, roles: Roles) -> None:
    """Tell a group suppressed for its own size from one suppressed to protect the other group."""
    place = {name: k for k, name in enumerate(roles.labels)}
    own, other = place.get("cohort.disadvantaged"), place.get("cohort.other")
    if own is None or other is None:
        return
    suppressed, complement = ALL_REASONS.index(SUPPRESSED), ALL_REASONS.index(COMPLEMENT)
    for group, mine, beside in (("disadvantaged", own, other), ("other", other, own)):
        with np.errstate(invalid="ignore"):
            large = (values[:, mine] >= FEWEST_PUBLISHED) & (values[:, beside] < FEWEST_PUBLISHED)
        for name, k in place.items():
            if name.endswith(f".{group}") and not name.startswith("cohort"):
                why[large & (why[:, k] == suppressed), k] = complement


def _as_reasons(why: Array, index: pd.Index, columns: list[str]) -> pd.DataFrame:
    """Lay out reasons by their numbers, missing where there is a value."""
    kind = pd.CategoricalDtype(list(ALL_REASONS))
    cells = {
        name: pd.Categorical.from_codes(why[:, k], dtype=kind, validate=False)
        for k, name in enumerate(columns)
    }
    return pd.DataFrame(cells, index=index, copy=False)


def _identify(table: Cells, identity: dict[str, int], keep: Array, level: Array) -> pd.DataFrame:
    """Read what the file says of each school besides its results."""
    frame: dict[str, Array] = {"row": table.rows[keep]}
    for ours, kind in IDENTITY.items():
        text = table.text_of(identity.get(ours))[keep]
        if kind == "Int64":
            number = _as_numbers(text)
            frame[ours] = np.where((number > 0) & (number % 1 == 0), number, np.nan)
        elif kind == "str":
            frame[ours] = np.where(text == "", np.nan, text)
    frame["record"] = level[keep]
    return pd.DataFrame(frame)[list(IDENTITY)].astype(IDENTITY)


def _read_earlier(table: Cells, kind: str, reading: Reading, keep: Array) -> pd.DataFrame:
    """Read the figures of earlier years that the file repeats (`PTRWM_EXP_17`)."""
    names = measures_of(kind)
    found = {
        (2000 + int(column[-2:]), names[column[:-3]]): j
        for column, j in table.columns.items()
        if column[-3:-2] == "_" and column[-2:].isdigit() and column[:-3] in names
    }
    columns = sorted(found)
    at = np.array([found[c] for c in columns], dtype=int)
    labels = pd.MultiIndex.from_tuples(columns, names=["year", "measure"])
    return pd.DataFrame(reading.value[table.codes[:, at][keep]], columns=labels)


def _account(
    table: Cells, source: Source, roles: Roles, level: Array, left_out: dict[str, int],
    met: pd.DataFrame,
) -> Ledger:  # fmt: skip
    """Add up what became of every row and cell of the file."""
    n_rows = len(table.codes)
    reasons = met.groupby("reason", sort=False)["cells"].sum()
    schools = int(np.isin(level, SCHOOL_ROWS).sum())
    return Ledger(
        source.file, source.kind, source.year, source.release, n_rows,
        rows_kept=schools - left_out.get(TWIN, 0),
        aggregates={
            name: int((level == name).sum()) - left_out.get(f"row of {name} repeated", 0)
            for name in AGGREGATES
            if (level == name).any()
        },
        left_out=left_out, cells_in=n_rows * len(table.header),
        values=n_rows * len(roles.numeric) - int(reasons.sum()),
        words=n_rows * len(roles.words), unread=n_rows * len(roles.unread),
        reasons={reason: int(reasons[reason]) for reason in ALL_REASONS if reason in reasons.index},
        columns_unread=tuple(table.header[j] for j in roles.unread), codes=met,
    )  # fmt: skip


def _count_codes(
    table: Cells, roles: Roles, reading: Reading, keep: Array, why: Array
) -> pd.DataFrame:
    """Count the cells without a figure by column, published code and reason."""
    cells = table.codes[:, roles.numeric]
    reasons = reading.why[cells]
    reasons[np.ix_(keep, np.searchsorted(roles.numeric, roles.measured))] = why
    rows, columns = np.nonzero(reasons != HAS_VALUE)
    met = pd.DataFrame({
        "column": columns, "code": cells[rows, columns], "reason": reasons[rows, columns],
    }).value_counts(sort=False).rename("cells").reset_index()  # fmt: skip
    met["column"] = np.array(table.header, dtype=object)[roles.numeric[met["column"]]]
    met["code"] = table.texts[met["code"]]  # a cell that was cut off has none
    met["reason"] = np.array(ALL_REASONS, dtype=object)[met["reason"]]
    return met
