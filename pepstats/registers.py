"""The tables that say what each school is: register, links, trusts and inspections."""

from __future__ import annotations

import re

import pandas as pd

from pepstats import codes, layouts
from pepstats.errors import SourceError
from pepstats.sources import Source

URN = re.compile(r"(\d{6,7})(\.0)?")
NO_SCHOOL = 999_999  # the spine's way of saying that there is no other URN
EARLIEST, LATEST = pd.Timestamp("1800-01-01"), pd.Timestamp("2100-01-01")


def clean_register(raw: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Give one row per URN of the Department's register: what the school is, when it opened.

    Reads the register behind the tables (`spine`) and Get Information About Schools
    (`edubasealldata`). Index `urn`, sorted; columns la, estab, name, status (open, closed,
    proposed), opened, closed, type, governance, is_special, is_primary, is_secondary, age_low,
    age_high, other_urn, trust.
    """
    spine = _column(raw, source, "LAESTAB", optional=True).ne("").any()
    urn = _urns(raw, source, "URN")
    names = {
        "la": ("LA", "LA (CODE)"), "estab": ("ESTAB", "ESTABLISHMENTNUMBER"),
        "name": ("SCHNAME", "ESTABLISHMENTNAME"),
        "status": ("ICLOSE", "ESTABLISHMENTSTATUS (NAME)"),
        "opened": ("OPENDATE",), "closed": ("CLOSEDATE",),
        "type": ("NFTYPE", "TYPEOFESTABLISHMENT (NAME)"),
        "group": ("MINORGROUP", "ESTABLISHMENTTYPEGROUP (NAME)"),
        "phase": ("PHASEOFEDUCATION (NAME)",), "primary": ("ISPRIMARY",),
        "secondary": ("ISSECONDARY",), "age_low": ("AGEL", "STATUTORYLOWAGE"),
        "age_high": ("AGEH", "STATUTORYHIGHAGE"), "other_urn": ("OTHERURN",),
        "trust": ("TRUSTS (NAME)",),
    }  # fmt: skip
    text = {n: _column(raw, source, *c, optional=True) for n, c in names.items()}
    low, high = (_numbers(text[n], source, n) for n in ("age_low", "age_high"))
    frame = pd.DataFrame({
        "urn": urn,
        "la": _numbers(text["la"], source, "LA").astype("Int64"),
        "estab": _numbers(text["estab"], source, "ESTAB").astype("Int64"),
        "name": _words(text["name"]),
        "status": text["status"].map(_status),
        "opened": _dates(text["opened"], source, "OPENDATE"),
        "closed": _dates(text["closed"], source, "CLOSEDATE"),
        "type": _words(text["type"]),
        "governance": [governance_of(t) for t in text["type"]],
        "is_special": text["type"].str.contains("pecial", regex=False)
        | text["group"].str.contains("pecial", regex=False),
        "is_primary": text["primary"].eq("1") if spine else _covers(low, high, 4, 11),
        "is_secondary": text["secondary"].eq("1") if spine else _covers(low, high, 11, 16),
        "age_low": low.astype("Int64"),
        "age_high": high.astype("Int64"),
        "other_urn": _other(text["other_urn"]),
        "trust": _words(text["trust"]),
    })  # fmt: skip
    return _once(frame, ["urn"], source).set_index("urn", verify_integrity=True).sort_index()


def clean_links(raw: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Give each link between schools once, from the earlier URN to the later.

    Sixth-form centres, other links and changes of age range say nothing of who became whom and
    are left out. Columns before, after, date (missing where not given), what (succession,
    merger, split, amalgamation); sorted, one row per pair.
    """
    kind = _column(raw, source, "LINKTYPE").str.lower()
    urn, linked = _urns(raw, source, "URN"), _urns(raw, source, "LINKURN")
    date = _dates(_column(raw, source, "LINKESTABLISHEDDATE", optional=True), source, "LINKESTABLISHEDDATE")  # fmt: skip
    frame = pd.DataFrame({"urn": urn, "linked": linked, "kind": kind, "date": date})
    followed = kind.str.startswith(("successor", "predecessor", "result of amalgamation"))
    known = followed | kind.str.startswith(("sixth form centre", "other", "merged - ", "expansion", "closure"))  # fmt: skip
    if (~known).any():
        row, what = frame.index[~known][0], frame.loc[~known, "kind"].iloc[0]
        raise SourceError(
            f"{source.file}, row {row}, column LinkType: `{what[:40]}` is no link we know "
            f"({int((~known).sum()):,} rows)."
        )
    frame = frame[followed & (urn != linked)]
    forwards = frame["kind"].str.startswith("successor")
    backwards = frame["kind"].str.startswith("predecessor")
    words = {"merged": "merger", "split": "split", "amalgamat": "amalgamation"}
    what = pd.Series("succession", index=frame.index, dtype="str")
    for sign, word in words.items():
        what = what.mask(frame["kind"].str.contains(sign, regex=False), word)
    # "Result of amalgamation" is written on both schools alike: the later number is the result.
    onward = forwards | (~backwards & (frame["urn"] < frame["linked"]))
    pairs = pd.DataFrame({
        "before": frame["urn"].where(onward, frame["linked"]),
        "after": frame["linked"].where(onward, frame["urn"]),
        "date": frame["date"],
        "what": what,
    })  # fmt: skip
    pairs = pairs.sort_values(["before", "after", "date", "what"], na_position="last")
    return pairs.drop_duplicates(["before", "after"]).reset_index(drop=True)


def clean_trusts(raw: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Give each academy's trust: index `urn`, columns trust, joined, name, la; sponsors left out."""
    kind = _column(raw, source, "GROUP TYPE", optional=True)
    frame = pd.DataFrame({
        "urn": _urns(raw, source, "URN"),
        "trust": _words(_column(raw, source, "GROUP NAME")),
        "joined": _dates(_column(raw, source, "JOINED DATE", optional=True), source, "JOINED DATE"),
        "name": _words(_column(raw, source, "ESTABLISHMENTNAME", optional=True)),
        "la": _numbers(_column(raw, source, "LA (CODE)", optional=True), source, "LA (CODE)").astype("Int64"),
    })[~kind.str.contains("sponsor", case=False, regex=False)]  # fmt: skip
    latest = frame.sort_values(["urn", "joined", "trust"], na_position="first")
    return latest.drop_duplicates("urn", keep="last").set_index("urn").sort_index()


def clean_ofsted(raw: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Give each school's latest inspection: index `urn`, columns outcome (1 to 4), inspected, published, phase, name."""  # fmt: skip
    outcome = _numbers(_column(raw, source, "OVERALL EFFECTIVENESS"), source, "OVERALL EFFECTIVENESS")  # fmt: skip
    wrong = raw.index[outcome.notna() & ~outcome.isin([1, 2, 3, 4])]
    if len(wrong):
        raise SourceError(
            f"{source.file}, row {wrong[0]}, column Overall effectiveness: not 1 to 4 "
            f"({len(wrong):,} rows)."
        )
    frame = pd.DataFrame({
        "urn": _urns(raw, source, "URN"),
        "outcome": outcome.astype("Int64"),
        "inspected": _dates(_column(raw, source, "INSPECTION DATE"), source, "INSPECTION DATE"),
        "published": _dates(_column(raw, source, "PUBLICATION DATE", optional=True), source, "PUBLICATION DATE"),
        "phase": _words(_column(raw, source, "OFSTED PHASE", optional=True)),
        "name": _words(_column(raw, source, "SCHOOL NAME", optional=True)),
    })  # fmt: skip
    latest = frame.sort_values(["urn", "inspected"], na_position="first")
    return latest.drop_duplicates("urn", keep="last").set_index("urn").sort_index()


def governance_of(kind: str) -> str:
    """Say from a published type, code or words, whether a school is maintained or an academy."""
    if kind.upper() in codes.TYPES:
        return codes.TYPES[kind.upper()][1]
    words = kind.lower()
    if any(sign in words for sign in ("academy", "free school", "studio", "technical", "technology")):  # fmt: skip
        return "academy"
    if any(sign in words for sign in ("community", "voluntary", "foundation", "maintained nursery", "pupil referral", "local authority nursery")):  # fmt: skip
        return "maintained"
    return "unknown"


def _column(raw: pd.DataFrame, source: Source, *names: str, optional: bool = False) -> pd.Series:
    """Give a column's text by any of its published names, without blanks round it."""
    for name in raw.columns:
        if layouts.tidy(name) in names:
            return raw[name].astype(object).fillna("").astype("str").str.strip()
    if optional:
        return pd.Series("", index=raw.index, dtype="str")
    raise SourceError(f"{source.file}, row 1: there is no column {' or '.join(names)}.")


def _urns(raw: pd.DataFrame, source: Source, name: str) -> pd.Series:
    text = _column(raw, source, name)
    found = text.str.fullmatch(URN.pattern)
    if (~found).any():
        row = text.index[~found][0]
        raise SourceError(
            f"{source.file}, row {row}, column {name}: `{text[row][:40]}` is not a URN of six or "
            f"seven digits ({int((~found).sum()):,} rows)."
        )
    return text.str.removesuffix(".0").astype("int64")


def _numbers(text: pd.Series, source: Source, name: str) -> pd.Series:
    known_blank = text.eq("") | text.str.lower().isin({"na", "n/a", "null", "not applicable"})
    value = pd.to_numeric(text.mask(known_blank), errors="coerce")
    wrong = text.index[value.isna() & ~known_blank]
    if len(wrong):
        raise SourceError(
            f"{source.file}, row {wrong[0]}, column {name}: `{text[wrong[0]][:40]}` is not a "
            f"number ({len(wrong):,} rows)."
        )
    return value.astype(float)


def _dates(text: pd.Series, source: Source, name: str) -> pd.Series:
    """Read dates written 2018-04-01, 01-04-2018 or 01/04/2018; missing where blank."""
    plain = text.str.slice(0, 10).str.replace("/", "-", regex=False)
    iso = pd.to_datetime(plain, format="%Y-%m-%d", errors="coerce")
    date = iso.fillna(pd.to_datetime(plain, format="%d-%m-%Y", errors="coerce"))
    wrong = text.index[date.isna() & text.ne("")]
    if len(wrong):
        raise SourceError(
            f"{source.file}, row {wrong[0]}, column {name}: `{text[wrong[0]][:40]}` is not a date "
            f"such as 2018-04-01 or 01-04-2018 ({len(wrong):,} rows)."
        )
    return date


def _words(text: pd.Series) -> pd.Series:
    return text.where(text.ne(""))


def _status(text: str) -> str:
    known = {"1": "open", "2": "closed", "3": "open", "4": "proposed"}
    words = text.lower()
    return known.get(text, "closed" if words.startswith("closed") else
                     "proposed" if words.startswith("proposed") else
                     "open" if words.startswith("open") else "unknown")  # fmt: skip


def _covers(low: pd.Series, high: pd.Series, starts: int, ends: int) -> pd.Series:
    """Say which schools teach at least half of an age span."""
    taught = high.clip(upper=ends) - low.clip(lower=starts)
    return taught.ge((ends - starts) / 2).fillna(False).astype(bool)


def _other(text: pd.Series) -> pd.Series:
    number = pd.to_numeric(text.str.removesuffix(".0"), errors="coerce")
    return number.where((number >= 100_000) & (number != NO_SCHOOL)).astype("Int64")


def _once(frame: pd.DataFrame, key: list[str], source: Source) -> pd.DataFrame:
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
