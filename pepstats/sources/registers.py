"""A table's columns read as words, numbers, dates and URNs; a refusal names row and column."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from pepstats.errors import SourceError
from pepstats.measures import TYPES
from pepstats.sources.cells import URN, Cells, read_number, reason_of
from pepstats.sources.files import Source


@dataclass(frozen=True)
class Tidied:
    """A cleaned table, and the rows of its file that are not in it, counted by why."""

    frame: pd.DataFrame = field(repr=False)
    left_out: dict[str, int]


def read_column(raw: Cells, source: Source, *names: str, optional: bool = False) -> pd.Series:
    """Give a column's text by any of its published names, without blanks round it."""
    for name, j in raw.columns.items():
        if name in names:
            return pd.Series(raw.column(j), index=raw.index, dtype="str")
    if optional:
        return pd.Series("", index=raw.index, dtype="str")
    raise SourceError(f"{source.file}, row 1: there is no column {' or '.join(names)}.")


def refuse(rows: pd.Index, text: pd.Series, source: Source, column: str, what: str) -> None:
    """Stop at the first of these rows, if there is one: file, row, column, what stands there."""
    if len(rows):
        first = rows.min()
        found = f"`{text[first][:40]}`" if text[first] else "a blank"
        raise SourceError(
            f"{source.file}, row {first}, column {column}: {found} {what} ({len(rows):,} rows)."
        )


def read_urns(raw: Cells, source: Source, *names: str) -> pd.Series:
    """Read a column of URNs, by any of its published names."""
    text, name = read_column(raw, source, *names), names[0]
    wrong = text.index[~text.str.fullmatch(URN.pattern)]
    refuse(wrong, text, source, name, "is not a URN of six or seven digits")
    return text.str.removesuffix(".0").astype("int64")


def read_numbers(text: pd.Series, source: Source, name: str) -> pd.Series:
    """Read a column of figures; missing where it is blank or holds a code we know."""
    known_blank = text.map(lambda one: reason_of(one) is not None or one in ("n/a", "NULL"))
    value = text.map(lambda one: read_number(one) if one else None).astype(float)
    refuse(text.index[value.isna() & ~known_blank], text, source, name, "is not a number")
    return value


def read_whole(text: pd.Series, source: Source, name: str, least: int, most: int) -> pd.Series:
    """Read a column of whole numbers from `least` to `most`; missing as in `read_numbers`."""
    value = read_numbers(text, source, name)
    fine = value.isna() | (value.between(least, most) & (value % 1 == 0))
    refuse(text.index[~fine], text, source, name, f"is not a whole number from {least} to {most}")
    return value.astype("Int64")


def read_dates(text: pd.Series, source: Source, name: str) -> pd.Series:
    """Read dates of 1700 to 2100, as 2018-04-01, 01-04-2018 or 01/04/2018; missing where blank."""
    plain = text.str.slice(0, 10).str.replace("/", "-", regex=False)
    iso = pd.to_datetime(plain, format="%Y-%m-%d", errors="coerce")
    date = iso.fillna(pd.to_datetime(plain, format="%d-%m-%Y", errors="coerce"))
    wrong = text.index[~date.dt.year.between(1700, 2100) & text.ne("")]
    form = "is not a date of 1700 to 2100 such as 2018-04-01 or 01-04-2018"
    refuse(wrong, text, source, name, form)
    return date


def read_words(text: pd.Series) -> pd.Series:
    """Give words, missing where there are none."""
    return text.where(text.ne(""))


def keep_once(frame: pd.DataFrame, key: list[str], source: Source) -> pd.DataFrame:
    """Keep each key once; a second row must say the same as the first."""
    frame = frame.drop_duplicates()
    twins = frame[frame.duplicated(key, keep=False)]
    if len(twins):
        rows = ", ".join(str(row) for row in twins.index[:4])
        raise SourceError(
            f"{source.file}, rows {rows}: URN {twins['urn'].iloc[0]} is given twice and differs. "
            "Remove the wrong row."
        )
    return frame


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

_SPANS = {"la": (100, 999), "estab": (0, 9_999), "age_low": (0, 99), "age_high": (0, 99)}


