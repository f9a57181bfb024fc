"""A results file becomes schools and aggregates, each cell a value or the reason there is none."""

from __future__ import annotations

import re
from calendar import month_name
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.measures import COMPLEMENT, IMPOSSIBLE, MEASURES, SUPPRESSED, measures_of
from pepstats.sources.cells import (
    ALL_REASONS,
    FRACTION,
    HAS_VALUE,
    Array,
    Cells,
    Reading,
    Share,
    Unsettled,
    read_cells,
    read_fractions,
    read_number,
    read_urn,
    reason_of,
    said_of,
)
from pepstats.sources.csv_text import read_header, read_rows
from pepstats.sources.excel import is_workbook
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
    tidy_column,
)

SCHOOL_ROWS = (MAINSTREAM, SPECIAL, NOT_STATED)
TWIN = "a school's row repeated"
NO_URN = "is not a URN of six or seven digits"
NO_NUMBER = ("", "0", "NA", "NAT", "PRI", "SEC", "SPE")  # where a school's number could stand
MONTHS = {name[:3]: n for n, name in enumerate(month_name) if n}
FEWEST_PUBLISHED = 6  # a group of fewer pupils is suppressed, and so is the group beside it

MOST_PUPILS = 10_000  # of one school; the largest has some 3,000
FEW, FEW_IN = 5, 0.05  # cells of a column that cannot be, or so many of its figures: left out

IDENTITY = {
    # what a file says of a school besides its results, and how it is kept
    "row": "int64", "la": "Int64", "estab": "Int64", "name": "str", "record": "str",
    "type": "str", "age_range": "str", "urn_ac": "Int64",
}  # fmt: skip

NUMBERED = {"la": (100, 999), "estab": (1, 9_999), "urn_ac": (100_000, 9_999_999)}
"""The least and the most that an identity number can be."""

SIZED_BY = {
    f"{whole}.{group}": (whole, f"{group}{stage}")
    for whole, stage in (("cohort", ""), ("cohort_ks4", "_ks4"))
    for group in ("disadvantaged", "other", "eal", "non_mobile")
}
"""Each group's number of pupils, and the cohort and the group's share of it that give it too."""


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
    notes: tuple[str, ...] = ()  # what was read otherwise than it is written, or left out
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
    words = any(reason_of(text, table.declared) is None for text in texts)
    return words and not any(read_number(text) is not None for text in texts)


def list_offered(source: Source) -> set[str] | None:
    """List the measures that a results file gives, from its header; None where that is not told.

    The size of a group counts where it can be worked out from its share.
    """
    if is_workbook(source.content) or source.long:  # only its rows tell
        return None
    columns = {tidy_column(name) for name in read_header(source.content, source.file)}
    names = {name for column, name in measures_of(source.kind).items() if column in columns}
    return names | {size for size, parts in SIZED_BY.items() if names.issuperset(parts)}


def find_authorities(source: Source, wanted: Collection[int]) -> dict[int, int]:
    """Find the authority of some schools in a results file, by their numbers."""
    if is_workbook(source.content):
        return {}
    (_, names), *rows = read_rows(source.content, source.file)
    at = {tidy_column(name): j for j, name in enumerate(names)}
    urn, la = (next((at[c] for c in SCHOOL_COLUMNS[o] if c in at), None) for o in ("urn", "la"))
    if urn is None or la is None:
        return {}
    full = [cells for _, cells in rows if len(cells) > max(urn, la)]
    numbered = [(read_urn(cells[urn].strip()), read_number(cells[la])) for cells in full]
    return {one: int(code) for one, code in numbered if one in wanted and one and code}


def _find_levels(table: Cells, kind: str, identity: dict[str, int]) -> tuple[Array, Array, Array]:
    """Find of each row whether it is a school or an aggregate, its authority and its URN."""
    urn_text, la_text = (table.column(identity.get(ours)) for ours in ("urn", "la"))
    la = _as_numbers(la_text, 100, 999)
    wrong = ~np.isin(la_text, ["", "NAT", "NA"]) & np.isnan(la)
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
    found = {text: read_urn(text) for text in set(urn_text)}
    given = np.array([found[text] or 0 for text in urn_text], dtype=np.int64)
    if (school & (given == 0)).any():
        table.refuse(school & (given == 0), table.text(identity["urn"]), NO_URN)
    if (~school & (given > 0)).any():
        what = "is a school's number, in a row that is marked as an authority's or England's"
        table.refuse(~school & (given > 0), table.text(identity["urn"]), what)
    urn = np.where(school, given, 0)
    alone = np.unique(la[school & (la > 0)])
    if len(alone) == 1:  # one authority's file does not say whose its authority row is
        la = np.where((level == AUTHORITY) & (la == 0), alone[0], la)
    return level.to_numpy(dtype=object), la, urn


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


