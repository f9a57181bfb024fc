"""Registers of schools: the Department's register, links between schools, trusts, inspections.

Their columns are read as words, numbers, dates and URNs; a refusal names file, row and column.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.measures import CUT_OFF, TYPES
from pepstats.sources.cells import Cells, read_number, read_urn, reason_of
from pepstats.sources.files import Source
from pepstats.sources.layouts import misspells
from pepstats.sources.results import NO_URN, Ledger

NO_SCHOOL = 999_999  # the spine's way of saying that there is no other URN
ACADEMY = ("academy", "academies", "free school", "studio", "technical", "technology")
MAINTAINED = ("community", "voluntary", "foundation", "maintained nursery", "pupil referral",
              "local authority nursery")  # fmt: skip

FOLLOWED = ("successor", "predecessor", "result of amalgamation")
NOT_FOLLOWED = ("sixth form centre", "other", "merged - ", "expansion", "closure")

_NAMES = {
    # ours: what the spine, Get Information About Schools and the newer tables call it
    "la": ("LA", "LA (CODE)", "NEW_LA_CODE_3", "OLD_LA_CODE"),
    "estab": ("ESTAB", "ESTABLISHMENTNUMBER"),
    "laestab": ("LAESTAB", "SCHOOL_LAESTAB"),
    "name": ("SCHNAME", "ESTABLISHMENTNAME", "SCHOOL_NAME"),
    "status": ("ICLOSE", "SCHSTATUS", "ESTABLISHMENTSTATUS (NAME)"),
    "opened": ("OPENDATE",),
    "closed": ("CLOSEDATE",),
    "type": ("NFTYPE", "SCHOOLTYPE", "TYPEOFESTABLISHMENT (NAME)", "ESTABLISHMENT_TYPE_GROUP",
             "SCHOOL_TYPE", "TYPE"),
    "group": ("MINORGROUP", "ESTABLISHMENTTYPEGROUP (NAME)"),
    "primary": ("ISPRIMARY",),
    "secondary": ("ISSECONDARY",),
    "age_low": ("AGEL", "AGELOW", "STATUTORYLOWAGE"),
    "age_high": ("AGEH", "AGEHIGH", "STATUTORYHIGHAGE"),
    "ages": ("AGERANGE",),
    "other_urn": ("OTHERURN",),
    "trust": ("TRUSTS (NAME)",),
}  # fmt: skip

FIELDS = ("la", "estab", "name", "status", "type", "governance", "age_low", "age_high")
"""What a report says of every school from the register."""

NO_SCHOOLS_NUMBER = "a children's centre or the like: its URN has five digits"
ANOTHER_URN = re.compile(r"[1-9]\d{4}(\.0)?", re.ASCII)

NO_GRADE = {"9": "not judged", "NOT JUDGED": "not judged", "NULL": "no graded inspection"}
REPORT_CARD = "a report card, without an overall grade"
CARD = {
    "exceptional": 1, "strong standard": 2, "expected standard": 2, "needs attention": 3,
    "urgent improvement": 4,
}  # fmt: skip
"""What a report card says of leadership and governance, and the grade it stands for."""

THEN = "URN AT TIME"
SUB_JUDGEMENTS = ("QUALITY OF EDUCATION", "EFFECTIVENESS OF LEADERSHIP AND MANAGEMENT")
BEFORE = tuple(f"PREVIOUS {one} INSPECTION OVERALL EFFECTIVENESS" for one in ("FULL", "GRADED"))

_TIME = re.compile(r"(?<=\d)[ T]\d\d:\d\d(:\d\d(\.\d+)?)?$")


@dataclass(frozen=True)
class Tidied:
    """A published file that is no results file, as one tidy table.

    `values` is its table, `ledger` the account of the file's rows and cells.
    """

    source: Source
    values: pd.DataFrame = field(repr=False)
    ledger: Ledger = field(repr=False)


def account_for(
    raw: Cells, source: Source, table: pd.DataFrame, left_out: Mapping[str, int],
    without: pd.Series | None = None,
) -> Tidied:  # fmt: skip
    """Return a table with its account: its cells are read as words, numbers and dates alike.

    Of a table with a `value` and its `reason`, figures and reasons are counted apart; `without`
    are reasons for what a row lacks, where the table does not keep them.
    """
    aside = sum(raw.set_aside.values())
    cells, cut_off = raw.codes.size + aside * len(raw.header), int((raw.codes < 0).sum())
    figures = int(table["value"].notna().sum()) if "value" in table else 0
    told = table.get("reason", without)
    reasons = {CUT_OFF: cut_off} if cut_off else {}
    reasons |= {} if told is None else told.value_counts().sort_index().to_dict()
    ledger = Ledger(
        source.file, source.kind, source.year, source.release, len(raw.rows) + aside, len(table),
        left_out={why: int(n) for why, n in {**left_out, **raw.set_aside}.items() if n},
        cells_in=cells + raw.spilled,
        values=figures, words=cells - figures - sum(reasons.values()), reasons=reasons,
        unread=raw.spilled, columns_unread=("beyond the last column",) if raw.spilled else (),
        notes=raw.notes,
    )  # fmt: skip
    return Tidied(source, table, ledger)


def keep_once(raw: Cells, source: Source, frame: pd.DataFrame, key: list[str]) -> Tidied:
    """Keep each row once, sorted; a second one of the same key must say the same."""
    once = frame.drop_duplicates()
    refuse_twins(raw, once, key)
    left_out = {"a row repeated": len(frame) - len(once)}
    if len(raw.rows) > len(frame):
        left_out[NO_SCHOOLS_NUMBER] = len(raw.rows) - len(frame)
    return account_for(raw, source, once.sort_values(key, ignore_index=True), left_out)


def read_column(raw: Cells, *names: str) -> pd.Series:
    """Return a column's text by any of its published names; blank where the file has none.

    Raises `SourceError` where it has one that must be meant for it, so that none is lost by a slip.
    """
    for name, j in raw.columns.items():
        if name in names:
            return raw.text(j)
    for name, j in raw.columns.items():
        if misspells(name, list(names)):
            raise SourceError(
                f"{raw.file}, column {j + 1}: `{name[:60]}` is none of its columns. "
                f"{nearest(name, names)}"
            )
    return pd.Series("", raw.index, name=names[0], dtype="str")


def read_urns(raw: Cells, *names: str, missing: Collection[str] = ()) -> pd.Series:
    """Read a column of URNs, by any of its published names; `missing` are words for none."""
    text = read_column(raw, *names)
    urn = text.map({one: read_urn(one) for one in text.unique()})
    raw.refuse(urn.isna() & ~text.str.upper().isin(missing), text, NO_URN)
    return urn.astype("Int64" if missing else "int64")


def leave_out_centres(raw: Cells) -> Cells:
    """Leave out what has a number of five digits: children's centres and the like, no schools."""
    text = read_column(raw, "URN", "SCHOOL_URN")
    kept = np.flatnonzero(~text.str.fullmatch(ANOTHER_URN.pattern))
    return raw.keep(kept) if len(kept) < len(text) else raw


