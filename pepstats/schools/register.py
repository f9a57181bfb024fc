"""What each school is: its name, authority, phase, type and governance, by its latest word."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.formatting import plain_text, school_year, spell_number
from pepstats.measures import TYPES
from pepstats.sources import MAINSTREAM, NOT_STATED, SPECIAL, Results, governance_of


def attach_inspections(inspections: pd.DataFrame, known: pd.Series) -> pd.DataFrame:
    """Attach each school's latest inspection, whichever of its URNs it was made under.

    `inspections` is keyed `urn` (`outcome`, `inspected` and, where the file tells, `equivalent` and
    `previous`), from one file or several in turn; `known` gives the school of each URN. Keyed
    `school`, sorted; `previous` is what a file says, or the grade at the inspection before in these
    files. Inspections of URNs that no school has had are not about this study.
    """
    school = known.reindex(inspections.index)
    table = inspections.assign(school=school)[school.notna().to_numpy()].reset_index()
    table = table[table["inspected"].notna()].sort_values(["school", "inspected", "urn"])
    latest = table.drop_duplicates("school", keep="last").astype({"school": "int64"})
    latest = latest.set_index("school").sort_index()
    previous = _grade_before(table).reindex(latest.index)
    return latest.assign(previous=previous) if previous.notna().any() else latest


def _grade_before(table: pd.DataFrame) -> pd.Series:
    """Find each school's grade, or its equivalent, at the inspection before its latest."""
    each = pd.DataFrame({
        "school": table["school"], "inspected": table["inspected"], "grade": _equivalent(table),
        "previous": table.get("previous", pd.Series(np.nan, table.index)),
    }).groupby(["school", "inspected"])[["grade", "previous"]].last()  # fmt: skip
    told = each["previous"].fillna(each["grade"].groupby(level="school").shift())
    return told.groupby(level="school").tail(1).droplevel("inspected").astype(float)


def _equivalent(table: pd.DataFrame) -> pd.Series:
    """Return the overall grade of each inspection, or the grade that it is equivalent to."""
    overall = table["outcome"].astype(float)
    return overall if "equivalent" not in table else overall.fillna(table["equivalent"])


def grade_at(
    ofsted: pd.DataFrame | None,
    schools: pd.Index,
    day: pd.Timestamp,
    *,
    by_equivalent: bool = False,
) -> npt.NDArray[np.float64]:
    """Find each school's Ofsted outcome as it stood on a day, missing where it is not known.

    `ofsted` is keyed `school` with `outcome` (1 to 4), `inspected` (date) and, where known,
    `previous`: what stood before, if the latest inspection came after the day. `by_equivalent`
    takes an inspection without an overall grade for the grade that it is `equivalent` to.
    """
    nothing = np.full(len(schools), np.nan)
    if ofsted is None:
        return nothing
    table = ofsted.reindex(schools)
    then = (pd.to_datetime(table["inspected"]) <= day).to_numpy()
    later = (pd.to_datetime(table["inspected"]) > day).to_numpy()
    before = table["previous"].to_numpy(dtype=float) if "previous" in table else nothing
    now = (_equivalent(table) if by_equivalent else table["outcome"]).to_numpy(dtype=float)
    return np.asarray(np.where(then, now, np.where(later, before, np.nan)))


def say_register_year(register: int | None, results: int) -> str:
    """Say that the register is of another year than the results; nothing where it is not."""
    if register in (None, results):
        return ""
    then, apart = school_year(register), abs(results - register)
    return (
        f"The register of schools is of {then}, {spell_number(apart)} year{'s' * (apart > 1)} "
        f"{'older' if register < results else 'newer'} than the results of {school_year(results)}. "
        f"Whether a school is an academy, its phase and its trust are as of {then}."
    )


COLUMNS = ["name", "la", "phase", "school_type", "governance", "type", "trust", "opened", "closed",
           "urn", "urns"]  # fmt: skip

AUTHORITY_BECAME: dict[int, tuple[int, ...]] = {
    # old code: the codes it became, the one with most of its schools first
    836: (839,),  # Poole, into Bournemouth, Christchurch and Poole, April 2019
    837: (839,),  # Bournemouth, likewise
    835: (838, 839),  # Dorset, without Christchurch
    928: (941, 940),  # Northamptonshire, into West and North, April 2021
    909: (942, 943),  # Cumbria, into Cumberland and Westmorland and Furness, April 2023
}
"""Authorities that changed code; a study that has both sees one."""