def _as_numbers(texts: Array, least: int, most: int) -> Array:
    """Read whole identity numbers, each distinct text once; missing where a text is none."""
    which, distinct = pd.factorize(texts)
    read = [read_number(text) for text in distinct]
    fits = [one if one is not None and least <= one <= most and one % 1 == 0 else np.nan
            for one in read]  # fmt: skip
    return np.asarray(np.array([*fits, np.nan])[which])


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
    """Turn a results file's cells into values and reasons, schools and aggregates."""
    kind = source.kind
    roles = _find_roles(table, kind)
    level, la, urn = _find_levels(table, kind, roles.identity)
    reading = read_cells(table, roles.numeric)
    keep, left_out, totals = _choose_rows(table, kind, level, la, urn)
    school = np.isin(level, SCHOOL_ROWS)
    values, why, notes = _read_measures(table, reading, roles, school, source.shares)
    identity, strange = _identify(table, roles.identity, keep, level)
    urns, labels = pd.Index(urn[keep], name="urn"), list(roles.labels)
    of = pd.MultiIndex.from_arrays([level[totals], la[totals]], names=["level", "la"])
    why[keep] = _name_complements(why[keep], values[keep], roles)
    codes = _count_codes(table, roles, reading, why)
    own, reasons, sizes = _add_sizes(
        pd.DataFrame(values[keep], index=urns, columns=labels), _as_reasons(why[keep], urns, labels)
    )
    ledger = _account(table, source, roles, level, (left_out, codes))
    return Results(
        source=source,
        values=own,
        reasons=reasons,
        identity=identity.set_index(urns),
        aggregates=pd.DataFrame(values[totals], index=of, columns=labels),
        earlier=_read_earlier(table, kind, reading, keep).set_index(urns),
        ledger=replace(ledger, notes=(*notes, *strange, *sizes, *table.notes)),
    )


def _read_measures(
    table: Cells, reading: Reading, roles: Roles, school: Array, shares: Mapping[str, str]
) -> tuple[Array, Array, list[str]]:
    """Read every row's measures: values, reasons, and what was read otherwise or left out."""
    cells = table.codes[:, roles.measured]
    values, why = reading.value[cells], reading.why[cells].copy()
    place = {name: k for k, name in enumerate(roles.labels)}
    none, notes = np.full(len(values), np.nan), list[str]()
    percent = [k for k, name in enumerate(roles.labels) if MEASURES[name].percent]
    open_questions: list[tuple[int, Share, Unsettled]] = []
    for k in percent:
        j, name = roles.measured[k], roles.labels[k]
        said, exact = said_of(shares, table.header[j]), MEASURES[name].kind in RECORDS
        behind = place.get(MEASURES[name].cohort)
        pupils = none if behind is None else values[:, behind]
        share = Share(int(j), pupils, exact, school, said)
        try:
            values[:, k], strays, told = read_fractions(table, reading, share)
        except Unsettled as asked:
            open_questions.append((k, share, asked))
            continue
        why[strays, k] = ALL_REASONS.index(IMPOSSIBLE)
        notes += [told] if told else []
    for k, share, question in open_questions:
        read = sum("fractions read" in note for note in notes)
        with_figures = int((np.nan_to_num(values[:, percent]) > 0).any(axis=0).sum())
        if read < FEW or read + len(open_questions) < with_figures:
            raise question
        like = replace(share, said=FRACTION, by=f"as in {read} other columns")
        values[:, k], _, told = read_fractions(table, reading, like)
        notes.append(told)
    everyone = np.arange(len(values))
    for k, (j, name) in enumerate(zip(roles.measured, roles.labels, strict=True)):
        wrong, left = find_impossible(table, (name, int(j)), everyone, values[:, k], why[:, k])
        signed = reading.signed[cells[:, k]] & ~np.isnan(values[:, k])
        strange = signed & (not MEASURES[name].percent)
        if MEASURES[name].unit == "pupils":
            strange |= school & (values[:, k] > MOST_PUPILS)
        if strange.any():
            wrong, left = wrong | strange, [_leave_out(table, int(j), wrong | strange, name)]
        values[wrong, k], why[wrong, k] = np.nan, ALL_REASONS.index(IMPOSSIBLE)
        notes += left
    return values, why, notes