def read_numbers(raw: Cells, text: pd.Series) -> pd.Series:
    """Read a column of figures; missing where it is blank or holds a code we know."""
    known_blank = text.map(lambda one: reason_of(one, raw.declared) is not None)
    value = text.map(read_number).astype(float)
    raw.refuse(value.isna() & ~known_blank, text, "is not a number")
    return value


def read_whole(raw: Cells, text: pd.Series, least: int, most: int) -> pd.Series:
    """Read a column of whole numbers from `least` to `most`; missing as in `read_numbers`."""
    value = read_numbers(raw, text)
    fine = value.isna() | (value.between(least, most) & (value % 1 == 0))
    raw.refuse(~fine, text, f"is not a whole number from {least} to {most}")
    return value.astype("Int64")


def read_dates(raw: Cells, *names: str) -> pd.Series:
    """Read dates of 1700 to 2100, as 2018-04-01, 01-04-2018 or 01/04/2018; missing where blank."""
    text = read_column(raw, *names)
    plain = text.str.replace("/", "-", regex=False).str.replace(_TIME, "", regex=True)
    iso = pd.to_datetime(plain, format="%Y-%m-%d", errors="coerce")
    date = iso.fillna(pd.to_datetime(plain, format="%d-%m-%Y", errors="coerce"))
    form = "is not a date of 1700 to 2100 such as 2018-04-01 or 01-04-2018"
    raw.refuse(~date.dt.year.between(1700, 2100) & ~text.isin(["", "NULL"]), text, form)
    return date