def describe_schools(
    rows: pd.DataFrame,
    known: pd.Series,
    files: list[Results],
    register_rows: pd.DataFrame | None,
    trusts: pd.DataFrame | None,
) -> pd.DataFrame:
    """Describe each school: what its latest file says, then earlier ones, then the register."""
    said = pd.concat([
        one.identity[["name", "la", "record", "type", "age_range"]].assign(year=one.source.year)
        for one in files
    ])  # fmt: skip
    said["school"] = known.reindex(said.index).to_numpy()
    said = said.reset_index().sort_values(["school", "year", "urn"], kind="stable")
    said["record"] = said["record"].where(said["record"] != NOT_STATED)
    latest = said.groupby("school").last()  # the last that is not missing, column by column
    order = rows.sort_values(["year", "has_results", "urn"]).groupby("school")["urn"]
    latest["urn"] = rows.sort_values(["has_results", "year", "urn"]).groupby("school")["urn"].last()
    latest["urns"] = order.agg(lambda urns: " ".join(str(u) for u in dict.fromkeys(urns)))
    latest = _fill_from_register(latest, known, register_rows)
    latest["la"] = _settle_authorities(latest, register_rows)
    kinds = rows[rows["has_results"]].groupby("school")["kind"].agg(set).reindex(latest.index)
    ages = [_ages(text) for text in latest["age_range"]]
    special = latest["record"].eq(SPECIAL)
    latest["school_type"] = [_school_type(s, *a) for s, a in zip(special, ages, strict=True)]
    latest["phase"] = [
        _phase(s, k if isinstance(k, set) else set(), *a)
        for s, k, a in zip(special, kinds, ages, strict=True)
    ]
    latest["governance"] = latest["type"].fillna("").map(governance_of)
    latest["type"] = latest["type"].map(lambda t: TYPES.get(t, (t, ""))[0], na_action="ignore")
    if trusts is not None:
        latest["trust"] = latest["urn"].map(trusts["trust"]).fillna(latest["trust"])
    for column in ("name", "trust"):
        latest[column] = latest[column].map(plain_text, na_action="ignore")
    latest.index = latest.index.astype("int64")
    return latest[COLUMNS].sort_index()


def _fill_from_register(
    latest: pd.DataFrame, known: pd.Series, register_rows: pd.DataFrame | None
) -> pd.DataFrame:
    """Fill what the results files leave blank from the register's rows of the same school."""
    latest = latest.assign(trust=None, opened=pd.NaT, closed=pd.NaT)
    if register_rows is None:
        return latest.astype({"trust": "str"})
    listed = register_rows.assign(school=known.reindex(register_rows.index).to_numpy())
    listed = listed.dropna(subset=["school"]).sort_index()
    ages = listed["age_low"].astype("str") + "-" + listed["age_high"].astype("str")
    listed["age_range"] = ages.where(listed["age_low"].notna() & listed["age_high"].notna())
    record = listed["is_special"].map({True: SPECIAL, False: MAINSTREAM})
    by_school = listed.assign(record=record).groupby("school").last()
    for column in ("name", "la", "record", "type", "age_range", "trust"):
        latest[column] = latest[column].fillna(by_school[column].reindex(latest.index))
    latest["opened"] = listed.groupby("school")["opened"].first().reindex(latest.index)
    latest["closed"] = register_rows["closed"].reindex(latest["urn"]).to_numpy()
    return latest


def _settle_authorities(latest: pd.DataFrame, register_rows: pd.DataFrame | None) -> pd.Series:
    """Move schools of an authority that changed its code to the new one, if the study has it."""
    la = latest["la"].fillna(0).astype("int64")
    listed = pd.Series(0, index=latest.index)
    if register_rows is not None:
        own = register_rows["la"].reindex(latest["urn"]).fillna(0)
        listed = pd.Series(own.to_numpy("int64"), index=latest.index)
    there = set(la) | set(listed)
    for old, new in AUTHORITY_BECAME.items():
        if there & set(new):
            la = la.where(la != old, listed.where(listed.isin(new), new[0]))
    return la


def _ages(text: object) -> tuple[int | None, int | None]:
    match = re.fullmatch(r"(\d{1,2})\s*(?:-|to)\s*(\d{1,2})", str(text).strip())
    return (int(match[1]), int(match[2])) if match else (None, None)


def _school_type(special: bool, low: int | None, high: int | None) -> str:
    """Name a school's type from the ages it teaches; a junior school starts at 7."""
    if special:
        return "special"
    if low is None or high is None:
        return "unknown"
    if high <= 9 and low < 7:
        return "infant"
    if low == 7 and high <= 12:
        return "junior"
    if low < 8 and high >= 16:
        return "all-through"
    if low < 8:
        return "primary"
    return "middle" if high <= 14 else "secondary"


def _phase(special: bool, kinds: set[str], low: int | None, high: int | None) -> str:
    """Find which results a school has: those of key stage 2, of key stage 4, or both."""
    if special:
        return "special"
    teaches = set()
    if low is not None and high is not None:
        teaches = {k for k, span in (("ks2", low <= 10 <= high), ("ks4", high >= 16)) if span}
    has = kinds | (teaches if low is not None and low < 8 else set()) or teaches
    if has == {"ks2", "ks4"}:
        return "all-through"
    return "secondary" if has == {"ks4"} else "primary"
