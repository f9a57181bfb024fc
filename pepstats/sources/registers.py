"""Registers of schools: the Department's register, links between schools, trusts, inspections.

Their columns are read as words, numbers, dates and URNs; a refusal names file, row and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from pepstats.errors import SourceError
from pepstats.measures import CUT_OFF, TYPES
from pepstats.sources.cells import URN, Cells, read_number, reason_of
from pepstats.sources.files import Source
from pepstats.sources.results import Ledger

NO_SCHOOL = 999_999  # the spine's way of saying that there is no other URN
ACADEMY = ("academy", "free school", "studio", "technical", "technology")
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
    "status": ("ICLOSE", "ESTABLISHMENTSTATUS (NAME)"),
    "opened": ("OPENDATE",),
    "closed": ("CLOSEDATE",),
    "type": ("NFTYPE", "TYPEOFESTABLISHMENT (NAME)", "SCHOOL_TYPE", "TYPE"),
    "group": ("MINORGROUP", "ESTABLISHMENTTYPEGROUP (NAME)"),
    "primary": ("ISPRIMARY",),
    "secondary": ("ISSECONDARY",),
    "age_low": ("AGEL", "STATUTORYLOWAGE"),
    "age_high": ("AGEH", "STATUTORYHIGHAGE"),
    "other_urn": ("OTHERURN",),
    "trust": ("TRUSTS (NAME)",),
}


@dataclass(frozen=True)
class Tidied:
    """A published file that is no results file, as one tidy table.

    Attributes
    ----------
    source
        The file.
    values
        Its table.
    ledger
        The account of the file's rows and cells.
    """

    source: Source
    values: pd.DataFrame = field(repr=False)
    ledger: Ledger = field(repr=False)


def account_for(
    raw: Cells, source: Source, table: pd.DataFrame, left_out: Mapping[str, int]
) -> Tidied:
    """Return a table with its account: its cells are read as words, numbers and dates alike.

    Of a table with a `value` and its `reason`, figures and reasons are counted apart.
    """
    cells, cut_off = raw.codes.size, int((raw.codes < 0).sum())
    figures = int(table["value"].notna().sum()) if "value" in table else 0
    why = table["reason"].value_counts().sort_index() if "reason" in table else {}
    reasons = {CUT_OFF: cut_off} if cut_off else {}
    reasons |= {str(reason): int(n) for reason, n in why.items()}
    ledger = Ledger(
        source.file, source.kind, source.year, source.release, len(raw.rows), len(table),
        left_out={why: int(n) for why, n in left_out.items() if n}, cells_in=cells,
        values=figures, words=cells - figures - sum(reasons.values()), reasons=reasons,
    )  # fmt: skip
    return Tidied(source, table, ledger)


def keep_once(raw: Cells, source: Source, frame: pd.DataFrame, key: list[str]) -> Tidied:
    """Keep each row once, sorted; a second one of the same key must say the same."""
    once = frame.drop_duplicates()
    refuse_twins(raw, once, key)
    left_out = {"a row repeated": len(frame) - len(once)}
    return account_for(raw, source, once.sort_values(key, ignore_index=True), left_out)


def read_column(raw: Cells, *names: str) -> pd.Series:
    """Return a column's text by any of its published names; blank where the file has none."""
    for name, j in raw.columns.items():
        if name in names:
            return raw.text(j)
    return pd.Series("", raw.index, name=names[0], dtype="str")


def read_urns(raw: Cells, *names: str) -> pd.Series:
    """Read a column of URNs, by any of its published names."""
    text = read_column(raw, *names)
    raw.refuse(~text.str.fullmatch(URN.pattern), text, "is not a URN of six or seven digits")
    return text.str.removesuffix(".0").astype("int64")