def find_impossible(
    table: Cells, of: tuple[str, int], rows: Array, values: Array, why: Array
) -> tuple[Array, list[str]]:
    """Find which figures of a measure's column, in some rows, cannot be, and say so."""
    name, j = of
    low, high = MEASURES[name].limits
    with np.errstate(invalid="ignore"):
        wrong = (values < low) | (values > high) | (why == ALL_REASONS.index(IMPOSSIBLE))
        if MEASURES[name].unit == "pupils":
            wrong |= (values % 1 != 0) & ~np.isnan(values)
    at = np.zeros(len(table.rows), dtype=bool)
    at[rows[wrong]] = True
    return wrong, [_leave_out(table, j, at, name)] if wrong.any() else []


def _leave_out(table: Cells, j: int, wrong: Array, name: str) -> str:
    """Say which figures of a column cannot be; refuse a column of which many cannot."""
    what, rows = MEASURES[name], np.flatnonzero(wrong)
    low, high = what.limits
    first = str(table.texts[table.codes[rows[0], j]])[:40]
    if len(rows) > max(FEW, FEW_IN * len(wrong)):
        said = f"cannot be {what.label} ({low:g} to {high:g})"
        table.refuse(wrong, table.text(j), said, " Is it another column, or another unit?")
    places = ", ".join(str(table.rows[row]) for row in rows[:FEW])
    count = "a figure that cannot be is" if len(rows) == 1 else f"{len(rows)} that cannot be are"
    return f"{table.header[j]}: {count} left out: row {places} (`{first}`)"


def _name_complements(why: Array, values: Array, roles: Roles) -> Array:
    """Tell a group suppressed for its own size from one suppressed to protect the other group."""
    place = {name: k for k, name in enumerate(roles.labels)}
    own, other = place.get("cohort.disadvantaged"), place.get("cohort.other")
    if own is None or other is None:
        return why
    suppressed, complement = ALL_REASONS.index(SUPPRESSED), ALL_REASONS.index(COMPLEMENT)
    for group, mine, beside in (("disadvantaged", own, other), ("other", other, own)):
        with np.errstate(invalid="ignore"):
            large = (values[:, mine] >= FEWEST_PUBLISHED) & (values[:, beside] < FEWEST_PUBLISHED)
        for name, k in place.items():
            if name.endswith(f".{group}") and not name.startswith("cohort"):
                why[large & (why[:, k] == suppressed), k] = complement
    return why


def _as_reasons(why: Array, index: pd.Index, columns: list[str]) -> pd.DataFrame:
    """Lay out reasons by their numbers, missing where there is a value."""
    kind = pd.CategoricalDtype(list(ALL_REASONS))
    cells = {
        name: pd.Categorical.from_codes(why[:, k], dtype=kind, validate=False)
        for k, name in enumerate(columns)
    }
    return pd.DataFrame(cells, index=index, copy=False)