def read_words(raw: Cells, *names: str) -> pd.Series:
    """Read a column of words, missing where there are none."""
    text = read_column(raw, *names)
    return text.where(text.ne(""))


def refuse_twins(raw: Cells, frame: pd.DataFrame, key: list[str]) -> None:
    """Refuse two rows of the same key that do not say the same."""
    twins = frame.index[frame.duplicated(key, keep=False)]
    if len(twins):
        raise SourceError(
            f"{raw.file}, rows {twins[0]} and {twins[1]}: the same {', '.join(key)} given twice. "
            "Remove the wrong row."
        )


def tidy_register(raw: Cells, source: Source) -> Tidied:
    """Read one row per URN of the Department's register: what the school is, when it opened.

    Reads the register behind the tables (`spine`), Get Information About Schools
    (`edubasealldata`) and the newer information tables. Children's centres are left out; the
    account says what the register does not say of how many schools.
    """
    whole, raw = raw, leave_out_centres(raw)
    text = {ours: read_column(raw, *names) for ours, names in _NAMES.items()}
    text["la"] = text["la"].where(~text["la"].isin(["0", "000"]), "")  # offshore and the like
    la, estab = read_whole(raw, text["la"], 100, 999), read_whole(raw, text["estab"], 0, 9_999)
    for n, name in enumerate(("age_low", "age_high")):
        ages = text["ages"].str.extract(r"^(\d{1,2}) ?(?:-|to) ?(\d{1,2})$")[n].fillna("")
        text[name] = text[name].where(text[name].ne(""), ages)
    low, high = (read_whole(raw, text[name], 0, 99) for name in ("age_low", "age_high"))
    needed = text["laestab"].where(la.isna() | estab.isna(), "")
    both = read_whole(raw, needed, 1_000_000, 9_999_999)
    kind = text["type"]
    frame = pd.DataFrame({
        "urn": read_urns(raw, "URN", "SCHOOL_URN"),
        "la": la.fillna(both // 10_000),
        "estab": estab.fillna(both % 10_000),
        "name": read_words(raw, *_NAMES["name"]),
        "status": _statuses(text["status"], in_results="SCHOOL_URN" in raw.columns),
        "opened": read_dates(raw, *_NAMES["opened"]),
        "closed": read_dates(raw, *_NAMES["closed"]),
        "type": kind.where(kind.ne("")),
        "governance": [governance_of(one) for one in kind],
        "is_special": kind.str.contains("pecial ", regex=False) | kind.str.endswith("pecial")
        | text["group"].str.contains("pecial", regex=False),
        "is_primary": _teaches(text["primary"], low, high, (4, 11)),
        "is_secondary": _teaches(text["secondary"], low, high, (11, 16)),
        "age_low": low,
        "age_high": high,
        "other_urn": _other_urns(raw, text["other_urn"]),
        "trust": read_words(raw, *_NAMES["trust"]),
    })  # fmt: skip
    tidied = keep_once(whole, source, frame, ["urn"])
    values = tidied.values.set_index("urn")
    return replace(tidied, values=values, ledger=replace(
        tidied.ledger, unfilled=_list_unfilled(values, raw.columns)
    ))  # fmt: skip


def _list_unfilled(values: pd.DataFrame, columns: Mapping[str, int]) -> dict[str, int]:
    """Count the schools of which the register does not say what a report says, by field."""
    given = {
        "age_low": ("age_low", "ages"), "age_high": ("age_high", "ages"),
        "governance": ("type",), "la": ("la", "laestab"), "estab": ("estab", "laestab"),
    }  # fmt: skip
    found = {}
    for said in FIELDS:
        names = [name for ours in given.get(said, (said,)) for name in _NAMES[ours]]
        there = any(name in columns for name in names)
        lacking = int((values[said].isna() | values[said].eq("unknown").fillna(False)).sum())
        if lacking:
            found[said.replace("_", " ") + ("" if there else " (no column)")] = lacking
    return found


def tidy_links(raw: Cells, source: Source) -> Tidied:
    """Read each link between schools once, from the earlier URN to the later.

    Sixth-form centres, other links and changes of age range say nothing of who became whom.
    """
    kind = read_column(raw, "LINKTYPE").str.lower()
    urn, linked = read_urns(raw, "URN"), read_urns(raw, "LINKURN")
    followed = kind.str.startswith(FOLLOWED)
    known = ", ".join(FOLLOWED + NOT_FOLLOWED)
    unknown = ~followed & ~kind.str.startswith(NOT_FOLLOWED)
    raw.refuse(unknown, kind, f"is no link we know, such as {known}")
    itself = followed & (urn == linked)
    what = pd.Series("succession", index=raw.index, dtype="str")
    for sign, word in {"merged": "merger", "split": "split", "amalgamat": "amalgamation"}.items():
        what = what.mask(kind.str.contains(sign, regex=False), word)
    # "Result of amalgamation" is written on both schools alike: the later number is the result.
    forwards, backwards = kind.str.startswith("successor"), kind.str.startswith("predecessor")
    onward = forwards | (~backwards & (urn < linked))
    pairs = pd.DataFrame({
        "before": urn.where(onward, linked), "after": linked.where(onward, urn),
        "date": read_dates(raw, "LINKESTABLISHEDDATE"), "what": what,
    })[followed & ~itself]  # fmt: skip
    pairs = pairs.sort_values(["before", "after", "date", "what"], na_position="last")
    once = pairs.drop_duplicates(["before", "after"]).reset_index(drop=True)
    left_out = {
        "the same link, told by the other school": len(pairs) - len(once),
        "a link that is not a succession": (~followed).sum(),
        "a school linked to itself": itself.sum(),
    }
    return account_for(raw, source, once, left_out)


def tidy_trusts(raw: Cells, source: Source) -> Tidied:
    """Read each academy's latest trust; sponsors, federations and other groups are left out."""
    whole, raw = raw, leave_out_centres(raw)
    kind = read_column(raw, "GROUP TYPE")
    no_trust = kind.ne("") & ~kind.str.contains("academy trust", case=False, regex=False)
    sponsor = kind.str.contains("sponsor", case=False, regex=False)
    closed = ~no_trust & read_column(raw, "GROUP STATUS").str.lower().eq("closed")
    frame = pd.DataFrame({
        "urn": read_urns(raw, "URN"),
        "trust": read_words(raw, "GROUP NAME"),
        "joined": read_dates(raw, "JOINED DATE"),
        "name": read_words(raw, "ESTABLISHMENTNAME"),
        "la": read_numbers(raw, read_column(raw, "LA (CODE)")).astype("Int64"),
    })[~no_trust & ~closed]  # fmt: skip
    refuse_twins(raw, frame.drop_duplicates(), ["urn", "trust", "joined"])
    latest = _keep_latest(frame, ["joined", "trust"])
    nameless = latest["trust"].isna().reindex(raw.index, fill_value=False)
    raw.refuse(nameless, read_column(raw, "GROUP NAME"), "names no trust")
    others = kind[no_trust & ~sponsor].value_counts().sort_index()
    return account_for(whole, source, latest.set_index("urn"), {
        "a sponsor, not a trust": sponsor.sum(),
        **{f"a group that is no academy trust: {one}": n for one, n in others.items()},
        "a trust that has closed": closed.sum(),
        NO_SCHOOLS_NUMBER: len(whole.rows) - len(raw.rows),
        "an earlier trust of the same school": len(frame) - len(latest),
    })  # fmt: skip


def tidy_ofsted(raw: Cells, source: Source) -> Tidied:
    """Read each school's latest inspection that was to give an overall grade, or its report card.

    A grade has its own inspection's date; a report card that is newer takes its place, so that no
    old grade stands for a new inspection. Where the file tells, `equivalent` is the grade that an
    inspection without an overall one is taken for, `previous` that of the inspection before, and
    `inspected_as` the URN that the school then had.
    """
    graded = (" OF LATEST OEIF GRADED INSPECTION"
              if "LATEST OEIF OVERALL EFFECTIVENESS" in raw.columns else "")  # fmt: skip
    start, other, out = "INSPECTION START DATE", "INSPECTION DATE", "PUBLICATION DATE"
    if not {start + graded, other} & set(raw.columns):
        raise SourceError(f"{raw.file}, row 1: no column has the date of the inspections graded.")
    overall = ("LATEST OEIF OVERALL EFFECTIVENESS", "OVERALL EFFECTIVENESS",
               "OVERALL EFFECTIVENESS: HOW GOOD IS THE SCHOOL")  # fmt: skip
    without = read_column(raw, *overall).str.upper().map(NO_GRADE)
    outcome = _read_grades(raw, *overall)
    frame = pd.DataFrame({
        "urn": read_urns(raw, "URN"),
        "outcome": outcome.astype("Int64"),
        "inspected": read_dates(raw, start + graded, other),
        "published": read_dates(raw, out + graded),
        "phase": read_words(raw, "OFSTED PHASE"),
        "name": read_words(raw, "SCHOOL NAME"),
    })  # fmt: skip
    frame = frame.assign(**_read_around(raw, outcome, "LATEST OEIF " if graded else ""))
    full, none = "URN AT TIME OF LATEST FULL INSPECTION", ("", *NO_GRADE)
    if {full, THEN + graded} & set(raw.columns):
        frame["inspected_as"] = read_urns(raw, THEN + graded if graded else full, missing=none)
    if graded:
        card = read_dates(raw, start)
        newer = card.notna() & ~(card <= frame["inspected"])
        frame["previous"] = frame.get("equivalent", frame["outcome"]).where(newer)
        frame["equivalent"] = frame.get("equivalent", frame["outcome"]).mask(newer, _read_card(raw))
        frame["outcome"] = frame["outcome"].mask(newer)
        frame["inspected"] = frame["inspected"].mask(newer, card)
        frame["published"] = frame["published"].mask(newer, read_dates(raw, out))
        if "inspected_as" in frame:
            then = read_urns(raw, full, missing=none)
            frame["inspected_as"] = frame["inspected_as"].mask(newer, then)
        without = without.mask(newer, REPORT_CARD)
    refuse_twins(raw, frame.drop_duplicates(), ["urn", "inspected", "published"])
    latest = _keep_latest(frame, ["inspected", "published"])
    left_out = {"an earlier inspection of the same school": len(frame) - len(latest)}
    kept = without.reindex(latest.index)
    return account_for(raw, source, latest.set_index("urn"), left_out, kept)


def _read_grades(raw: Cells, *names: str) -> pd.Series:
    """Read a column of grades, 1 to 4; missing where none was given."""
    text = read_column(raw, *names)
    grade = read_numbers(raw, text.where(~text.str.upper().isin(NO_GRADE), ""))
    raw.refuse(grade.notna() & ~grade.isin([1, 2, 3, 4]), text, "is not 1 to 4")
    return grade


def _read_around(raw: Cells, outcome: pd.Series, latest: str) -> dict[str, pd.Series]:
    """Read what a file says beside the overall grade: its equivalent, and the grade before."""

    def read_parts(which: str) -> list[pd.Series]:
        names = [f"{which}{one}" for one in SUB_JUDGEMENTS]
        return [_read_grades(raw, one) for one in names] if {*names} <= set(raw.columns) else []

    found = {}
    if parts := read_parts(latest):
        found["equivalent"] = find_equivalent(outcome, *parts).mask(
            _is_concern(raw, f"{latest}CATEGORY OF CONCERN"), 4.0
        )
    for name in BEFORE:
        if name in raw.columns:
            found["previous"] = before = _read_grades(raw, name)
            if parts := read_parts("PREVIOUS "):
                found["previous"] = find_equivalent(before, *parts)
    return found


def _is_concern(raw: Cells, name: str) -> pd.Series:
    """Return which schools the inspection put into a category of concern."""
    return ~read_column(raw, name).str.upper().isin(["", "NULL", "NOT APPLICABLE"])


def find_equivalent(overall: pd.Series, quality: pd.Series, leadership: pd.Series) -> pd.Series:
    """Return the grade that an inspection stands for where it gave no overall one.

    For schools inspected in 2024/25 the Department "treats a sub-judgement of Requires Improvement
    for leadership and management and/or quality of education" as "equivalent to a previous single
    headline grade of Requires Improvement" (*Schools eligible for RISE intervention*, 2025,
    https://explore-education-statistics.service.gov.uk/find-statistics/schools-eligible-for-rise-intervention).
    Of a report card it takes the grade for leadership and governance ("Following the introduction
    of Ofsted school report cards ... 'needs attention'"): see `CARD`. A school in a category of
    concern stands as inadequate.
    """
    worst = quality.where(quality.ge(leadership) | leadership.isna(), leadership)
    known = (quality.notna() & leadership.notna()) | (worst >= 3)
    return overall.fillna(worst.where(known))


def _read_card(raw: Cells) -> pd.Series:
    """Read the grade that a report card stands for; missing where there is none."""
    text = read_column(raw, "LEADERSHIP AND GOVERNANCE")
    blank = text.str.upper().isin(["", *NO_GRADE, "NOT APPLICABLE"])
    grade = text.str.lower().map(CARD)
    raw.refuse(grade.isna() & ~blank, text, f"is none of the grades {', '.join(CARD)}")
    return grade.astype(float).mask(_is_concern(raw, "CATEGORY OF CONCERN"), 4.0)


def _keep_latest(frame: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Keep the last row of each URN in some order, missing first; sorted by URN."""
    ordered = frame.sort_values(["urn", *order], na_position="first")
    return ordered.drop_duplicates("urn", keep="last")


def governance_of(kind: str) -> str:
    """Return whether a published type, code or words, is of a maintained school or an academy."""
    if kind.upper() in TYPES:
        return TYPES[kind.upper()][1]
    words = kind.lower()
    if any(sign in words for sign in ACADEMY):
        return "academy"
    return "maintained" if any(sign in words for sign in MAINTAINED) else "unknown"


def _statuses(text: pd.Series, *, in_results: bool) -> pd.Series:
    """Read whether each school is open: in words, or by number, as the register or as results."""
    known = {"0": "open", "1": "closed"} if in_results else {
        "1": "open", "2": "closed", "3": "open", "4": "proposed"}  # fmt: skip
    words = text.str.lower().str.extract(r"^(open|closed|proposed)")[0]
    return text.map(known).fillna(words).fillna("unknown")


def _teaches(flag: pd.Series, low: pd.Series, high: pd.Series, span: tuple[int, int]) -> pd.Series:
    """Read a column of 1 and 0; where the file has none, who teaches half of an age span."""
    if flag.ne("").any():
        return flag.eq("1")
    starts, ends = span
    taught = high.clip(upper=ends) - low.clip(lower=starts)
    return taught.ge((ends - starts) / 2).fillna(False).astype(bool)


def _other_urns(raw: Cells, text: pd.Series) -> pd.Series:
    """Read the register's other URN of a school, missing where it has none."""
    number = text.map(read_number).astype(float)
    other = number.where((number >= 100_000) & (number != NO_SCHOOL))
    wrong = other.notna() & ((other > 9_999_999) | (other % 1 != 0))
    raw.refuse(wrong, text, NO_URN)
    return other.astype("Int64")