def read_numbers(raw: Cells, text: pd.Series) -> pd.Series:
    """Read a column of figures; missing where it is blank or holds a code we know."""
    known_blank = text.map(lambda one: reason_of(one) is not None or one in ("n/a", "NULL"))
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
    plain = text.str.slice(0, 10).str.replace("/", "-", regex=False)
    iso = pd.to_datetime(plain, format="%Y-%m-%d", errors="coerce")
    date = iso.fillna(pd.to_datetime(plain, format="%d-%m-%Y", errors="coerce"))
    form = "is not a date of 1700 to 2100 such as 2018-04-01 or 01-04-2018"
    raw.refuse(~date.dt.year.between(1700, 2100) & text.ne(""), text, form)
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
    (`edubasealldata`) and the newer information tables. Index `urn`, sorted; columns la, estab,
    name, status (open, closed, proposed, unknown), opened, closed, type, governance, is_special,
    is_primary, is_secondary, age_low, age_high, other_urn, trust.
    """
    text = {ours: read_column(raw, *names) for ours, names in _NAMES.items()}
    la, estab = read_whole(raw, text["la"], 100, 999), read_whole(raw, text["estab"], 0, 9_999)
    low, high = (read_whole(raw, text[name], 0, 99) for name in ("age_low", "age_high"))
    needed = text["laestab"].where(la.isna() | estab.isna(), "")
    both = read_whole(raw, needed, 1_000_000, 9_999_999)
    kind = text["type"]
    frame = pd.DataFrame({
        "urn": read_urns(raw, "URN", "SCHOOL_URN"),
        "la": la.fillna(both // 10_000),
        "estab": estab.fillna(both % 10_000),
        "name": read_words(raw, *_NAMES["name"]),
        "status": text["status"].map(_status),
        "opened": read_dates(raw, *_NAMES["opened"]),
        "closed": read_dates(raw, *_NAMES["closed"]),
        "type": kind.where(kind.ne("")),
        "governance": [governance_of(one) for one in kind],
        "is_special": kind.str.contains("pecial ", regex=False) | kind.str.endswith("pecial")
        | text["group"].str.contains("pecial", regex=False),
        "is_primary": _flag(text["primary"], _covers(low, high, 4, 11)),
        "is_secondary": _flag(text["secondary"], _covers(low, high, 11, 16)),
        "age_low": low,
        "age_high": high,
        "other_urn": _other_urns(raw, text["other_urn"]),
        "trust": read_words(raw, *_NAMES["trust"]),
    })  # fmt: skip
    tidied = keep_once(raw, source, frame, ["urn"])
    return replace(tidied, values=tidied.values.set_index("urn"))


def tidy_links(raw: Cells, source: Source) -> Tidied:
    """Read each link between schools once, from the earlier URN to the later.

    Sixth-form centres, other links and changes of age range say nothing of who became whom and
    are left out. Columns before, after, date (missing where not given), what (succession,
    merger, split, amalgamation); sorted, one row per pair.
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
    """Read each academy's trust: index `urn`; columns trust, joined, name, la."""
    sponsor = read_column(raw, "GROUP TYPE").str.contains("sponsor", case=False, regex=False)
    frame = pd.DataFrame({
        "urn": read_urns(raw, "URN"),
        "trust": read_words(raw, "GROUP NAME"),
        "joined": read_dates(raw, "JOINED DATE"),
        "name": read_words(raw, "ESTABLISHMENTNAME"),
        "la": read_numbers(raw, read_column(raw, "LA (CODE)")).astype("Int64"),
    })[~sponsor]  # fmt: skip
    latest = _keep_latest(frame, ["joined", "trust"])
    nameless = latest["trust"].isna().reindex(raw.index, fill_value=False)
    raw.refuse(nameless, read_column(raw, "GROUP NAME"), "names no trust")
    return account_for(raw, source, latest.set_index("urn"), {
        "a sponsor, not a trust": sponsor.sum(),
        "an earlier trust of the same school": len(frame) - len(latest),
    })  # fmt: skip


def tidy_ofsted(raw: Cells, source: Source) -> Tidied:
    """Read each school's latest inspection.

    Index `urn`; columns outcome (1 outstanding to 4 inadequate), inspected, published, phase, name.
    """
    effect = read_column(raw, "OVERALL EFFECTIVENESS")
    outcome = read_numbers(raw, effect)
    raw.refuse(outcome.notna() & ~outcome.isin([1, 2, 3, 4]), effect, "is not 1 to 4")
    frame = pd.DataFrame({
        "urn": read_urns(raw, "URN"),
        "outcome": outcome.astype("Int64"),
        "inspected": read_dates(raw, "INSPECTION DATE"),
        "published": read_dates(raw, "PUBLICATION DATE"),
        "phase": read_words(raw, "OFSTED PHASE"),
        "name": read_words(raw, "SCHOOL NAME"),
    })  # fmt: skip
    latest = _keep_latest(frame, ["inspected", "published"])
    left_out = {"an earlier inspection of the same school": len(frame) - len(latest)}
    return account_for(raw, source, latest.set_index("urn"), left_out)


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


def _status(text: str) -> str:
    known = {"1": "open", "2": "closed", "3": "open", "4": "proposed"}
    begins = (word for word in ("open", "closed", "proposed") if text.lower().startswith(word))
    return known.get(text) or next(begins, "unknown")


def _flag(text: pd.Series, otherwise: pd.Series) -> pd.Series:
    """Read a column of 1 and 0; where the file has none, take what the ages say."""
    return text.eq("1") if text.ne("").any() else otherwise


def _covers(low: pd.Series, high: pd.Series, starts: int, ends: int) -> pd.Series:
    """Find the schools that teach at least half of an age span."""
    taught = high.clip(upper=ends) - low.clip(lower=starts)
    return taught.ge((ends - starts) / 2).fillna(False).astype(bool)


def _other_urns(raw: Cells, text: pd.Series) -> pd.Series:
    """Read the register's other URN of a school, missing where it has none."""
    number = pd.to_numeric(text.str.removesuffix(".0"), errors="coerce")
    other = number.where((number >= 100_000) & (number != NO_SCHOOL))
    wrong = other.notna() & ((other > 9_999_999) | (other % 1 != 0))
    raw.refuse(wrong, text, "is not a URN of six or seven digits")
    return other.astype("Int64")