def _add_sizes(
    values: pd.DataFrame, reasons: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Work out how many pupils a group has where a file gives only what share of them it is.

    From the cohort and the rounded share: the published number in 1,535 of 1,551 real schools, and
    one out in the others.
    """
    notes = []
    for name, (whole, share) in SIZED_BY.items():
        if name in values or not {whole, share} <= set(values):
            continue
        if not any(MEASURES[one].cohort == name for one in values):
            continue
        pupils = (values[whole] * values[share] / 100).round()
        why = reasons[whole].astype("str").fillna(reasons[share].astype("str"))
        values, reasons = values.assign(**{name: pupils}), reasons.assign(**{name: why})
        notes.append(
            f"{MEASURES[name].label}: worked out from {MEASURES[whole].column} and "
            f"{MEASURES[share].column} for {pupils.notna().sum():,} schools"
        )
    return values, reasons, notes


def _identify(
    table: Cells, identity: dict[str, int], keep: Array, level: Array
) -> tuple[pd.DataFrame, list[str]]:
    """Read what the file says of each school besides its results, and say what was no number."""
    frame: dict[str, Array] = {"row": table.rows[keep]}
    notes = []
    for ours, kind in IDENTITY.items():
        text = table.column(identity.get(ours))[keep]
        if kind == "Int64":
            frame[ours] = _as_numbers(text, *NUMBERED[ours])
            wrong = np.isnan(frame[ours]) & ~np.isin(text, NO_NUMBER)
            notes += [_say_first(table, identity[ours], keep[wrong], "is no number of a school")
                      ] if wrong.any() else []  # fmt: skip
        elif kind == "str":
            frame[ours] = np.where(text == "", np.nan, text)
    ages, dates = read_ages(frame["age_range"])
    if dates.any():
        what = "is a date (a spreadsheet's); the ages are read from it where it tells them"
        notes.append(_say_first(table, identity["age_range"], keep[dates], what))
    frame |= {"record": level[keep], "age_range": ages}
    return pd.DataFrame(frame)[list(IDENTITY)].astype(IDENTITY), notes


def _say_first(table: Cells, j: int, rows: Array, what: str) -> str:
    first = str(table.texts[table.codes[rows[0], j]])[:40]
    return f"{table.header[j]}: row {table.rows[rows[0]]}, `{first}` {what} ({len(rows):,} rows)"


def read_ages(texts: Array) -> tuple[Array, Array]:
    """Read age ranges also where a spreadsheet made dates of them, and find which those are.

    `4-11` became the fourth of November (`04-Nov`, `2026-11-04`), or the eleventh of April where
    months come first: the lower age comes first either way. `11-16` became November 2016.
    """
    which, distinct = pd.factorize(texts)
    ages = [_ages_of_date(str(text)) for text in distinct]
    read = [
        text if one is None else one or np.nan for text, one in zip(distinct, ages, strict=True)
    ]
    dates = np.array([one is not None for one in ages] + [False])
    return np.asarray(np.array([*read, np.nan], dtype=object)[which]), dates[which]


def _ages_of_date(text: str) -> str | None:
    """Return the ages of which a date was made, empty where it does not tell; None of no date."""
    if match := re.fullmatch(r"(?:20\d\d-)?(\d\d?)-(\d\d?)(?:[ T]00:00:00)?", text):
        year, month, day = text[:4], int(match[1]), int(match[2])
        if not text.startswith("20") or len(text) < 10:
            return None
        both = sorted((month, day))
        return "" if day == 1 and "2011" <= year <= "2019" else f"{both[0]}-{both[1]}"
    if match := re.fullmatch(r"(\d\d?)[- ]([A-Za-z]{3})", text):
        both = sorted((int(match[1]), MONTHS.get(match[2].title(), 0)))
        return f"{both[0]}-{both[1]}" if both[0] else None
    if match := re.fullmatch(r"([A-Za-z]{3})[- ](\d\d)", text):
        month = MONTHS.get(match[1].title(), 0)
        return f"{month}-{int(match[2])}" if month else None
    return None


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
    table: Cells, source: Source, roles: Roles, level: Array,
    lost: tuple[dict[str, int], pd.DataFrame],
) -> Ledger:  # fmt: skip
    """Add up what became of every row and cell of the file: rows left out, cells by their code."""
    left_out, met = lost
    n_rows, aside = len(table.codes), sum(table.set_aside.values())
    reasons = met.groupby("reason", sort=False)["cells"].sum()
    schools = int(np.isin(level, SCHOOL_ROWS).sum())
    return Ledger(
        source.file, source.kind, source.year, source.release, n_rows + aside,
        rows_kept=schools - left_out.get(TWIN, 0),
        aggregates={
            name: int((level == name).sum()) - left_out.get(f"row of {name} repeated", 0)
            for name in AGGREGATES
            if (level == name).any()
        },
        left_out={**left_out, **table.set_aside}, cells_in=(n_rows + aside) * len(table.header),
        values=n_rows * len(roles.numeric) - int(reasons.sum()),
        words=n_rows * len(roles.words) + aside * len(table.header),
        unread=n_rows * len(roles.unread),
        reasons={reason: int(reasons[reason]) for reason in ALL_REASONS if reason in reasons.index},
        columns_unread=tuple(table.header[j] for j in roles.unread), codes=met,
    )  # fmt: skip


def _count_codes(table: Cells, roles: Roles, reading: Reading, why: Array) -> pd.DataFrame:
    """Count the cells without a figure by column, published code and reason."""
    cells = table.codes[:, roles.numeric]
    reasons = reading.why[cells]
    reasons[:, np.searchsorted(roles.numeric, roles.measured)] = why
    rows, columns = np.nonzero(reasons != HAS_VALUE)
    met = pd.DataFrame({
        "column": columns, "code": cells[rows, columns], "reason": reasons[rows, columns],
    }).value_counts(sort=False).rename("cells").reset_index()  # fmt: skip
    met["column"] = np.array(table.header, dtype=object)[roles.numeric[met["column"]]]
    met["code"] = table.texts[met["code"]]  # a cell that was cut off has none
    met["reason"] = np.array(ALL_REASONS, dtype=object)[met["reason"]]
    return met