def tidy_register(raw: Cells, source: Source) -> Tidied:
    """Give one row per URN of the Department's register: what the school is, when it opened.

    Reads the register behind the tables (`spine`), Get Information About Schools
    (`edubasealldata`) and the newer information tables. Index `urn`, sorted; columns la, estab,
    name, status (open, closed, proposed, unknown), opened, closed, type, governance, is_special,
    is_primary, is_secondary, age_low, age_high, other_urn, trust.
    """
    text = {n: read_column(raw, source, *c, optional=True) for n, c in _NAMES.items()}
    la, estab, low, high = (
        read_whole(text[n], source, _NAMES[n][0], *span) for n, span in _SPANS.items()
    )
    needed = text["laestab"].where(la.isna() | estab.isna(), "")
    both = read_whole(needed, source, "LAESTAB", 1_000_000, 9_999_999)
    frame = pd.DataFrame({
        "urn": read_urns(raw, source, "URN", "SCHOOL_URN"),
        "la": la.fillna(both // 10_000),
        "estab": estab.fillna(both % 10_000),
        "name": read_words(text["name"]),
        "status": text["status"].map(_status),
        "opened": read_dates(text["opened"], source, "OPENDATE"),
        "closed": read_dates(text["closed"], source, "CLOSEDATE"),
        "type": read_words(text["type"]),
        "governance": [governance_of(t) for t in text["type"]],
        "is_special": text["type"].str.contains("pecial ", regex=False)
        | text["type"].str.endswith("pecial") | text["group"].str.contains("pecial", regex=False),
        "is_primary": _flag(text["primary"], _covers(low, high, 4, 11)),
        "is_secondary": _flag(text["secondary"], _covers(low, high, 11, 16)),
        "age_low": low,
        "age_high": high,
        "other_urn": _other(text["other_urn"], source),
        "trust": read_words(text["trust"]),
    })  # fmt: skip
    once = keep_once(frame, ["urn"], source)
    left_out = {"a school's row repeated": len(frame) - len(once)}
    return Tidied(once.set_index("urn").sort_index(), _some(left_out))


def tidy_links(raw: Cells, source: Source) -> Tidied:
    """Give each link between schools once, from the earlier URN to the later.

    Sixth-form centres, other links and changes of age range say nothing of who became whom and
    are left out. Columns before, after, date (missing where not given), what (succession,
    merger, split, amalgamation); sorted, one row per pair.
    """
    kind = read_column(raw, source, "LINKTYPE").str.lower()
    urn, linked = read_urns(raw, source, "URN"), read_urns(raw, source, "LINKURN")
    written = read_column(raw, source, "LINKESTABLISHEDDATE", optional=True)
    date = read_dates(written, source, "LINKESTABLISHEDDATE")
    followed = kind.str.startswith(FOLLOWED)
    unknown = raw.index[~followed & ~kind.str.startswith(NOT_FOLLOWED)]
    known = ", ".join(FOLLOWED + NOT_FOLLOWED)
    refuse(unknown, kind, source, "LinkType", f"is no link we know, such as {known}")
    itself = followed & (urn == linked)
    what = pd.Series("succession", index=raw.index, dtype="str")
    for sign, word in {"merged": "merger", "split": "split", "amalgamat": "amalgamation"}.items():
        what = what.mask(kind.str.contains(sign, regex=False), word)
    # "Result of amalgamation" is written on both schools alike: the later number is the result.
    forwards, backwards = kind.str.startswith("successor"), kind.str.startswith("predecessor")
    onward = forwards | (~backwards & (urn < linked))
    pairs = pd.DataFrame({
        "before": urn.where(onward, linked), "after": linked.where(onward, urn),
        "date": date, "what": what,
    })[followed & ~itself]  # fmt: skip
    pairs = pairs.sort_values(["before", "after", "date", "what"], na_position="last")
    once = pairs.drop_duplicates(["before", "after"]).reset_index(drop=True)
    left_out = {
        "the same link, told by the other school": len(pairs) - len(once),
        "a link that is not a succession": int((~followed).sum()),
        "a school linked to itself": int(itself.sum()),
    }
    return Tidied(once, _some(left_out))


def tidy_trusts(raw: Cells, source: Source) -> Tidied:
    """Give each academy's trust: index `urn`; columns trust, joined, name, la."""
    sponsor = read_column(raw, source, "GROUP TYPE", optional=True).str.contains(
        "sponsor", case=False, regex=False
    )
    joined = read_column(raw, source, "JOINED DATE", optional=True)
    la = read_column(raw, source, "LA (CODE)", optional=True)
    trust = read_column(raw, source, "GROUP NAME")
    frame = pd.DataFrame({
        "urn": read_urns(raw, source, "URN"),
        "trust": read_words(trust),
        "joined": read_dates(joined, source, "JOINED DATE"),
        "name": read_words(read_column(raw, source, "ESTABLISHMENTNAME", optional=True)),
        "la": read_numbers(la, source, "LA (CODE)").astype("Int64"),
    })[~sponsor]  # fmt: skip
    ordered = frame.sort_values(["urn", "joined", "trust"], na_position="first")
    latest = ordered.drop_duplicates("urn", keep="last")
    refuse(latest.index[latest["trust"].isna()], trust, source, "GROUP NAME", "names no trust")
    left_out = {
        "a sponsor, not a trust": int(sponsor.sum()),
        "an earlier trust of the same school": len(frame) - len(latest),
    }
    return Tidied(latest.set_index("urn").sort_index(), _some(left_out))


def tidy_ofsted(raw: Cells, source: Source) -> Tidied:
    """Give each school's latest inspection.

    Index `urn`; columns outcome (1 outstanding to 4 inadequate), inspected, published, phase, name.
    """
    effect = read_column(raw, source, "OVERALL EFFECTIVENESS")
    outcome = read_numbers(effect, source, "Overall effectiveness")
    wrong = raw.index[outcome.notna() & ~outcome.isin([1, 2, 3, 4])]
    refuse(wrong, effect, source, "Overall effectiveness", "is not 1 to 4")
    inspected = read_column(raw, source, "INSPECTION DATE")
    published = read_column(raw, source, "PUBLICATION DATE", optional=True)
    frame = pd.DataFrame({
        "urn": read_urns(raw, source, "URN"),
        "outcome": outcome.astype("Int64"),
        "inspected": read_dates(inspected, source, "Inspection date"),
        "published": read_dates(published, source, "Publication date"),
        "phase": read_words(read_column(raw, source, "OFSTED PHASE", optional=True)),
        "name": read_words(read_column(raw, source, "SCHOOL NAME", optional=True)),
    })  # fmt: skip
    ordered = frame.sort_values(["urn", "inspected", "published"], na_position="first")
    latest = ordered.drop_duplicates("urn", keep="last").set_index("urn").sort_index()
    left_out = {"an earlier inspection of the same school": len(frame) - len(latest)}
    return Tidied(latest, _some(left_out))


def governance_of(kind: str) -> str:
    """Say from a published type, code or words, whether a school is maintained or an academy."""
    if kind.upper() in TYPES:
        return TYPES[kind.upper()][1]
    words = kind.lower()
    if any(sign in words for sign in ACADEMY):
        return "academy"
    return "maintained" if any(sign in words for sign in MAINTAINED) else "unknown"


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {what: n for what, n in counts.items() if n}


def _status(text: str) -> str:
    known = {"1": "open", "2": "closed", "3": "open", "4": "proposed"}
    words = text.lower()
    begins = [word for word in ("open", "closed", "proposed") if words.startswith(word)]
    return known.get(text, begins[0] if begins else "unknown")


def _flag(text: pd.Series, otherwise: pd.Series) -> pd.Series:
    """Read a column of 1 and 0; where the file has none, take what the ages say."""
    return text.eq("1") if text.ne("").any() else otherwise


def _covers(low: pd.Series, high: pd.Series, starts: int, ends: int) -> pd.Series:
    """Say which schools teach at least half of an age span."""
    taught = high.clip(upper=ends) - low.clip(lower=starts)
    return taught.ge((ends - starts) / 2).fillna(False).astype(bool)


def _other(text: pd.Series, source: Source) -> pd.Series:
    number = pd.to_numeric(text.str.removesuffix(".0"), errors="coerce")
    other = number.where((number >= 100_000) & (number != NO_SCHOOL))
    wrong = other.notna() & ((other > 9_999_999) | (other % 1 != 0))
    form = "is not a URN of six or seven digits"
    refuse(text.index[wrong], text, source, "OTHERURN", form)
    return other.astype("Int64")
